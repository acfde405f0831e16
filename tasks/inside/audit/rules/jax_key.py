"""R105: JAX's keys, which are as fixed as what they are made from."""

from __future__ import annotations

import ast
import typing

from audit.clock import is_drawn
from audit.project import Project
from audit.rule import Found, Rule


def check(project: Project) -> typing.Iterator[Found]:
    for source in project.sources.values():
        for call in source.calls:
            if source.called(call) not in ("jax.random.PRNGKey", "jax.random.key"):
                continue
            inner = [node for one in call.args for node in ast.walk(one) if isinstance(node, ast.Call)]
            drawn = next((node for node in inner if is_drawn(source.called(node))), None)
            if drawn is not None:
                yield source.at(
                    call, f"The key is made from {source.called(drawn)}(), which is another in each run"
                )


RULE = Rule(
    id="R105",
    title="A JAX key that differs in each run",
    severity="error",
    reason="All of JAX's random numbers follow from the key.",
    remedy="Make the key from a number that is a parameter: jax.random.key(SEED)",
    check=check,
    firing={"train.py": "import time\n\nimport jax\n\nkey = jax.random.PRNGKey(int(time.time()))\n"},
    silent={"train.py": "import jax\n\nkey = jax.random.PRNGKey(23)\n"},
)
