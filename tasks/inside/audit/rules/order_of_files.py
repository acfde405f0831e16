"""R303: the order in which a file system lists its files."""

from __future__ import annotations

import ast
import typing

from audit.order import is_order_lost
from audit.project import Project
from audit.rule import Found, Rule
from audit.source import Source

LISTS = (
    "os.listdir",
    "os.scandir",
    "glob.glob",
    "glob.iglob",
    "tensorflow.io.gfile.listdir",
    "tensorflow.io.gfile.glob",
)


def check(project: Project) -> typing.Iterator[Found]:
    for source in project.sources.values():
        for call in source.calls:
            what = listing(source, call)
            if what is not None and not is_order_lost(source, call):
                yield source.at(call, f"{what} gives files in the order of the disk")


def listing(source: Source, call: ast.Call) -> str | None:
    name = source.called(call)
    if name in LISTS:
        return f"{name}()"
    # Only pathlib's have these names; .glob() alone may be anything.
    if name is None and isinstance(call.func, ast.Attribute):
        if call.func.attr == "iterdir" and not call.args:
            return "iterdir()"
        if call.func.attr in ("rglob", "glob") and len(call.args) == 1 and imports_pathlib(source):
            return f"{call.func.attr}()"
    return None


def imports_pathlib(source: Source) -> bool:
    return any(module.split(".")[0] == "pathlib" for _, module in source.imports())


RULE = Rule(
    id="R303",
    title="Files in the order of the disk",
    severity="warning",
    reason="Each file system lists in an order of its own, so a seeded shuffle or split takes other "
    "files elsewhere.",
    remedy="Sort: sorted(os.listdir(folder))",
    check=check,
    firing={"data.py": "import os\n\nfiles = os.listdir('images')\nprint(files[:10])\n"},
    silent={"data.py": "import os\n\nfiles = sorted(os.listdir('images'))\nprint(files[:10])\n"},
)
