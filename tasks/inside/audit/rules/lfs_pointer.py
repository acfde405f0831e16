"""R602: files that are still only pointers of Git LFS."""

from __future__ import annotations

import fnmatch
import posixpath
import re
import typing

from audit.project import ASIDE, Project
from audit.rule import Found, Rule

#: Of a pointer; it has about 130.
MOST_BYTES = 1024

BEGINNING = "version https://git-lfs.github.com/spec/"


#: What is kept by Git LFS; a copy of a repository may lack its .gitattributes.
ENDINGS = re.compile(
    r".*\.(pth?|ckpt|bin|pkl|pickle|joblib|h5|hdf5|keras|onnx|pb|safetensors|np[yz]|mat|parquet|feather"
    r"|zip|t?gz|tar|7z|csv|tiff?|jpe?g|png|wav|flac|mp[34]|nii)",
    re.IGNORECASE,
)


def check(project: Project) -> typing.Iterator[Found]:
    patterns = list(kept_elsewhere(project))
    for path in project.files:
        if ASIDE.search(path):
            continue
        is_kept = ENDINGS.fullmatch(path) is not None or any(
            path.startswith(folder) and fits(pattern, path[len(folder) :]) for folder, pattern in patterns
        )
        if is_kept and (project.beginning(path, MOST_BYTES) or "").startswith(BEGINNING):
            yield Found(path, 1, "This is a pointer of Git LFS, and not the file")


def kept_elsewhere(project: Project) -> typing.Iterator[tuple[str, str]]:
    """Patterns of .gitattributes, each with the folder that it counts from."""
    for attributes in project.named(r"\.gitattributes"):
        for line in (project.text(attributes) or "").split("\n"):
            if "filter=lfs" in line and not line.lstrip().startswith("#"):
                yield attributes[: -len(".gitattributes")], line.split()[0]


def fits(pattern: str, path: str) -> bool:
    bare = pattern.lstrip("/")
    return fnmatch.fnmatch(path, bare) or (
        "/" not in pattern and fnmatch.fnmatch(posixpath.basename(path), bare)
    )


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
