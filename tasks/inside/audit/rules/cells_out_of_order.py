"""R701: outputs of cells that were not run from top to bottom."""

from __future__ import annotations

import typing

from audit.project import Project
from audit.rule import Found, Rule


def check(project: Project) -> typing.Iterator[Found]:
    for path, cells in project.notebooks.items():
        ran = [cell for cell in cells if cell.kind == "code" and cell.count is not None and cell.text.strip()]
        for before, after in zip(ran, ran[1:]):
            if (after.count or 0) <= (before.count or 0):
                message = f"This cell ran as [{after.count}], before the cell above it, [{before.count}]"
                yield Found(path, 1, message, after.number)
                break


RULE = Rule(
    id="R701",
    title="A notebook's cells ran out of order",
    severity="warning",
    reason="The stored outputs come from an order that nobody can see, so running from top to bottom may "
    "give others.",
    remedy="Restart and run all (deno task notebook FILE), and store that",
    check=check,
    firing={
        "a.ipynb": [
            {"code": "x = 1", "count": 3},
            {"code": "print(x)", "count": 2, "prints": "1"},
        ]
    },
    silent={
        "a.ipynb": [
            {"code": "x = 1", "count": 1},
            {"code": "print(x)", "count": 2, "prints": "1"},
        ]
    },
)
