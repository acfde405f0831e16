"""Finds what in a folder does not belong to a user, and with --repair gives it to them.

    python3 fix_ownership.py FOLDER --uid 1234 --gid 5678 [--also-gid 100 ...] [--group] [--repair [--all]]
    python3 fix_ownership.py FOLDER --undo <LIST

Prints one JSON object as its last line; with --repair, one line for each change before it is made, which
--undo reads; on standard error now and then how far it is. Standard library only, and an old Python will do
(3.8): it runs as root in whatever image is at hand.
"""

from __future__ import annotations

import argparse
import json
import os
import sys

from ownership import SAME_IDS, UNMAPPED, MachineIds, Wanted
from ownership_undo import list_line, undo
from ownership_walk import Change, OwnershipWalk, mounts_below, read_if_there


def main(argv: list[str]) -> int:
    options = parse(argv)
    own_maps = [read_if_there(f"/proc/self/{kind}_map") or SAME_IDS for kind in ("uid", "gid")]
    ids = MachineIds(options.caller_uids, options.caller_gids, *own_maps)
    print(json.dumps(work(options, ids)))
    return 0


def parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Find or repair what does not belong to a user.")
    parser.add_argument("folder", help="absolute path, without links")
    parser.add_argument("--uid", type=int, default=0)
    parser.add_argument("--gid", type=int, default=0)
    parser.add_argument("--also-gid", type=int, action="append", default=[], help="a group that is right too")
    parser.add_argument(
        "--group", action="store_true", help="the group may read and write, and enter folders"
    )
    parser.add_argument("--inside-ids", action="store_true", help="ids are those of this user namespace")
    parser.add_argument("--caller-uids", default=SAME_IDS, help="the caller's /proc/self/uid_map")
    parser.add_argument("--caller-gids", default=SAME_IDS, help="the caller's /proc/self/gid_map")
    parser.add_argument(
        "--seen", action="append", default=[], metavar="UID:GID:NAME", help="an entry as the caller sees it"
    )
    parser.add_argument("--repair", action="store_true", help="change what is found")
    parser.add_argument("--all", action="store_true", help="also where nearly everything is somebody else's")
    parser.add_argument("--undo", action="store_true", help="take back the changes on standard input")
    return parser.parse_args(argv)


def work(options: argparse.Namespace, ids: MachineIds) -> dict[str, object]:
    other = other_ids(options.folder, options.seen, ids)
    if other is not None:
        return {"refused": "other ids", **other}
    if options.undo:
        sys.stdin.reconfigure(errors="surrogateescape")  # type: ignore[union-attr]
        return undo(options.folder, sys.stdin, ids)
    wanted = whom(options, ids)
    if (wanted.uid, wanted.gid) != (options.uid, options.gid) and UNMAPPED in (wanted.uid, wanted.gid):
        return {"refused": "no such id", "uid": options.uid, "gid": options.gid}
    mounts = mounts_below(options.folder)
    shown = here if options.inside_ids else ids.of
    look = OwnershipWalk(options.folder, wanted, shown, mounts)
    look.run()
    if not options.repair:
        return look.result()
    if look.is_mostly_foreign() and not options.all:
        return {"refused": "nearly everything", **look.result()}

    def record(change: Change) -> None:
        print(list_line(change, ids), flush=True)

    repair = OwnershipWalk(options.folder, wanted, shown, mounts, record)
    repair.run()
    return repair.result()


def whom(options: argparse.Namespace, ids: MachineIds) -> Wanted:
    uid, gid, also = options.uid, options.gid, options.also_gid
    if not options.inside_ids:
        uid, gid, also = ids.uids.inside(uid), ids.gids.inside(gid), [ids.gids.inside(one) for one in also]
    return Wanted(uid, gid, [one for one in also if one != UNMAPPED], options.group)


def here(status: os.stat_result) -> tuple[int, int]:
    return status.st_uid, status.st_gid


def other_ids(folder: str, seen: list[str], ids: MachineIds) -> dict[str, object] | None:
    """The first entry whose owner the caller sees otherwise: a repair would give it to nobody knows whom."""
    for entry in seen:
        uid, gid, name = entry.split(":", 2)
        try:
            status = os.lstat(os.path.join(folder, name))
        except OSError:
            continue  # removed meanwhile
        caller = (int(uid), int(gid))
        pairs = zip((status.st_uid, status.st_gid), ids.of(status), caller)
        # What no id here stands for says nothing.
        if any(own != UNMAPPED and outside != seen_as for own, outside, seen_as in pairs):
            return {"path": name, "caller": list(caller), "here": list(ids.of(status))}
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
