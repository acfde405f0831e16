"""R603: data that are declared, and not by what they are."""

from __future__ import annotations

import posixpath
import typing

from audit.project import Project
from audit.rule import Found, Rule


def check(project: Project) -> typing.Iterator[Found]:
    for path, document in project.documents.items():
        if not isinstance(document, dict):
            continue
        name = posixpath.basename(path)
        if name == "experiment.yaml" and isinstance(document.get("data"), dict):
            for key, value in document["data"].items():
                if isinstance(value, dict) and not any(one in value for one in ("sha256", "md5", "from")):
                    yield Found(path, project.line_of(path, f"{key}:"), f"The data {key} have no sha256")
        elif name.endswith(".dvc"):
            for output in document.get("outs") or []:
                if isinstance(output, dict) and not any(
                    one in output for one in ("md5", "etag", "hash", "checksum")
                ):
                    yield Found(path, 1, f"{output.get('path')} has no hash")
        elif name == "dvc.yaml" and document.get("stages"):
            lock = posixpath.join(posixpath.dirname(path), "dvc.lock")
            if lock not in project.file_set:
                yield Found(
                    path,
                    1,
                    "There is no dvc.lock: nothing says what the stages read and wrote",
                    None,
                    LOCK_REMEDY,
                )


LOCK_REMEDY = "Commit dvc.lock, which dvc repro writes"

RULE = Rule(
    id="R603",
    title="Data without a hash",
    severity="note",
    reason="Nobody can tell whether the data they have are those of the authors.",
    remedy="Give the sha256 (sha256sum FILE)",
    check=check,
    firing={"data/points.csv.dvc": "outs:\n- path: points.csv\n"},
    silent={"data/points.csv.dvc": "outs:\n- md5: 9e107d9d372bb6826bd81d3542a419d6\n  path: points.csv\n"},
)
