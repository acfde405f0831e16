"""R606: results that are committed, and that nothing here makes."""

from __future__ import annotations

import posixpath
import typing

from audit.made import covered_places, is_made, made_names
from audit.project import Project
from audit.rule import Found, Rule

FOLDERS = frozenset(("results", "result", "outputs", "output", "predictions", "tables"))

ENDINGS = frozenset((".csv", ".tsv", ".json", ".jsonl", ".npy", ".npz", ".txt", ".png", ".pkl", ".tex"))


def check(project: Project) -> typing.Iterator[Found]:
    if not project.programs:
        return
    covered, made = covered_places(project), made_names(project)
    open_ones: dict[str, list[str]] = {}
    for path in project.files:
        folder, name = posixpath.split(path)
        if path not in project.tracked or posixpath.splitext(name)[1].lower() not in ENDINGS:
            continue
        if not FOLDERS & set(folder.lower().split("/")) or name.lower().startswith("readme"):
            continue
        if is_made(name, made) or any(path == one or path.startswith(one + "/") for one in covered):
            continue
        open_ones.setdefault(folder, []).append(path)
    for paths in open_ones.values():
        others = f" and {len(paths) - 1} more beside it" if len(paths) > 1 else ""
        yield Found(paths[0], 1, f"No program or step here is seen to write this file{others}")


RULE = Rule(
    id="R606",
    title="A result that no step makes",
    severity="note",
    reason="Nobody can get it again: it was made by hand, elsewhere, or by a program that is not here.",
    remedy="Commit what makes it as a step, or keep it under data/ with a README that says where it is from",
    check=check,
    firing={"train.py": "print(0.94)\n", "results/table.csv": "0.94\n"},
    silent={
        "train.py": "with open('results/table.csv', 'w') as file:\n    file.write('0.94')\n",
        "results/table.csv": "0.94\n",
    },
)
