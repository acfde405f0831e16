"""R304: a seed from the clock or from the system."""

from __future__ import annotations

import ast
import typing

from audit.clock import is_drawn
from audit.generators import SEEDS
from audit.project import Project
from audit.rule import Found, Rule
from audit.source import Source

MADE = ("numpy.random.default_rng", "numpy.random.RandomState", "random.Random")


def check(project: Project) -> typing.Iterator[Found]:
    for source in project.sources.values():
        for call in source.calls:
            name = source.called(call)
            own = name is None and isinstance(call.func, ast.Attribute) and call.func.attr == "manual_seed"
            if not (name in SEEDS or name in MADE or own):
                continue
            drawn = next(
                (one for value in call.args for one in calls_behind(source, value) if is_drawn(one)), None
            )
            if drawn is not None:
                yield source.at(call, f"The seed is {drawn}(), which is another in each run")


def calls_behind(source: Source, value: ast.AST) -> typing.Iterator[str]:
    """What is called for a value, also where it comes from a variable."""
    for node in ast.walk(value):
        if isinstance(node, ast.Call) and source.called(node):
            yield source.called(node) or ""
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            for assigned in source.assigned(node):
                for inner in ast.walk(assigned):
                    if isinstance(inner, ast.Call) and source.called(inner):
                        yield source.called(inner) or ""


RULE = Rule(
    id="R304",
    title="A seed from the clock",
    severity="error",
    reason="It is another in each run, and unless it is written down nobody can take it again.",
    remedy="Make the seed a parameter with a number as its default",
    check=check,
    firing={"train.py": "import random\nimport time\n\nrandom.seed(time.time())\n"},
    silent={"train.py": "import random\nimport sys\n\nrandom.seed(int(sys.argv[1]))\n"},
)
