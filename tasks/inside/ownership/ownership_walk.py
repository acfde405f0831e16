"""Looks at every entry of a folder, and repairs those that do not belong to whom they should.

Links are never followed: every entry is reached by its name in a folder that is held open, so one that is
swapped for a link meanwhile leads nowhere. What is mounted inside the folder is left alone, and so is a file
with hard links elsewhere: the other name may be somebody else's file, or the cache that a package comes from.
"""

from __future__ import annotations

import os
import re
import stat
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from ownership import Fault, Wanted, add_rights

EXAMPLES = 5
PROGRESS_SECONDS = 1
MOSTLY = 0.9
"""Share of entries that belong to somebody else, above which the folder may be somebody else's altogether."""
OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

LINKED_OWNER = "it has hard links outside of the project, which would change hands too"
LINKED_MODE = "it has hard links outside of the project, whose rights would change too"
LINKED_GIT = {
    re.compile(r"(^|/)\.git/(.*/)?objects/(pack|[0-9a-f]{2})/"): (
        "it is also in the repository that was cloned (git repack -ad first, and then this again)"
    ),
    re.compile(r"(^|/)\.git/(.*/)?objects/info/(packs|commit-graph)"): (
        "it is also in the repository that was cloned (delete it: git makes it anew)"
    ),
}
"""A clone of a folder shares its files with it; what helps, by what the file is."""
MOUNTED = "something else is mounted there"


class Tally:
    """How many entries have something in common, their size, and some of them."""

    def __init__(self) -> None:
        self.count = 0
        self.bytes = 0
        self.examples: list[str] = []

    def add(self, path: str, size: int = 0) -> None:
        self.count += 1
        self.bytes += size
        if len(self.examples) < EXAMPLES:
            self.examples.append(path)


class Folder:
    """A folder that is held open, and its folders that are still to be entered."""

    def __init__(self, fd: int, path: str) -> None:
        self.fd = fd
        self.prefix = f"{path}/" if path else ""
        self.pending: list[str] = []


class LinkedFile:
    """A file with several names, of which some may be outside."""

    def __init__(self, path: str, names: int, is_foreign: bool) -> None:
        self.path = path
        self.names = names
        self.is_foreign = is_foreign
        self.seen = 0


class Change(NamedTuple):
    """What is about to be done to an entry."""

    path: str
    before: os.stat_result
    uid: int
    gid: int


class OwnershipWalk:
    """One pass over a folder. Paths in the result are relative to it."""

    def __init__(
        self,
        root: str,
        wanted: Wanted,
        shown: Callable[[os.stat_result], tuple[int, int]],
        mounts: frozenset[str],
        record: Callable[[Change], None] | None = None,
    ) -> None:
        """With `record` the walk repairs, and calls it before each change; `shown` gives the reported ids."""
        self.root = root
        self.wanted = wanted
        self.shown = shown
        self.record = record
        self.mounts = mounts
        self.device = os.lstat(root).st_dev
        self.entries = 0
        self.changed = 0
        self.owners: dict[tuple[int, int], Tally] = {}
        self.modes = Tally()
        self.left: dict[str, Tally] = {}
        self.kept: dict[str, Tally] = {}
        self.linked: dict[int, LinkedFile] = {}
        self.spoken = time.monotonic()

    def run(self) -> None:
        self.entries = 1
        status = os.lstat(self.root)
        fault = self.wanted.fault(status)
        if fault is not None:
            self.look(None, self.root, ".", status, fault)
        stack = [self.enter(None, self.root, "")]
        while stack:
            folder = stack[-1]
            if folder is not None and folder.pending:
                name = folder.pending.pop()
                stack.append(self.enter(folder.fd, name, folder.prefix + name))
                continue
            if folder is not None:
                os.close(folder.fd)
            stack.pop()
        self.judge_linked()

    def enter(self, parent: int | None, name: str, path: str) -> Folder | None:
        """Looks at the entries of a folder; None if that can't be done."""
        try:
            folder = Folder(os.open(name, OPEN_FOLDER, dir_fd=parent), path)
        except FileNotFoundError:
            return None  # removed meanwhile
        except OSError as error:
            self.fail(path or ".", f"what is in it can't be read ({error.strerror})")
            return None
        with os.scandir(folder.fd) as entries:
            for entry in entries:
                self.visit(folder, entry)
        return folder

    def visit(self, folder: Folder, entry: os.DirEntry[str]) -> None:
        self.entries += 1
        if self.entries % 4096 == 0:
            self.tell_progress()
        try:
            status = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            return  # removed meanwhile
        except OSError as error:
            self.fail(folder.prefix + entry.name, str(error.strerror))
            return
        is_folder = stat.S_ISDIR(status.st_mode)
        fault = self.wanted.fault(status)
        if fault is None and not is_folder:
            return
        path = folder.prefix + entry.name
        # Another file system is told by its device, a part of the same one only by the table of mounts.
        if path in self.mounts or (is_folder and status.st_dev != self.device):
            self.kept.setdefault(MOUNTED, Tally()).add(path)
            return
        if fault is not None:
            self.look(folder.fd, entry.name, path, status, fault)
        if is_folder:
            folder.pending.append(entry.name)

    def look(self, parent: int | None, name: str, path: str, status: os.stat_result, fault: Fault) -> None:
        """Counts what is wrong with an entry, and repairs it."""
        names, seen = 1, 1
        if status.st_nlink > 1 and stat.S_ISREG(status.st_mode):
            link = self.linked.setdefault(status.st_ino, LinkedFile(path, status.st_nlink, fault.is_foreign))
            link.seen += 1
            names, seen = link.names, link.seen
        if seen == 1:
            self.count(path, status, fault)
        # Once the last name was met all of them are inside, and the file is nobody else's.
        if self.record is not None and seen == names:
            self.change(parent, name, path, status, fault)

    def count(self, path: str, status: os.stat_result, fault: Fault) -> None:
        size = status.st_size if stat.S_ISREG(status.st_mode) else 0
        if fault.is_foreign:
            owner = self.shown(status)
            if owner not in self.owners:
                self.owners[owner] = Tally()
            self.owners[owner].add(path, size)
        if fault.bits:
            self.modes.add(path, size)

    def change(self, parent: int | None, name: str, path: str, status: os.stat_result, fault: Fault) -> None:
        assert self.record is not None
        uid, gid = self.wanted.owner(status) if fault.is_foreign else (status.st_uid, status.st_gid)
        try:
            self.record(Change(path, status, uid, gid))
            if fault.is_foreign:
                os.chown(name, uid, gid, dir_fd=parent, follow_symlinks=False)
            if fault.bits:
                add_rights(parent, name, fault.bits)
            self.changed += 1
        except FileNotFoundError:
            pass  # removed meanwhile
        except OSError as error:
            self.fail(path, str(error.strerror))

    def judge_linked(self) -> None:
        for link in self.linked.values():
            if link.seen == link.names:
                continue
            if link.is_foreign:
                found = [reason for place, reason in LINKED_GIT.items() if place.search(link.path)]
                self.fail(link.path, found[0] if found else LINKED_OWNER)
            else:
                self.kept.setdefault(LINKED_MODE, Tally()).add(link.path)

    def fail(self, path: str, reason: str) -> None:
        self.left.setdefault(reason, Tally()).add(path)

    def tell_progress(self) -> None:
        now = time.monotonic()
        if now - self.spoken > PROGRESS_SECONDS:
            self.spoken = now
            print(f"{self.entries:,} files and folders looked at", file=sys.stderr, flush=True)

    def is_mostly_foreign(self) -> bool:
        return sum(tally.count for tally in self.owners.values()) > self.entries * MOSTLY

    def result(self) -> dict[str, Any]:
        """What was found: `left` could not be repaired, `kept` is left alone on purpose."""
        return {
            "entries": self.entries,
            "changed": self.changed,
            "owners": [{"uid": uid, "gid": gid, **vars(tally)} for (uid, gid), tally in self.owners.items()],
            "modes": vars(self.modes),
            "left": [{"reason": reason, **vars(tally)} for reason, tally in self.left.items()],
            "kept": [{"reason": reason, **vars(tally)} for reason, tally in self.kept.items()],
        }


def mounts_below(root: str) -> frozenset[str]:
    """Mount points below a folder, relative to it; none where the system has no such table."""
    points = [line.split(" ")[4] for line in read_if_there("/proc/self/mountinfo").splitlines()]
    plain = [re.sub(r"\\(\d{3})", lambda octal: chr(int(octal[1], 8)), point) for point in points]
    prefix = root.rstrip("/") + "/"
    return frozenset(point[len(prefix) :] for point in plain if point.startswith(prefix))


def read_if_there(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except FileNotFoundError:
        return ""
