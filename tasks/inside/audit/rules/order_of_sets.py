"""R301: the order of a set becomes the order of something."""

from __future__ import annotations

import ast
import typing

from audit.order import is_hash_fixed, is_order_lost, matters
from audit.project import Project
from audit.rule import Found, Rule
from audit.source import Source, constant

#: What keeps the order in which it gets things.
KEEPS = frozenset(
    (
        "builtins.list",
        "builtins.tuple",
        "builtins.enumerate",
        "builtins.zip",
        "numpy.array",
        "numpy.asarray",
        "torch.tensor",
    )
)


MESSAGE = "The order of a set is kept, and that of texts is another in each run"


def check(project: Project) -> typing.Iterator[Found]:
    if is_hash_fixed(project):
        return
    for source in project.sources.values():
        for call in source.calls:
            keeps = source.called(call) in KEEPS and any(is_set_of_texts(source, one) for one in call.args)
            if keeps and not is_order_lost(source, call):
                yield source.at(call, MESSAGE)
        for loop in source.all(ast.For):
            if is_set_of_texts(source, loop.iter) and matters(source, loop, 0):
                yield source.at(loop, MESSAGE)
        for node in source.all(ast.ListComp, ast.DictComp):
            if is_set_of_texts(source, node.generators[0].iter) and not is_order_lost(source, node):
                yield source.at(node, MESSAGE)


def is_set_of_texts(source: Source, node: ast.AST, depth: int = 0) -> bool:
    """A set that is not known to hold numbers only: their order is the same in each run."""
    if isinstance(node, ast.Name):
        # `a = b` and `b = a` may both stand there.
        values = source.assigned(node) if depth < 3 else []
        return bool(values) and all(is_set_of_texts(source, value, depth + 1) for value in values)
    if isinstance(node, ast.Set):
        return any(isinstance(constant(one), str) for one in node.elts)
    if not (isinstance(node, ast.Call) and source.called(node) in ("builtins.set", "builtins.frozenset")):
        return False
    if not node.args:
        return False
    first = node.args[0]
    if isinstance(first, (ast.List, ast.Tuple)):
        return any(isinstance(constant(one), str) for one in first.elts)
    if isinstance(first, ast.Call):
        return source.called(first) not in ("builtins.range", "builtins.map") and not has_numbers(
            source, first
        )
    return True


def has_numbers(source: Source, call: ast.Call) -> bool:
    return (source.called(call) or "").startswith(("numpy.", "torch."))


RULE = Rule(
    id="R301",
    title="The order of a set is kept",
    severity="warning",
    reason="Python draws the hashes of texts anew for each process, and with them the order of a set of "
    "texts: labels get "
    "other numbers, splits other members. `deno task reproduce` fixes it (PYTHONHASHSEED); a start by "
    "hand does not.",
    remedy="Sort it: sorted(set(labels))",
    check=check,
    firing={"labels.py": "names = ['b', 'a', 'b']\nclasses = list(set(names))\nprint(classes)\n"},
    silent={"labels.py": "names = ['b', 'a', 'b']\nclasses = sorted(set(names))\nprint(classes)\n"},
)
