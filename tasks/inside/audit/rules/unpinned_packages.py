"""R501: packages of any version."""

from __future__ import annotations

import posixpath
import typing

from audit.packages import Wish, is_locked, wishes
from audit.project import Project
from audit.rule import Found, Rule


def check(project: Project) -> typing.Iterator[Found]:
    found: dict[tuple[str, int | None], list[Wish]] = {}
    for wish in wishes(project):
        if not wish.pinned and not wish.for_developers and not is_locked(project, wish.file):
            found.setdefault((wish.file, wish.cell), []).append(wish)
    for (file, cell), open_ones in sorted(found.items(), key=lambda pair: (pair[0][0], pair[0][1] or 0)):
        names = ", ".join(wish.text for wish in open_ones[:4])
        others = f" and {len(open_ones) - 4} more" if len(open_ones) > 4 else ""
        yield Found(file, open_ones[0].line, f"Of any version: {names}{others}", cell, remedy_for(file))


def remedy_for(file: str) -> str | None:
    name = posixpath.basename(file)
    if name.endswith((".yml", ".yaml")):
        return "Make a lock from the environment that gave the results: conda-lock, or conda env export"
    if name in ("pyproject.toml", "setup.py", "setup.cfg"):
        return "Commit the lock of the environment that gave the results: uv lock, or pip freeze > "
        "requirements.lock"
    return None


RULE = Rule(
    id="R501",
    title="Packages of any version",
    severity="warning",
    reason="In a year the same line installs other packages, with other defaults, or ones that no longer "
    "fit together.",
    remedy="Write the versions that gave the results, e.g. by pip freeze; deno task lock makes a lock "
    "with hashes",
    check=check,
    firing={"requirements.txt": "numpy\ntorch>=2.0\n"},
    silent={"requirements.txt": "numpy==2.3.1\ntorch==2.9.1\n"},
)
