"""R503: images whose name means another image each month."""

from __future__ import annotations

import typing

from audit.packages import images
from audit.project import Project
from audit.rule import Found, Rule


def check(project: Project) -> typing.Iterator[Found]:
    for image in images(project):
        if image.moves:
            yield Found(image.file, image.line, f"{image.name} is another image after each release")


RULE = Rule(
    id="R503",
    title="The latest image",
    severity="warning",
    reason="`latest`, or no tag, is what was released last: frameworks, CUDA and Python change under the "
    "results.",
    remedy="Name the tag that gave the results, and its digest: name:tag@sha256:…",
    check=check,
    firing={"Dockerfile": "FROM pytorch/pytorch:latest\n"},
    silent={"Dockerfile": "FROM pytorch/pytorch:2.9.1-cuda12.8-cudnn9-runtime\n"},
)
