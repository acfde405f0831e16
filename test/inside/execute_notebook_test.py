"""The notebook driver end to end: its command line on real kernels."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from notebook.process import without_debugger
from notebook_driver import drive, read_json, record, start, texts, write_notebook


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int, str]]:
    """Two notebooks of the same file name, executed in one call."""
    folder = tmp_path_factory.mktemp("two")
    sources = (
        "import os\nprint(os.getcwd())",
        "print('out')\nimport sys\nprint('err', file=sys.stderr)",
        "6 * 7",
    )
    write_notebook(folder / "a" / "same.ipynb", *sources)
    write_notebook(
        folder / "b" / "same.ipynb", *sources, "from IPython.display import HTML\nHTML('<b>bold</b>')"
    )
    before = [path.read_bytes() for path in sorted(folder.rglob("*.ipynb"))]
    code, text = drive("a/same.ipynb", "b/same.ipynb", "--out", "out", "--html", cwd=folder)
    assert [(folder / name / "same.ipynb").read_bytes() for name in "ab"] == before
    yield folder, code, text


def test_notebooks_of_one_name_get_outputs_of_their_own(two: tuple[Path, int, str]) -> None:
    folder, code, text = two
    assert code == 0, text
    assert [entry["output"] for entry in read_json(folder / "out" / "notebooks.json")] == [
        "out/a/same.ipynb",
        "out/b/same.ipynb",
    ]
    assert texts(folder / "out/a/same.ipynb")[1:] == ["out\nerr\n", "42"]


def test_a_kernel_works_in_its_notebook_s_folder(two: tuple[Path, int, str]) -> None:
    folder = two[0]
    for name in "ab":
        assert texts(folder / "out" / name / "same.ipynb")[0] == f"{os.path.realpath(folder / name)}\n"


def test_no_kernel_sees_what_the_driver_sets_for_itself(tmp_path: Path) -> None:
    for name in "ab":
        write_notebook(tmp_path / f"{name}.ipynb", "import os\nprint(os.environ.get('NBFORMAT_VALIDATOR'))")
    code, text = drive("a.ipynb", "b.ipynb", "--out", "out", cwd=tmp_path)
    assert (code, text.count("None\n")) == (0, 2), text
    code, text = drive("a.ipynb", "--out", "out", cwd=tmp_path, env={"NBFORMAT_VALIDATOR": "fastjsonschema"})
    assert code == 0 and "fastjsonschema\n" in text


def test_progress_has_cell_number_elapsed_time_and_source(two: tuple[Path, int, str]) -> None:
    assert re.search(r"\[a/same\.ipynb\] cell 2 of 3  0:00:\d\d  print\('out'\)\nout\nerr\n", two[2])
    assert "[b/same.ipynb] done: 4 of 4 cells in 0:00:" in two[2]


def test_html_is_written_beside_the_executed_notebook(two: tuple[Path, int, str]) -> None:
    assert "<b>bold</b>" in (two[0] / "out/b/same.html").read_text(encoding="utf-8")


def test_the_record_says_what_became_of_each_notebook_and_what_its_kernel_ran_with(
    two: tuple[Path, int, str],
) -> None:
    entry = read_json(two[0] / "out" / "notebooks.json")[1]
    assert (entry["source"], entry["status"], entry["error"]) == ("b/same.ipynb", "done", None)
    assert (entry["cells"], entry["executed"]) == (4, 4)
    assert 0 < entry["seconds"] < 60
    assert entry["kernel"]["python"].startswith("3.")
    assert entry["kernel"]["packages"]["nbclient"]
    assert "torch" not in entry["kernel"]


def test_no_temporary_file_is_left(two: tuple[Path, int, str]) -> None:
    assert not list(two[0].rglob("*.tmp"))
    assert not list(two[0].rglob(".*"))


def test_cwd_sets_the_kernel_s_folder_and_sockets_are_private_and_removed(tmp_path: Path) -> None:
    path = write_notebook(
        tmp_path / "where.ipynb",
        "import json, os\nfrom ipykernel.connect import get_connection_file\nfile = get_connection_file()",
        "print(os.getcwd())",
        "print(json.load(open(file))['transport'], oct(os.stat(os.path.dirname(file)).st_mode & 0o777))",
        "print(os.path.dirname(file))",
    )
    (tmp_path / "elsewhere").mkdir()
    code, text = drive(path, "--out", tmp_path / "out", "--cwd", tmp_path / "elsewhere")
    assert code == 0, text
    _, cwd, transport, folder = texts(tmp_path / "out" / "where.ipynb")
    assert cwd.strip() == os.path.realpath(tmp_path / "elsewhere")
    assert transport.split() == ["ipc", "0o700"]
    assert not Path(folder.strip()).exists()


def test_folders_on_the_path_are_relative_to_where_the_step_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rooted.py").write_text("value = 7\n")
    (tmp_path / "notebooks").mkdir()
    path = write_notebook(tmp_path / "notebooks" / "a.ipynb", "import rooted\nprint(rooted.value)")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([".", *filter(None, [os.environ.get("PYTHONPATH")])]))
    code, text = drive(path, "--out", tmp_path / "out")
    assert code == 0, text
    assert texts(tmp_path / "out" / "a.ipynb") == ["7\n"]


def test_a_kernel_is_as_jupyter_starts_it_but_for_the_debugger(tmp_path: Path) -> None:
    path = write_notebook(
        tmp_path / "kernel.ipynb",
        "import json, sys\nprint(json.dumps([sys.argv[0], sys.path, 'debugpy' in sys.modules]))",
        "import debugpy\nprint(debugpy.__name__)",
    )
    code, text = drive(path, "--out", tmp_path / "out")
    assert code == 0, text
    known, imported = texts(tmp_path / "out" / "kernel.ipynb")
    argv, found, has_debugger = json.loads(known)
    assert (os.path.basename(argv), has_debugger, imported) == ("ipykernel_launcher.py", False, "debugpy\n")
    # As -m leaves it, the launcher having taken the working folder out, which IPython puts back as "".
    plain = subprocess.run(
        [sys.executable, "-c", "import json, sys; print(json.dumps(sys.path))"],
        capture_output=True,
        check=True,
        cwd=tmp_path,
        text=True,
    )
    assert [entry for entry in found if entry] == [entry for entry in json.loads(plain.stdout) if entry]


def test_only_a_plain_ipykernel_of_this_python_is_started_without_its_debugger(tmp_path: Path) -> None:
    launch = ["-m", "ipykernel_launcher", "-f", "FILE"]
    here, linked, another = sys.executable, str(tmp_path / "python"), str(tmp_path / "python3.6")
    os.symlink(here, linked)
    Path(another).touch()
    for before in ([here], [linked, "-Xfrozen_modules=off"], [here, "-E"]):
        argv = without_debugger([*before, *launch])
        assert argv[0] == before[0] and argv[-2:] == ["-f", "FILE"]
        assert argv[-3].endswith("/start_ipykernel.py")
        assert argv[1:-3] == [option for option in before[1:] if option == "-E"]
    for other in (
        [another, *launch],
        ["conda", "run", "-n", "ml", "python", *launch],
        [here, "wrapper.py", *launch],
        [here, "-m", "bash_kernel", "-f", "FILE"],
        ["R", "--slave", "-e", "IRkernel::main()", "--args", "FILE"],
    ):
        assert without_debugger(other) == other


def _start_ahead(folder: Path, *sources: str) -> subprocess.Popen[str]:
    write_notebook(folder / "ahead.ipynb", *sources)
    ahead = {"EXPERIMENT_AHEAD": "1", "TMPDIR": str(folder)}
    process = start("ahead.ipynb", "--out", "out", cwd=folder, env=ahead, stdin=subprocess.PIPE)
    while not list(folder.glob("notebook-kernel-*/connection.json")):
        assert process.poll() is None
        time.sleep(0.02)
    return process


def test_started_ahead_it_executes_what_is_there_when_it_is_let_go(tmp_path: Path) -> None:
    process = _start_ahead(tmp_path, "open('too-early', 'w')")
    write_notebook(tmp_path / "ahead.ipynb", "import os\nprint(os.environ.get('EXPERIMENT_AHEAD'))")
    text, _ = process.communicate("\n", timeout=60)
    assert process.returncode == 0, text
    assert texts(tmp_path / "out" / "ahead.ipynb") == ["None\n"]
    assert not (tmp_path / "too-early").exists()


def test_started_ahead_and_told_nothing_it_executes_nothing(tmp_path: Path) -> None:
    process = _start_ahead(tmp_path, "open('too-early', 'w')")
    text, _ = process.communicate("", timeout=60)
    assert (process.returncode, text) == (1, "")
    assert not (tmp_path / "too-early").exists() and not list(tmp_path.glob("notebook-kernel-*"))


def test_jobs_run_side_by_side_with_prefixed_lines(tmp_path: Path) -> None:
    meet = """
import pathlib, time
pathlib.Path("{mine}").touch()
while not pathlib.Path("{other}").exists():
    time.sleep(0.05)
print("met")"""
    write_notebook(tmp_path / "one.ipynb", meet.format(mine="1", other="2"))
    write_notebook(tmp_path / "two.ipynb", meet.format(mine="2", other="1"))
    code, text = drive(
        "one.ipynb", "two.ipynb", "--out", "out", "--jobs", "2", "--timeout", "20", cwd=tmp_path
    )
    assert code == 0, text
    assert "[one.ipynb] met\n" in text and "[two.ipynb] met\n" in text


def test_tags_skip_a_cell_and_expect_an_error(tmp_path: Path) -> None:
    tags = {0: "skip-execution", 1: "raises-exception"}
    path = write_notebook(tmp_path / "tagged.ipynb", "1/0", "int('x')", "print('reached')", tags=tags)
    code, text = drive(path, "--out", tmp_path / "out")
    assert code == 0, text
    assert "reached\n" in text and "ZeroDivisionError" not in text
    assert record(tmp_path / "out")["executed"] == 2


def test_input_raises_clearly(tmp_path: Path) -> None:
    code, text = drive(write_notebook(tmp_path / "ask.ipynb", "input('name?')"), "--out", tmp_path / "out")
    assert code == 1
    assert "StdinNotImplementedError" in text and "does not support input requests" in text
