"""R604: files that are read, and that neither the repository has nor anything makes."""

from __future__ import annotations

import posixpath
import re
import typing

from audit.made import is_made, made_names, outputs_of
from audit.paths import is_guarded, path_text, read
from audit.project import Project
from audit.rule import Found, Rule


def check(project: Project) -> typing.Iterator[Found]:
    made = made_names(project)
    ends: set[str] | None = None
    for source in project.sources.values():
        for call in source.calls:
            path = path_text(source, read(source, call))
            if path is None or not is_relative(path) or is_guarded(source, call):
                continue
            ends = ends if ends is not None else endings(project)
            if posixpath.normpath(path).lstrip("./") in ends or is_made(path, made):
                continue
            yield source.at(call, f"{path} is read; it is not in the repository, and nothing here makes it")
    for path, document in project.documents.items():
        if posixpath.basename(path) == "dvc.yaml":
            yield from missing_dependencies(project, path, document)


def is_relative(path: str) -> bool:
    return (
        bool(path)
        and not path.startswith(("/", "~", "\\", "http:", "https:", "s3:", "gs:", "{", ".."))
        and (re.match(r"^[A-Za-z]:", path) is None and "*" not in path and "\n" not in path)
    )


def endings(project: Project) -> set[str]:
    """Every file by what its path ends in: from which folder a program starts is not known."""
    found: set[str] = set()
    for path in project.files:
        parts = path.split("/")
        found.update("/".join(parts[start:]) for start in range(max(0, len(parts) - 8), len(parts)))
    return found


def missing_dependencies(project: Project, path: str, document: typing.Any) -> typing.Iterator[Found]:
    """What a stage of DVC reads, and nothing gives. Of `foreach`, a path's beginning decides."""
    stages = document.get("stages") if isinstance(document, dict) else None
    if not isinstance(stages, dict):
        return
    folder = posixpath.dirname(path)
    made = [
        posixpath.normpath(one) for stage in stages.values() for one in outputs_of(stage) if "$" not in one
    ]
    begun = [one.split("$")[0] for stage in stages.values() for one in outputs_of(stage) if "$" in one]
    for stage in stages.values():
        wanted = stage.get("deps") if isinstance(stage, dict) else None
        if not isinstance(wanted, list) or stage.get("wdir"):
            continue
        for dependency in wanted:
            if not isinstance(dependency, str) or "$" in dependency or not is_relative(dependency):
                continue
            plain = posixpath.normpath(dependency)
            if any(is_within(plain, one) or is_within(one, plain) for one in made):
                continue
            if any(plain.startswith(one) for one in begun) or is_there(
                project, posixpath.join(folder, plain)
            ):
                continue
            message = f"{dependency} is read by a stage; it is not in the repository, and no stage makes it"
            yield Found(path, project.line_of(path, dependency), message)


def is_within(path: str, place: str) -> bool:
    return path == place or path.startswith(place + "/")


def is_there(project: Project, path: str) -> bool:
    """A file, a folder with files, or what DVC fetches."""
    if path in project.file_set or any(file.startswith(path + "/") for file in project.files):
        return True
    parts = path.split("/")
    return any("/".join(parts[:end]) + ".dvc" in project.file_set for end in range(1, len(parts) + 1))


RULE = Rule(
    id="R604",
    title="A file that nobody makes",
    severity="warning",
    reason="Whoever has only the repository cannot go on from here: the file is on the authors' machine.",
    remedy="Commit it, write the step that makes it, or declare where it is fetched (experiment.yaml's "
    "data, with a sha256)",
    check=check,
    firing={"evaluate.py": "import json\n\nprint(json.load(open('results/scores.json')))\n"},
    silent={
        "train.py": "import json\n\nwith open('results/scores.json', 'w') as file:\n    json.dump({}, "
        "file)\n",
        "evaluate.py": "import json\n\nprint(json.load(open('results/scores.json')))\n",
    },
)
