"""R605: a run that writes over what is committed."""

from __future__ import annotations

import posixpath
import typing

from audit.made import covered_places
from audit.paths import path_text, written
from audit.project import Project
from audit.rule import Found, Rule
from audit.rules.file_nobody_makes import is_relative


def check(project: Project) -> typing.Iterator[Found]:
    covered = covered_places(project)
    for source in project.sources.values():
        for call in source.calls:
            path = path_text(source, written(source, call))
            if path is None or not is_relative(path):
                continue
            # A notebook starts in its own folder, a program mostly in the root.
            folders = (
                [posixpath.dirname(source.path)]
                if source.is_notebook
                else ["", posixpath.dirname(source.path)]
            )
            places = [posixpath.normpath(posixpath.join(folder, path)) for folder in folders]
            place = next((one for one in places if one in project.tracked), None)
            if place is not None and not any(place == one or place.startswith(one + "/") for one in covered):
                yield source.at(call, f"{place} is committed, and each run replaces it")


RULE = Rule(
    id="R605",
    title="A run replaces committed files",
    severity="note",
    reason="After a run nobody can tell the published result from their own, and a second run compares "
    "with the first.",
    remedy="List the file in the step's outputs in experiment.yaml: the runner keeps each run's, and "
    "puts the published one "
    "back",
    check=check,
    firing={
        "train.py": "with open('results.csv', 'w') as file:\n    file.write('0.94')\n",
        "results.csv": "0.94\n",
    },
    silent={"train.py": "with open('results.csv', 'w') as file:\n    file.write('0.94')\n"},
)
