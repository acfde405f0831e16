"""R001: a comment that is to silence a line, and does not."""

from __future__ import annotations

import typing

from audit.project import Project
from audit.rule import Found, Rule


def check(project: Project) -> typing.Iterator[Found]:
    from audit.rules import RULES

    known = {rule.id for rule in RULES}
    for ignore in project.ignores:
        unknown = [one for one in ignore.ids if one not in known]
        if not ignore.ids:
            problem = "it names no rule"
        elif unknown:
            problem = f"there is no rule {unknown[0]}"
        elif not ignore.reason:
            problem = "it gives no reason"
        else:
            continue
        yield Found(ignore.file, ignore.line, f"This comment silences nothing: {problem}", ignore.cell)


RULE = Rule(
    id="R001",
    title="A comment that silences nothing",
    severity="warning",
    reason="Whoever reads the code later has to know why a finding was set aside.",
    remedy="Write # audit: ignore R303 and then the reason in words",
    check=check,
    firing={"train.py": "open('a')  # audit: ignore R601\n"},
    silent={"train.py": "open('/data/a')  # audit: ignore R601 the cluster's own folder\n"},
)
