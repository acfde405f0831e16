"""R702: prose that gives another number than the stored outputs."""

from __future__ import annotations

import re
import typing

from audit.notebook import Cell
from audit.project import Project
from audit.rule import Found, Rule

#: "test accuracy of 94.01 %", "F1 is 0.87": a measure, few words, a number with decimals.
CLAIM = re.compile(
    r"\b(accuracy|precision|recall|f1|f1-score|auc|auroc|rmse|mae|mse|bleu|iou|dice|perplexity)\b"
    r"(?:\s+(?:score|value))?\s*(?:is|was|of|reaches|reached|:|=|≈)?\s*(?:about|around|roughly|approximately)?\s*"
    r"\**(\d{1,3}\.\d+)\**\s*(%|percent)?",
    re.IGNORECASE,
)

NUMBER = re.compile(r"\d+\.\d+(?:[eE][+-]?\d+)?|\d+")


def check(project: Project) -> typing.Iterator[Found]:
    for path, cells in project.notebooks.items():
        outputs = "\n".join(text for cell in cells for text in cell.printed)
        if not outputs:
            continue
        numbers = [float(one) for one in NUMBER.findall(outputs)]
        for cell in cells:
            if cell.kind == "markdown":
                yield from contradictions(path, cell, outputs.lower(), numbers)


def contradictions(path: str, cell: Cell, outputs: str, numbers: list[float]) -> typing.Iterator[Found]:
    for match in CLAIM.finditer(cell.text):
        measure, value = match[1].lower(), match[2]
        # What is never printed can't be contradicted.
        if measure not in outputs or is_obtained(value, numbers):
            continue
        line = cell.text.count("\n", 0, match.start()) + 1
        yield Found(
            path,
            line,
            f"The prose says {' '.join(match[0].split())}, and no stored output has {value}",
            cell.number,
        )


def is_obtained(value: str, numbers: list[float]) -> bool:
    """Some output is the number when it is rounded to the same decimals, as it is or as a percentage."""
    decimals = len(value.split(".")[1])
    claimed, most = float(value), 0.5 * 10**-decimals * 1.0000001
    return any(abs(one * factor - claimed) <= most for one in numbers for factor in (1, 100, 0.01))


RULE = Rule(
    id="R702",
    title="Prose that contradicts the stored outputs",
    severity="warning",
    reason="The text tells of a run that is not the stored one.",
    remedy="Write the number that the stored cells give, or store the run that the text tells of",
    check=check,
    firing={
        "a.ipynb": [
            {"code": "print('accuracy', 0.8712)", "count": 1, "prints": "accuracy 0.8712"},
            {"markdown": "We reach an accuracy of 94.01 %."},
        ]
    },
    silent={
        "a.ipynb": [
            {"code": "print('accuracy', 0.94014)", "count": 1, "prints": "accuracy 0.94014"},
            {"markdown": "We reach an accuracy of 94.01 %."},
        ]
    },
)
