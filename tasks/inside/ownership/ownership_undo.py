"""Takes back what a repair did, from the list that it wrote."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable

from ownership import MachineIds
from ownership_walk import OPEN_FOLDER, Change, Tally

CHANGED_SINCE = "it is not as the repair left it"


def list_line(change: Change, ids: MachineIds) -> str:
    """A change as a line of the list: ids are the machine's, before and after, and the rights before."""
    before = [*ids.of(change.before), stat.S_IMODE(change.before.st_mode)]
    after = [ids.uids.outside(change.uid), ids.gids.outside(change.gid)]
    return json.dumps([change.path, *before, *after])


def undo(root: str, lines: Iterable[str], ids: MachineIds) -> dict[str, object]:
    """Gives entries back to whom they belonged, unless somebody has changed them since."""
    changed = 0
    left: dict[str, Tally] = {}
    entries = [json.loads(line) for line in lines if line.strip()]
    for path, uid, gid, mode, uid_after, gid_after in reversed(entries):
        try:
            if give_back(root, path, ids, (uid, gid), mode, (uid_after, gid_after)):
                changed += 1
            else:
                left.setdefault(CHANGED_SINCE, Tally()).add(path)
        except OSError as error:
            left.setdefault(str(error.strerror), Tally()).add(path)
    return {
        "entries": len(entries),
        "changed": changed,
        "left": [{"reason": reason, **vars(tally)} for reason, tally in left.items()],
    }


def give_back(
    root: str, path: str, ids: MachineIds, before: tuple[int, int], mode: int, after: tuple[int, int]
) -> bool:
    """Whether the entry was as the repair left it; no link on the way to it is followed."""
    *folders, name = [".", *[part for part in path.split("/") if part != "."]]
    if name == "..":
        raise ValueError(f"no path inside of the folder: {path}")
    parent = os.open(root, OPEN_FOLDER)
    try:
        for folder in folders:
            if folder == "..":
                raise ValueError(f"no path inside of the folder: {path}")
            inner = os.open(folder, OPEN_FOLDER, dir_fd=parent)
            os.close(parent)
            parent = inner
        status = os.stat(name, dir_fd=parent, follow_symlinks=False)
        if ids.of(status) != after:
            return False
        owner = ids.uids.inside(before[0]), ids.gids.inside(before[1])
        os.chown(name, *owner, dir_fd=parent, follow_symlinks=False)
        if not stat.S_ISLNK(status.st_mode):
            set_mode(parent, name, mode)
        return True
    finally:
        os.close(parent)


def set_mode(parent: int, name: str, mode: int) -> None:
    fd = os.open(name, getattr(os, "O_PATH", os.O_RDONLY) | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    try:
        os.chmod(f"/proc/self/fd/{fd}" if hasattr(os, "O_PATH") else fd, mode)
    finally:
        os.close(fd)
