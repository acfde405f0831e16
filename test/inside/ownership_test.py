"""Finding and repairing owners, as root on real files: what is changed, and above all what is not."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import ownership_walk
import pytest
from ownership import SAME_IDS, UNMAPPED, IdMap, MachineIds, Wanted

SCRIPT = Path(__file__).resolve().parents[2] / "tasks/inside/ownership/fix_ownership.py"
UID, GID = 1234, 5678

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of others")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder of the user's."""
    folder = tmp_path / "project"
    folder.mkdir()
    own(folder)
    return folder


def own(*paths: Path, uid: int = UID, gid: int = GID) -> None:
    for path in paths:
        os.chown(path, uid, gid, follow_symlinks=False)


def write(path: Path, text: str = "text", *, uid: int = UID, gid: int = GID, mode: int = 0o644) -> Path:
    path.write_text(text)
    own(path, uid=uid, gid=gid)
    path.chmod(mode)
    return path


def owner(path: Path) -> tuple[int, int]:
    status = path.lstat()
    return status.st_uid, status.st_gid


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def helper(project: Path, *options: str, everything: bool = True) -> dict:
    """What it found; a project of a few files is easily somebody else's altogether."""
    return json.loads(lines(project, *options, *(["--all"] if everything else []))[-1])


def lines(project: Path, *options: str, undo: str | None = None) -> list[str]:
    command = [sys.executable, str(SCRIPT), str(project), "--uid", str(UID), "--gid", str(GID), *options]
    ended = subprocess.run(command, capture_output=True, text=True, input=undo)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.splitlines()


def test_what_belongs_to_others_is_counted_by_owner_with_its_size(project: Path) -> None:
    write(project / "mine")
    write(project / "a", "12345", uid=0, gid=0)
    write(project / "b", "123", uid=0, gid=0)
    write(project / "c", "1", uid=1000, gid=100)
    found = helper(project)
    owners = {(one["uid"], one["gid"]): one for one in found["owners"]}
    assert (owners[0, 0]["count"], owners[0, 0]["bytes"]) == (2, 8)
    assert sorted(owners[0, 0]["examples"]) == ["a", "b"]
    assert (owners[1000, 100]["count"], owners[1000, 100]["bytes"]) == (1, 1)
    assert (found["entries"], found["changed"]) == (5, 0)
    assert owner(project / "a") == (0, 0)


def test_everything_that_is_found_is_repaired_and_a_second_time_there_is_nothing(project: Path) -> None:
    (project / "secret/deep").mkdir(parents=True)
    (project / "secret").chmod(0o700)
    write(project / "secret/deep/x", uid=7, gid=7, mode=0o000)
    os.mkfifo(project / "pipe")
    own(project, uid=0, gid=0)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(project / "socket"))
        assert helper(project, "--repair")["changed"] == 6
    everything = [project, *project.rglob("*")]
    assert {owner(path) for path in everything} == {(UID, GID)}
    assert mode(project / "secret/deep/x") == 0o000
    again = helper(project, "--repair")
    assert (again["owners"], again["changed"], again["entries"]) == ([], 0, 6)


def test_what_is_right_already_is_not_touched(project: Path) -> None:
    before = write(project / "mine").stat().st_ctime_ns
    write(project / "other", uid=0)
    helper(project, "--repair", "--group")
    assert owner(project / "other") == (UID, GID)
    write(project / "mine2", mode=0o664)
    unchanged = (project / "mine2").stat().st_ctime_ns
    helper(project, "--repair", "--group")
    assert (project / "mine2").stat().st_ctime_ns == unchanged
    assert (project / "mine").stat().st_ctime_ns > before  # it lacked the right to write


def test_names_may_hold_anything(project: Path) -> None:
    names = [b"new\nline", b"a space", b"quote'\"", b"co:lon", b"-rf", b"caf\xe9", "Ü".encode(), b"\x1b[31m"]
    for name in names:
        os.close(os.open(os.path.join(os.fsencode(project), name), os.O_CREAT | os.O_WRONLY))
    assert helper(project, "--repair")["changed"] == len(names)
    assert {entry.stat().st_uid for entry in os.scandir(project)} == {UID}


def test_links_are_given_away_themselves_and_never_followed(project: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    write(outside / "x", uid=0, gid=0, mode=0o600)
    (project / "file").symlink_to(outside / "x")
    (project / "folder").symlink_to(outside)
    (project / "dangling").symlink_to("nowhere")
    assert helper(project, "--repair", "--group")["owners"][0]["count"] == 3
    assert {owner(project / name) for name in ("file", "folder", "dangling")} == {(UID, GID)}
    assert [owner(outside), owner(outside / "x"), mode(outside / "x")] == [(0, 0), (0, 0), 0o600]


@pytest.mark.parametrize("swapped", ["enter", "change"])
def test_what_is_swapped_for_a_link_meanwhile_leads_nowhere(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, swapped: str
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    write(outside / "x", uid=0, gid=0, mode=0o600)
    victim = project / "victim"
    victim.mkdir()
    original = getattr(ownership_walk.OwnershipWalk, swapped)

    def swap_first(self: object, parent: int | None, name: str, *rest: object) -> object:
        if name == "victim" and not victim.is_symlink():
            victim.rmdir()
            victim.symlink_to(outside)
        return original(self, parent, name, *rest)

    monkeypatch.setattr(ownership_walk.OwnershipWalk, swapped, swap_first)
    ids = MachineIds(SAME_IDS, SAME_IDS, SAME_IDS, SAME_IDS)
    wanted = Wanted(UID, GID, [], True)
    walk = ownership_walk.OwnershipWalk(str(project), wanted, ids.of, frozenset(), lambda change: None)
    walk.run()
    assert victim.is_symlink()
    assert [owner(outside), owner(outside / "x"), mode(outside / "x")] == [(0, 0), (0, 0), 0o600]
    assert mode(outside) == 0o755


def test_a_file_with_hard_links_outside_stays_and_is_named(project: Path, tmp_path: Path) -> None:
    outside = write(tmp_path / "shadow", uid=0, gid=0, mode=0o640)
    os.link(outside, project / "x")
    found = helper(project, "--repair", "--group")
    assert owner(outside) == (0, 0)
    assert mode(outside) == 0o640
    assert [(one["reason"], one["examples"]) for one in found["left"]] == [
        (ownership_walk.LINKED_OWNER, ["x"])
    ]


def test_a_file_whose_hard_links_are_all_inside_is_repaired_and_counted_once(project: Path) -> None:
    write(project / "a", "12345", uid=0, gid=0)
    (project / "folder").mkdir()
    own(project / "folder")
    os.link(project / "a", project / "folder/b")
    found = helper(project, "--repair")
    assert (found["changed"], found["owners"][0]["count"], found["owners"][0]["bytes"]) == (1, 1, 5)
    assert owner(project / "folder/b") == (UID, GID)
    assert found["left"] == []


def test_rights_are_not_given_to_a_file_with_hard_links_outside(project: Path, tmp_path: Path) -> None:
    cached = write(tmp_path / "cached")
    os.link(cached, project / "x")
    found = helper(project, "--repair", "--group")
    assert mode(cached) == 0o644
    assert [one["reason"] for one in found["kept"]] == [ownership_walk.LINKED_MODE]
    assert found["left"] == []


@pytest.mark.parametrize("kind", ["tmpfs", "bind"])
def test_what_is_mounted_inside_is_left_alone(project: Path, tmp_path: Path, kind: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    mounted = project / "mounted data"
    mounted.mkdir()
    own(mounted)
    command = ["mount", "-t", "tmpfs", "none"] if kind == "tmpfs" else ["mount", "--bind", str(outside)]
    if subprocess.run([*command, str(mounted)], capture_output=True).returncode != 0:
        pytest.skip("this root may not mount")
    try:
        write(mounted / "x", uid=0, gid=0)
        found = helper(project, "--repair")
        assert owner(mounted / "x") == (0, 0)
    finally:
        subprocess.run(["umount", str(mounted)], check=True)
    assert found["owners"] == []
    assert [(one["reason"], one["examples"]) for one in found["kept"]] == [
        (ownership_walk.MOUNTED, ["mounted data"])
    ]


def test_a_group_that_is_right_too_stays(project: Path) -> None:
    write(project / "shared", gid=42)
    write(project / "foreign", uid=0, gid=42)
    write(project / "other", gid=43)
    assert helper(project, "--repair", "--also-gid", "42")["changed"] == 2
    assert [owner(project / name) for name in ("shared", "foreign", "other")] == [
        (UID, 42),
        (UID, 42),
        (UID, GID),
    ]


@pytest.mark.parametrize(
    ("before", "after"), [(0o644, 0o664), (0o400, 0o460), (0o755, 0o775), (0o660, 0o660), (0o000, 0o060)]
)
def test_group_adds_reading_and_writing_to_files(project: Path, before: int, after: int) -> None:
    file = write(project / "x", mode=before)
    helper(project, "--repair", "--group")
    assert mode(file) == after


@pytest.mark.parametrize(
    ("before", "after"), [(0o755, 0o775), (0o700, 0o770), (0o2755, 0o2775), (0o1777, 0o1777)]
)
def test_group_adds_entering_to_folders(project: Path, before: int, after: int) -> None:
    folder = project / "folder"
    folder.mkdir()
    own(folder)
    folder.chmod(before)
    helper(project, "--repair", "--group")
    assert mode(folder) == after


def test_a_program_that_ran_as_its_owner_does_not_run_as_the_user(project: Path) -> None:
    program = write(project / "x", uid=0, gid=0, mode=0o6755)
    helper(project, "--repair", "--group")
    assert owner(program) == (UID, GID)
    assert mode(program) == 0o775


def test_deep_folders_are_reached(project: Path) -> None:
    os.chdir(project)
    try:
        for _ in range(1200):
            os.mkdir("d")
            os.chdir("d")
        limit = ["prlimit", "--nofile=4096:4096"]
        command = [*limit, sys.executable, str(SCRIPT), str(project), "--uid", str(UID), "--gid", str(GID)]
        ended = subprocess.run([*command, "--repair", "--all"], capture_output=True, text=True, cwd=project)
        assert json.loads(ended.stdout.splitlines()[-1])["changed"] == 1200, ended.stderr
        assert os.stat(".").st_uid == UID
    finally:
        os.chdir(project.parent)
        subprocess.run(["rm", "-rf", str(project / "d")], check=True)


def test_what_can_not_be_read_or_changed_is_counted_by_reason() -> None:
    become = ["setpriv", f"--reuid={UID}", f"--regid={GID}", "--clear-groups"]
    if subprocess.run([*become, sys.executable, "-c", ""], capture_output=True).returncode != 0:
        pytest.skip("another user can't start this Python")
    with tempfile.TemporaryDirectory() as folder:  # pytest's own folders are closed to other users
        project = Path(folder)
        project.chmod(0o755)
        own(project)
        (project / "secret").mkdir(mode=0o700)
        write(project / "x", uid=0)
        command = [sys.executable, str(SCRIPT), folder, "--uid", str(UID), "--gid", str(GID), "--repair"]
        ended = subprocess.run([*become, *command], capture_output=True, text=True, check=True)
    left = {one["reason"]: one["examples"] for one in json.loads(ended.stdout.splitlines()[-1])["left"]}
    assert sorted(left["Operation not permitted"]) == ["secret", "x"]
    assert left["what is in it can't be read (Permission denied)"] == ["secret"]


@pytest.mark.parametrize(
    ("outside", "inside"), [(1234, 0), (100000, 1), (100999, 1000), (0, UNMAPPED), (200000, UNMAPPED)]
)
def test_ids_of_the_machine_are_others_in_a_rootless_container(outside: int, inside: int) -> None:
    ids = IdMap("         0       1234          1\n         1     100000      65536\n")
    assert ids.inside(outside) == inside
    assert ids.outside(inside) == (outside if inside != UNMAPPED else UNMAPPED)


ROOTLESS = "0 1234 1 1 100000 65536"


def test_the_namespace_of_the_caller_has_the_machines_ids_whatever_its_map() -> None:
    in_a_machine_of_its_own = "0 100000 65536"
    ids = MachineIds(in_a_machine_of_its_own, SAME_IDS, "         0     100000      65536\n", SAME_IDS + "\n")
    assert ids.uids.inside(1234) == 1234
    other = MachineIds(SAME_IDS, SAME_IDS, ROOTLESS.replace(" 1 1", " 1\n1"), SAME_IDS)
    assert (other.uids.inside(1234), other.uids.inside(100999)) == (0, 1000)


@pytest.mark.parametrize("caller", [(4242, 4242), (4242, 0), (0, 4242)])
def test_nothing_is_touched_where_the_caller_sees_other_owners(
    project: Path, caller: tuple[int, int]
) -> None:
    write(project / "x", uid=0, gid=0)
    write(project / "mine")
    seen = ["--seen", f"{UID}:{GID}:.", "--seen", f"{caller[0]}:{caller[1]}:x"]
    assert lines(project, "--repair", "--all", *seen) == [
        json.dumps({"refused": "other ids", "path": "x", "caller": list(caller), "here": [0, 0]})
    ]
    assert owner(project / "x") == (0, 0)


def test_nothing_is_touched_where_nearly_everything_is_somebody_elses(project: Path) -> None:
    for number in range(20):
        write(project / f"{number}", uid=4242, gid=4242)
    refused = helper(project, "--repair", everything=False)
    assert (refused["refused"], refused["entries"], refused["owners"][0]["count"]) == (
        "nearly everything",
        21,
        20,
    )
    assert owner(project / "0") == (4242, 4242)
    assert helper(project, "--repair", everything=True)["changed"] == 20


def test_a_repair_is_taken_back_from_its_list_with_the_rights(project: Path) -> None:
    write(project / "program", uid=0, gid=42, mode=0o4755)
    write(project / "new\nline \udce9", uid=7, gid=8, mode=0o600)
    (project / "link").symlink_to("program")
    own(project / "link", uid=7, gid=8)
    folder = project / "folder"
    folder.mkdir(mode=0o700)
    own(folder, uid=7, gid=8)
    write(folder / "x", uid=7, gid=8)
    before = {path: (owner(path), mode(path)) for path in [*project.rglob("*")]}
    *changes, result = lines(project, "--repair", "--all", "--group")
    assert json.loads(result)["changed"] == len(changes) == 5 + 1  # the project's own folder got rights, too
    assert {owner(path) for path in before} == {(UID, GID)}
    back = json.loads(lines(project, "--undo", undo="\n".join(changes))[-1])
    assert (back["entries"], back["changed"], back["left"]) == (6, 6, [])
    assert {path: (owner(path), mode(path)) for path in before} == before


def test_taking_back_leaves_what_somebody_changed_since_and_never_follows_a_link(
    project: Path, tmp_path: Path
) -> None:
    outside = write(tmp_path / "outside", uid=UID, gid=GID)
    (project / "folder").mkdir()
    for path in (write(project / "x"), write(project / "y"), project / "folder", write(project / "folder/z")):
        own(path, uid=7, gid=8)
    *changes, _ = lines(project, "--repair", "--all")
    own(project / "x", uid=9, gid=9)
    (project / "y").unlink()
    (project / "folder/z").unlink()
    (project / "folder").rmdir()
    (project / "folder").symlink_to(tmp_path)
    write(tmp_path / "z")
    back = json.loads(lines(project, "--undo", undo="\n".join(changes))[-1])
    reasons = {one["reason"]: one["count"] for one in back["left"]}
    assert reasons["it is not as the repair left it"] == 2  # x, and the link, which is root's
    assert sum(reasons.values()) == 4
    assert [owner(outside), owner(tmp_path / "z"), owner(project / "x")] == [(UID, GID), (UID, GID), (9, 9)]
