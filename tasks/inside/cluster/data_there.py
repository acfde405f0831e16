"""Data that were copied to a cluster: whether they are still what was fetched, by their SHA-256.

    python data_there.py

Reads a JSON list of `{"folder", "at", "sha256", "link"}` from standard input and prints a list of states:
`here`, `absent` or `changed`. What is here is linked to where the project has it. Hashes are kept with sizes
and times beside the data, so that all is read once. Standard library only, CPython 3.8 to 3.15.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

# So much is read at once.
PIECE = 1 << 20


def main() -> int:
    wanted = json.load(sys.stdin)
    states = [state_of(one) for one in wanted]
    for one, state in zip(wanted, states):
        if state == "here" and one.get("link") is not None:
            link(one["link"], os.path.join(one["folder"], one["at"]))
    print(json.dumps(states))
    return 0


def state_of(wanted: dict[str, Any]) -> str:
    """Without a record they were never whole: `absent`."""
    found = stamps(wanted)
    recorded = read_record(wanted)
    if not found:
        return "absent" if recorded is None else "changed"
    if recorded == found:
        return "here"
    if sha256_of(wanted, [path for path, *_ in found]) != wanted["sha256"]:
        return "absent" if recorded is None else "changed"
    write_record(wanted, found)
    return "here"


def is_as_checked(wanted: dict[str, Any]) -> bool:
    """By sizes and times, as a compute node sees them."""
    return bool(wanted) and read_record(wanted) == stamps(wanted)


def stamps(wanted: dict[str, Any]) -> list[list[Any]]:
    """Path, size and time of each file, sorted by the bytes of the paths."""
    place = Path(wanted["folder"], wanted["at"])
    if place.is_file():
        return [stamp("", place)]
    found = []
    for folder, _, names in os.walk(place):
        for name in names:
            path = Path(folder, name)
            found.append(stamp(path.relative_to(place).as_posix(), path))
    return sorted(found, key=lambda one: os.fsencode(one[0]))


def stamp(path: str, place: Path) -> list[Any]:
    found = place.lstat()
    return [path, found.st_size, found.st_mtime_ns]


def sha256_of(wanted: dict[str, Any], paths: list[str]) -> str:
    """Of a folder as of unpacked data elsewhere: over the hashes and paths of its files."""
    place = os.path.join(wanted["folder"], wanted["at"])
    if paths == [""]:
        return sha256_file(place)
    whole = hashlib.sha256()
    for path in paths:
        whole.update(os.fsencode(f"{sha256_file(os.path.join(place, path))}  {path}\n"))
    return whole.hexdigest()


def sha256_file(path: str) -> str:
    found = hashlib.sha256()
    with open(path, "rb") as file:
        for piece in iter(lambda: file.read(PIECE), b""):
            found.update(piece)
    return found.hexdigest()


def record_of(wanted: dict[str, Any]) -> Path:
    return Path(wanted["folder"], f".{wanted['at']}.checked.json")


def read_record(wanted: dict[str, Any]) -> Any:
    try:
        record = json.loads(record_of(wanted).read_text())
        return record["files"] if record["sha256"] == wanted["sha256"] else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_record(wanted: dict[str, Any], found: list[list[Any]]) -> None:
    path = record_of(wanted)
    new = path.with_name(f"{path.name}.{os.getpid()}")
    new.write_text(json.dumps({"sha256": wanted["sha256"], "files": found}))
    os.replace(new, path)


def link(path: str, target: str) -> None:
    """In one move where there is another; a job that starts meanwhile finds one of them."""
    if os.path.islink(path) and os.readlink(path) == target:
        return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    new = f"{path}.{os.getpid()}"
    os.symlink(target, new)
    os.replace(new, path)


if __name__ == "__main__":
    sys.exit(main())
