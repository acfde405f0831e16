"""Finds what in a folder does not belong to a user, and with --repair gives it to them.

    python3 fix_ownership.py FOLDER --uid 1234 --gid 5678 [--also-gid 100 ...] [--group] [--repair]

Prints one JSON object; on standard error now and then how far it is. Standard library only, and an old Python
will do (3.8): it runs as root in whatever image is at hand.
"""

from __future__ import annotations

import argparse
import json
import sys

from ownership import SAME_IDS, IdMap, Wanted
from ownership_walk import OwnershipWalk, mounts_below, read_if_there


def main(argv: list[str]) -> int:
    options = parse(argv)
    walk = OwnershipWalk(options.folder, wanted(options), options.repair, mounts_below(options.folder))
    walk.run()
    print(json.dumps(walk.result()))
    return 0


def parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Find or repair what does not belong to a user.")
    parser.add_argument("folder", help="absolute path, without links")
    parser.add_argument("--uid", type=int, required=True)
    parser.add_argument("--gid", type=int, required=True)
    parser.add_argument("--also-gid", type=int, action="append", default=[], help="a group that is right too")
    parser.add_argument(
        "--group", action="store_true", help="the group may read and write, and enter folders"
    )
    parser.add_argument(
        "--outside-ids", action="store_true", help="ids are those outside of this user namespace"
    )
    parser.add_argument("--repair", action="store_true", help="change what is found")
    return parser.parse_args(argv)


def wanted(options: argparse.Namespace) -> Wanted:
    uids, gids = (
        IdMap(read_if_there(f"/proc/self/{kind}_map") if options.outside_ids else SAME_IDS)
        for kind in ("uid", "gid")
    )
    return Wanted(options.uid, options.gid, options.also_gid, options.group, uids, gids)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
