"""R601: paths of one machine."""

from __future__ import annotations

import ast
import re
import typing

from audit.project import Project
from audit.rule import Found, Rule
from audit.shell import commands
from audit.source import Source, text

#: Folders that are somebody's, or some machine's.
PRIVATE = re.compile(
    r"^(?:/(?:home|Users|root|mnt|media|scratch|data|data\d+|gpfs|nfs|lustre|workspace|storage|content|kaggle)/[^\s:]"
    r"|~/[\w.]|[A-Za-z]:[\\/](?![\\/])\w)"
)

#: The container of GPU-Jupyter and of the docker-stacks: that home is part of the image.
IMAGE = re.compile(r"^/home/jovyan(?:/|$)")


def check(project: Project) -> typing.Iterator[Found]:
    yield from in_scripts(project)
    for source in project.sources.values():
        for node in source.all(ast.Constant):
            value = node.value
            if not isinstance(value, str) or len(value) > 300 or "\n" in value:
                continue
            if not PRIVATE.match(value) or IMAGE.match(value) or not is_path(source, node):
                continue
            yield source.at(node, f"{value[:80]} is there on one machine")
        for call in source.calls:
            name, first = source.called(call), text(call.args[0]) if call.args else None
            if name == "pathlib.Path.home" or (name == "os.path.expanduser" and first == "~"):
                yield source.at(
                    call, "The home folder is another for each user, and not there in a container"
                )


#: In scripts for a shell, which may be for a container, only what is somebody's.
HOMES = re.compile(r"^(?:[\w-]+=)?/(?:home|Users)/[^\s:/$]+")


def in_scripts(project: Project) -> typing.Iterator[Found]:
    for path in project.named(r".*\.(sh|bash|slurm|sbatch)|Makefile"):
        for line, words in commands(enumerate((project.text(path) or "").split("\n"), 1)):
            for word in words:
                if HOMES.match(word) and "/home/jovyan" not in word:
                    yield Found(path, line, f"{word[:80]} is there on one machine")


def is_path(source: Source, node: ast.Constant) -> bool:
    """A value that something gets; no sentence, no pattern, no part of a comparison."""
    parent = source.parent(node)
    if isinstance(parent, (ast.Expr, ast.Compare)):
        return False
    if isinstance(parent, (ast.Tuple, ast.List, ast.Set)):
        parent = source.parent(parent)
    if isinstance(parent, ast.keyword) and parent.arg in (
        "help",
        "description",
        "epilog",
        "usage",
        "title",
        "label",
    ):
        return False
    if isinstance(parent, ast.Call):
        name = source.called(parent) or ""
        if name.startswith(("re.", "builtins.print", "warnings.", "logging.")) or getattr(
            parent.func, "attr", ""
        ) in (
            "startswith",
            "endswith",
            "replace",
            "split",
            "info",
            "warning",
            "debug",
            "error",
            "route",
        ):
            return False
    return " " not in (text(node) or " ").strip()


RULE = Rule(
    id="R601",
    title="A path of one machine",
    severity="error",
    reason="Nobody else has that folder: the program stops, or reads other data.",
    remedy="Take a path relative to the project, or an argument",
    check=check,
    firing={"train.py": "data = open('/home/anna/photos/labels.csv').read()\n"},
    silent={"train.py": "data = open('data/labels.csv').read()\n", "data/labels.csv": "a,1\n"},
    once_per_file=True,
)
