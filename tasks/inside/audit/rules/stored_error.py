"""R703: a notebook that was stored with an exception."""

from __future__ import annotations

import typing

from audit.project import Project
from audit.rule import Found, Rule


def check(project: Project) -> typing.Iterator[Found]:
    for path, cells in project.notebooks.items():
        for cell in cells:
            if "raises-exception" in cell.tags:
                continue
            for error in cell.errors[:1]:
                if not error.startswith("KeyboardInterrupt"):
                    yield Found(path, 1, f"This cell was stored with {' '.join(error.split())}", cell.number)


RULE = Rule(
    id="R703",
    title="A cell was stored with an exception",
    severity="warning",
    reason="Run from top to bottom, the notebook stops there, and no later cell gives what it shows.",
    remedy="Correct the cell and run all, or tag it raises-exception if the error is what it is to show",
    check=check,
    firing={"a.ipynb": [{"code": "1 / 0", "count": 1, "error": "ZeroDivisionError"}]},
    silent={"a.ipynb": [{"code": "1 / 2", "count": 1, "prints": "0.5"}]},
)
