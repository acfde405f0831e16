"""Whom files are to belong to: ids, as they are here and on the machine, and the rights of the group."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from typing import NamedTuple

UNMAPPED = 65534
"""What the kernel shows for an id that this user namespace does not know (/proc/sys/kernel/overflowuid)."""

SAME_IDS = "0 0 4294967295"
"""The map of a namespace whose ids are the machine's."""

FILE_BITS = stat.S_IRGRP | stat.S_IWGRP
FOLDER_BITS = FILE_BITS | stat.S_IXGRP


class IdMap:
    """Ids of the machine and what they are in this namespace: the kernel's lines `inside outside length`."""

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


class MachineIds:
    """Users and groups as the machine numbers them and as they are here.

    A container whose namespace is its caller's own has the same numbers; any other, as of a rootless engine,
    maps them. The kernel tells which it is, so no engine has to be asked.
    """

    def __init__(self, caller_uids: str, caller_gids: str, own_uids: str, own_gids: str) -> None:
        self.uids = IdMap(SAME_IDS if own_uids.split() == caller_uids.split() else own_uids)
        self.gids = IdMap(SAME_IDS if own_gids.split() == caller_gids.split() else own_gids)

    def of(self, status: os.stat_result) -> tuple[int, int]:
        """The owner's ids on the machine."""
        return self.uids.outside(status.st_uid), self.gids.outside(status.st_gid)


class Fault(NamedTuple):
    """What is wrong with an entry."""

    is_foreign: bool
    bits: int
    """Rights that the group lacks."""


class Wanted:
    """Whom everything is to belong to, and whether the group is to have rights."""

    def __init__(self, uid: int, gid: int, also_gids: Iterable[int], group: bool) -> None:
        """Ids are those in this namespace."""
        self.uid = uid
        self.gid = gid
        self.right_gids = frozenset([gid, *also_gids])
        self.group = group

    def fault(self, status: os.stat_result) -> Fault | None:
        """What is wrong with an entry, if anything is; of rights only those of files and folders matter."""
        is_foreign = status.st_uid != self.uid or status.st_gid not in self.right_gids
        bits = 0
        if self.group:
            mode = status.st_mode
            wanted = FOLDER_BITS if stat.S_ISDIR(mode) else FILE_BITS if stat.S_ISREG(mode) else 0
            bits = wanted & ~mode
        return Fault(is_foreign, bits) if is_foreign or bits else None

    def owner(self, status: os.stat_result) -> tuple[int, int]:
        """Whom an entry is to belong to, here; a group that the user is in anyway may be there on purpose."""
        return self.uid, status.st_gid if status.st_gid in self.right_gids else self.gid


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
