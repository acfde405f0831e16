"""R604: files that are read, and that neither the repository has nor anything makes."""

from __future__ import annotations

import ast
import posixpath
import re
import typing

from audit.paths import is_guarded, path_text, read, written
from audit.project import Project
from audit.rule import Found, Rule
from audit.source import Source


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


#: Where people keep what nobody's code makes.
GIVEN = frozenset(["data", "dataset", "datasets", "input", "inputs", "raw", "pretrained", "weights"])

#: In place of a name: one that only the run tells, with an ending that the text gives.
ANY = "*"


def is_made(path: str, made: set[str]) -> bool:
    parts = posixpath.normpath(path).split("/")
    if any(part in made for part in parts) or ANY + posixpath.splitext(path)[1] in made:
        return True
    return ANY in made and parts[0] not in GIVEN


def endings(project: Project) -> set[str]:
    """Every file by what its path ends in: from which folder a program starts is not known."""
    found: set[str] = set()
    for path in project.files:
        parts = path.split("/")
        found.update("/".join(parts[start:]) for start in range(max(0, len(parts) - 8), len(parts)))
    return found


def made_names(project: Project) -> set[str]:
    """Names of all that code, steps, stages, scripts or a declaration of data make, without their folders."""
    names: set[str] = set()
    for source in project.sources.values():
        for call in source.calls:
            target = written(source, call)
            if target is not None:
                names.update(names_of(source, target))
            if source.called(call) in ("os.makedirs", "os.mkdir") and call.args:
                names.add(posixpath.basename((path_text(source, call.args[0]) or "").rstrip("/")) or ANY)
            # A name that is handed on may be written there: save(path), subprocess.run([…, path]).
            joins = source.called(call) in ("os.path.join", "pathlib.Path", "builtins.str")
            if target is None and read(source, call) is None and not joins:
                for one in [*call.args, *(keyword.value for keyword in call.keywords)]:
                    path = path_text(source, one)
                    if path is not None and "." in path:
                        names.add(posixpath.basename(path))
    names.discard("")
    for value in project.documents.values():
        names.update(posixpath.basename(text.rstrip("/")) for text in texts_in(value))
    for path in project.named(r".*\.(sh|bash|slurm|sbatch|smk)|Makefile|Snakefile|(.*\.)?Dockerfile(\..*)?"):
        names.update(
            posixpath.basename(word) for word in re.findall(r"[\w./-]+\.\w+", project.text(path) or "")
        )
    for cells in project.notebooks.values():
        for cell in cells:
            if cell.writes:
                names.add(posixpath.basename(cell.writes))
            for _, line in cell.shell:
                names.update(posixpath.basename(word) for word in re.findall(r"[\w./-]+\.\w+", line))
    return names


def names_of(source: Source, target: ast.expr) -> typing.Iterator[str]:
    """The name of what is written; of one that only the run tells, ANY with its ending."""
    literal = path_text(source, target)
    if literal is not None:
        yield posixpath.basename(literal)
        return
    texts = [
        node.value
        for node in ast.walk(target)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    yield from (posixpath.basename(one) for one in texts)
    yield ANY + (posixpath.splitext("x" + texts[-1])[1] if texts else "")


def texts_in(value: typing.Any) -> typing.Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            yield from texts_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts_in(inner)


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


def outputs_of(stage: typing.Any) -> typing.Iterator[str]:
    """Paths from the folder of dvc.yaml."""
    if not isinstance(stage, dict):
        return
    body = stage["do"] if isinstance(stage.get("do"), dict) else stage
    folder = body.get("wdir") if isinstance(body.get("wdir"), str) else ""
    for key in ("outs", "metrics", "plots"):
        found = body.get(key)
        for one in found if isinstance(found, list) else []:
            for name in [one] if isinstance(one, str) else one if isinstance(one, dict) else []:
                yield posixpath.join(folder, str(name))


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
