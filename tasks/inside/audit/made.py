"""What code, steps, stages and declarations of data make, as far as their text tells."""

from __future__ import annotations

import ast
import posixpath
import re
import typing

from audit.paths import path_text, read, written
from audit.project import Project
from audit.source import Source

#: A file's name in a line for a shell.
WORD = re.compile(r"[\w./-]+\.\w+")

#: Where people keep what nobody's code makes.
GIVEN = frozenset(["data", "dataset", "datasets", "input", "inputs", "raw", "pretrained", "weights"])

#: In place of a name: one that only the run tells, with an ending that the text gives.
ANY = "*"


def is_made(path: str, made: set[str]) -> bool:
    parts = posixpath.normpath(path).split("/")
    if any(part in made for part in parts) or ANY + posixpath.splitext(path)[1] in made:
        return True
    return ANY in made and parts[0] not in GIVEN


def made_names(project: Project) -> set[str]:
    """Names of all that code, steps, stages, scripts or a declaration of data make, without their folders."""
    kept = project.kept.get("made")
    if kept is not None:
        return kept
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
        for text in texts_in(value):
            names.update(posixpath.basename(word.rstrip("/")) for word in [text, *WORD.findall(text)])
    for path in project.named(r".*\.(sh|bash|slurm|sbatch|smk)|Makefile|Snakefile|(.*\.)?Dockerfile(\..*)?"):
        names.update(posixpath.basename(word) for word in WORD.findall(project.text(path) or ""))
    for cells in project.notebooks.values():
        for cell in cells:
            if cell.writes:
                names.add(posixpath.basename(cell.writes))
            for _, line in cell.shell:
                names.update(posixpath.basename(word) for word in WORD.findall(line))
    project.kept["made"] = names
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


def outputs_of(stage: typing.Any) -> typing.Iterator[str]:
    """Paths from the folder of dvc.yaml."""
    if not isinstance(stage, dict):
        return
    body = stage["do"] if isinstance(stage.get("do"), dict) else stage
    folder = str(body.get("wdir") or "")
    for key in ("outs", "metrics", "plots"):
        found = body.get(key)
        for one in found if isinstance(found, list) else []:
            for name in [one] if isinstance(one, str) else one if isinstance(one, dict) else []:
                yield posixpath.join(folder, str(name))


def covered_places(project: Project) -> set[str]:
    """What the runner sets aside and puts back, and what DVC keeps."""
    found = set()
    for path, document in project.documents.items():
        name, folder = posixpath.basename(path), posixpath.dirname(path)
        if not isinstance(document, dict):
            continue
        if name == "experiment.yaml" and isinstance(document.get("steps"), dict):
            for step in document["steps"].values():
                outputs = step.get("outputs") if isinstance(step, dict) else None
                outputs = [outputs] if isinstance(outputs, str) else outputs
                for one in outputs if isinstance(outputs, list) else []:
                    found.update(
                        {posixpath.normpath(posixpath.join(folder, str(one))), posixpath.normpath(str(one))}
                    )
            params = document.get("params")
            for value in params.values() if isinstance(params, dict) else ():
                found.add(str(value).split("#")[0])
        elif name == "dvc.yaml" and isinstance(document.get("stages"), dict):
            for stage in document["stages"].values():
                found.update(posixpath.normpath(posixpath.join(folder, one)) for one in outputs_of(stage))
    return found
