"""Finds what in a folder does not belong to a user, and with --repair gives it to them.

    python3 -I -S ownership.py FOLDER --uid 1234 --gid 5678 [--also-gid 100 ...] [--group] [--repair]

Prints one JSON object; on standard error now and then how far it is. Links are never followed: every entry is
reached by its name in a folder that is held open, so one that is swapped for a link meanwhile leads nowhere.
What is mounted inside the folder is left alone, and so is a file that has hard links elsewhere.

Standard library only, and an old Python will do (3.8): it runs as root in whatever image is at hand.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import stat
import sys
import time
from typing import Any

EXAMPLES = 5
UNMAPPED = 65534
"""What the kernel shows for an id that this user namespace does not know (/proc/sys/kernel/overflowuid)."""

OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE_BITS = stat.S_IRGRP | stat.S_IWGRP
FOLDER_BITS = FILE_BITS | stat.S_IXGRP

LINKED_OWNER = "it has hard links outside of the project, which would change hands too"
LINKED_MODE = "it has hard links outside of the project, whose rights would change too"
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


class IdMap:
    """Ids of the machine and what they are in this user namespace: the lines `inside outside length` of the kernel."""

    def __init__(self, lines: str) -> None:
        self.ranges = [tuple(map(int, line.split())) for line in lines.splitlines()]

    def inside(self, outer: int) -> int:
        for inside, outside, length in self.ranges:
            if outside <= outer < outside + length:
                return inside + outer - outside
        return UNMAPPED

    def outside(self, inner: int) -> int:
        for inside, outside, length in self.ranges:
            if inside <= inner < inside + length and inner != UNMAPPED:
                return outside + inner - inside
        return inner


SAME_IDS = "0 0 4294967295"


class Wanted:
    """Whom everything is to belong to, in the ids of this namespace, and whether the group may write."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.uids, self.gids = (
            IdMap(read(f"/proc/self/{kind}_map") if options.outside_ids else SAME_IDS) for kind in ("uid", "gid")
        )
        self.uid = self.uids.inside(options.uid)
        self.gid = self.gids.inside(options.gid)
        self.right_gids = frozenset([self.gid, *map(self.gids.inside, options.also_gid)])
        self.group: bool = options.group

    def is_right(self, status: os.stat_result) -> bool:
        return status.st_uid == self.uid and status.st_gid in self.right_gids

    def lacks(self, mode: int) -> int:
        """The rights to add to an entry of this mode; only files and folders have any that matter."""
        if not self.group:
            return 0
        bits = FOLDER_BITS if stat.S_ISDIR(mode) else FILE_BITS if stat.S_ISREG(mode) else 0
        return bits & ~mode


class Folder:
    """A folder that is held open, and its folders that are still to be entered."""

    def __init__(self, fd: int, path: str) -> None:
        self.fd = fd
        self.path = path
        self.pending: list[str] = []


class Walk:
    """Looks at every entry below a folder, and changes those that are not right if that is asked for."""

    def __init__(self, root: str, wanted: Wanted, repair: bool) -> None:
        self.root = root
        self.wanted = wanted
        self.repair = repair
        self.entries = 0
        self.changed = 0
        self.owners: dict[tuple[int, int], Tally] = {}
        self.modes = Tally()
        self.left: dict[str, Tally] = {}
        """What could not be given to the user, by reason."""
        self.kept: dict[str, Tally] = {}
        """What is no concern of the repair, by reason."""
        self.mounts = mounts_below(root)
        self.links: dict[tuple[int, int], list[Any]] = {}
        """For each file with several links: how many were seen, the first path, and whom else to tell."""
        self.spoken = time.monotonic()

    def run(self) -> None:
        status = os.lstat(self.root)
        self.device = status.st_dev
        self.entries = 1
        self.look(None, self.root, ".", status)
        stack = [self.enter(None, self.root, "")]
        while stack:
            folder = stack[-1]
            if folder is None:
                stack.pop()
            elif folder.pending:
                name = folder.pending.pop()
                stack.append(self.enter(folder.fd, name, os.path.join(folder.path, name)))
            else:
                os.close(folder.fd)
                stack.pop()
        for seen, links, path, bucket, reason in self.links.values():
            if seen < links:
                bucket.setdefault(reason, Tally()).add(path)

    def enter(self, parent: int | None, name: str, path: str) -> Folder | None:
        """Looks at the entries of a folder; None if it can't be opened or is another file system."""
        try:
            fd = os.open(name, OPEN_FOLDER, dir_fd=parent)
        except FileNotFoundError:
            return None  # removed meanwhile
        except OSError as error:
            self.fail(path or ".", error)
            return None
        if os.fstat(fd).st_dev != self.device:
            os.close(fd)
            return None
        folder = Folder(fd, path)
        with os.scandir(fd) as entries:
            for entry in entries:
                self.visit(folder, entry)
        return folder

    def visit(self, folder: Folder, entry: os.DirEntry[str]) -> None:
        self.entries += 1
        if self.entries % 4096 == 0:
            self.report_progress()
        try:
            status = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            return  # removed meanwhile
        except OSError as error:
            self.fail(os.path.join(folder.path, entry.name), error)
            return
        is_folder = stat.S_ISDIR(status.st_mode)
        is_right = self.wanted.is_right(status) and not self.wanted.lacks(status.st_mode)
        if is_right and not is_folder:
            return
        path = os.path.join(folder.path, entry.name)
        # A folder of another file system has another device; a part of the same one is told by the mount table only.
        if path in self.mounts or (is_folder and status.st_dev != self.device):
            self.kept.setdefault(MOUNTED, Tally()).add(path)
            return
        if not is_right:
            self.look(folder.fd, entry.name, path, status)
        if is_folder:
            folder.pending.append(entry.name)

    def look(self, parent: int | None, name: str, path: str, status: os.stat_result) -> None:
        """Counts what is wrong with an entry and repairs it."""
        is_foreign = not self.wanted.is_right(status)
        bits = self.wanted.lacks(status.st_mode)
        if not is_foreign and not bits:
            return
        seen, links = 1, 1
        if stat.S_ISREG(status.st_mode) and status.st_nlink > 1:
            seen, links = self.count_link(path, status, is_foreign)
        if seen == 1:
            self.tally(path, status, is_foreign, bits)
        # All links are inside once the last was met, and only then is the file nobody else's.
        if not self.repair or seen < links:
            return
        try:
            if is_foreign:
                self.give(parent, name, status)
            if bits:
                add_rights(parent, name, bits)
            self.changed += 1
        except FileNotFoundError:
            pass  # removed meanwhile
        except OSError as error:
            self.fail(path, error)

    def count_link(self, path: str, status: os.stat_result, is_foreign: bool) -> tuple[int, int]:
        bucket, reason = (self.left, LINKED_OWNER) if is_foreign else (self.kept, LINKED_MODE)
        key = (status.st_dev, status.st_ino)
        link = self.links.setdefault(key, [0, status.st_nlink, path, bucket, reason])
        link[0] += 1
        return link[0], status.st_nlink

    def tally(self, path: str, status: os.stat_result, is_foreign: bool, bits: int) -> None:
        size = status.st_size if stat.S_ISREG(status.st_mode) else 0
        if is_foreign:
            owner = self.wanted.uids.outside(status.st_uid), self.wanted.gids.outside(status.st_gid)
            self.owners.setdefault(owner, Tally()).add(path, size)
        if bits:
            self.modes.add(path, size)

    def give(self, parent: int | None, name: str, status: os.stat_result) -> None:
        # A group that the user is in anyway may be there on purpose, so it stays.
        gid = -1 if status.st_gid in self.wanted.right_gids else self.wanted.gid
        os.chown(name, self.wanted.uid, gid, dir_fd=parent, follow_symlinks=False)

    def fail(self, path: str, error: OSError) -> None:
        self.left.setdefault(error.strerror or str(error), Tally()).add(path)

    def report_progress(self) -> None:
        now = time.monotonic()
        if now - self.spoken > 1:
            self.spoken = now
            print(f"{self.entries:,} files and folders looked at", file=sys.stderr, flush=True)

    def result(self) -> dict[str, Any]:
        return {
            "entries": self.entries,
            "changed": self.changed,
            "owners": [{"uid": uid, "gid": gid, **vars(tally)} for (uid, gid), tally in self.owners.items()],
            "modes": vars(self.modes),
            "left": [{"reason": reason, **vars(tally)} for reason, tally in self.left.items()],
            "kept": [{"reason": reason, **vars(tally)} for reason, tally in self.kept.items()],
        }


def add_rights(parent: int | None, name: str, bits: int) -> None:
    """Adds rights to a file or folder as it is now: a change of owner may have taken some away."""
    if not hasattr(os, "O_PATH"):  # macOS, where chmod itself can be told not to follow a link
        mode = os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode
        os.chmod(name, stat.S_IMODE(mode) | bits, dir_fd=parent, follow_symlinks=False)
        return
    fd = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    try:
        os.chmod(f"/proc/self/fd/{fd}", stat.S_IMODE(os.fstat(fd).st_mode) | bits)
    finally:
        os.close(fd)


def mounts_below(root: str) -> frozenset[str]:
    """Mount points below a folder, relative to it; none where the system has no such table."""
    points = [line.split(" ")[4] for line in read("/proc/self/mountinfo").splitlines()]
    plain = [re.sub(r"\\(\d{3})", lambda match: chr(int(match[1], 8)), point) for point in points]
    prefix = root.rstrip("/") + "/"
    return frozenset(point[len(prefix) :] for point in plain if point.startswith(prefix))


def read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Find or repair what does not belong to a user.")
    parser.add_argument("folder", help="absolute path, without links")
    parser.add_argument("--uid", type=int, required=True)
    parser.add_argument("--gid", type=int, required=True)
    parser.add_argument("--also-gid", type=int, action="append", default=[], help="a group that is right too")
    parser.add_argument("--group", action="store_true", help="the group may read and write, and enter folders")
    parser.add_argument("--outside-ids", action="store_true", help="ids are those outside of this user namespace")
    parser.add_argument("--repair", action="store_true", help="change what is found")
    return parser.parse_args(argv)


def main(argv: list[str]) -> int:
    options = parse(argv)
    walk = Walk(options.folder, Wanted(options), options.repair)
    walk.run()
    print(json.dumps(walk.result()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
