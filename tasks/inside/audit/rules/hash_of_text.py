"""R302: hash() as a number that lasts."""

from __future__ import annotations

import ast
import typing

from audit.order import is_hash_fixed
from audit.project import Project
from audit.rule import Found, Rule
from audit.source import FUNCTIONS, constant


def check(project: Project) -> typing.Iterator[Found]:
    if is_hash_fixed(project):
        return
    for source in project.sources.values():
        for call in source.calls:
            if source.called(call) != "builtins.hash" or not call.args:
                continue
            names = [getattr(one, "name", "") for one in source.parents(call) if isinstance(one, FUNCTIONS)]
            if "__hash__" in names or isinstance(constant(call.args[0]), (int, float)):
                continue
            if not uses_value(source.parent(call)):
                continue
            yield source.at(call, "hash() of a text is another number in each run")


def uses_value(parent: ast.AST | None) -> bool:
    """As a number: in an arithmetic expression, or for a generator or a name."""
    return isinstance(parent, (ast.BinOp, ast.Call, ast.FormattedValue))


RULE = Rule(
    id="R302",
    title="hash() as a number that lasts",
    severity="warning",
    reason="Python draws the hashes of texts anew for each process: splits and seeds that come from them "
    "differ.",
    remedy="Take hashlib.sha256(text.encode()).digest(), which is the same everywhere",
    check=check,
    firing={"split.py": "def is_test(name):\n    return hash(name) % 10 == 0\n"},
    silent={
        "split.py": "import hashlib\n\n\ndef is_test(name):\n"
        "    return hashlib.sha256(name.encode()).digest()[0] % 10 == 0\n"
    },
)
