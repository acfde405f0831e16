"""R602: files that are still only pointers of Git LFS."""

from __future__ import annotations

import fnmatch
import posixpath
import typing

from audit.project import Project
from audit.rule import Found, Rule

BEGINNING = "version https://git-lfs.github.com/spec/"


def check(project: Project) -> typing.Iterator[Found]:
    for attributes in project.named(r"\.gitattributes"):
        folder = posixpath.dirname(attributes)
        patterns = [
            line.split()[0]
            for line in (project.text(attributes) or "").split("\n")
            if "filter=lfs" in line and not line.lstrip().startswith("#")
        ]
        for path in project.files if patterns else []:
            if folder and not path.startswith(folder + "/"):
                continue
            inner = path[len(folder) + 1 :] if folder else path
            if any(fits(pattern, inner) for pattern in patterns) and is_pointer(project, path):
                yield Found(path, 1, "This is a pointer of Git LFS, and not the file")


def fits(pattern: str, path: str) -> bool:
    bare = pattern.lstrip("/")
    return fnmatch.fnmatch(path, bare) or (
        "/" not in pattern and fnmatch.fnmatch(posixpath.basename(path), bare)
    )


def is_pointer(project: Project, path: str) -> bool:
    return (project.beginning(path) or "").startswith(BEGINNING)


RULE = Rule(
    id="R602",
    title="Pointers of Git LFS in place of files",
    severity="error",
    reason="A clone without git-lfs, and most archives of a release, hold a text of three lines in place "
    "of the data.",
    remedy="git lfs pull; and put what others need where it can be fetched with a hash "
    "(experiment.yaml's data)",
    check=check,
    firing={
        ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n",
        "model.bin": "version https://git-lfs.github.com/spec/v1\noid sha256:e3b0c442\nsize 12\n",
    },
    silent={".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n", "model.bin": "weights\n"},
)
