"""All rules over one repository: what they find, less what its authors silenced."""

from __future__ import annotations

import typing
from dataclasses import asdict

from audit.comments import Ignore
from audit.project import Project
from audit.rule import Found, Rule

ORDER = {"error": 0, "warning": 1, "note": 2}


def audit(
    rules: typing.Sequence[Rule],
    root: str,
    files: typing.Sequence[str],
    tracked: typing.Sequence[str] | None = None,
    documents: dict[str, typing.Any] | None = None,
) -> dict[str, typing.Any]:
    """Findings in the order of files and lines, how many were silenced, and what could not be read."""
    project = Project(root, files, tracked, documents)
    found = [(rule, one) for rule in rules for one in rule.check(project)]
    kept = [(rule, one) for rule, one in found if not is_silenced(project.ignores, rule, one)]
    return {
        "findings": [
            finding(rule, one)
            for rule, one in sorted(first_of_each_file(kept), key=lambda pair: place(pair[1]) + (pair[0].id,))
        ],
        "silenced": len(found) - len(kept),
        "sources": len(project.sources) - len(project.notebooks),
        "notebooks": len(project.notebooks),
        "skipped": [{"file": file, "reason": reason} for file, reason in sorted(set(project.skipped))],
    }


def is_silenced(ignores: list[Ignore], rule: Rule, found: Found) -> bool:
    first, last = found.span or (found.line, found.line)
    return any(
        ignore.file == found.file and ignore.covers(rule.id, found.cell, first, last) for ignore in ignores
    )


def first_of_each_file(
    found: list[tuple[Rule, Found]],
) -> list[tuple[Rule, Found]]:
    kept: list[tuple[Rule, Found]] = []
    firsts: dict[tuple[str, str], Found] = {}
    for rule, one in sorted(found, key=lambda pair: place(pair[1])):
        key = (rule.id, one.file)
        if rule.once_per_file and key in firsts:
            firsts[key].more += 1
            continue
        firsts.setdefault(key, one)
        kept.append((rule, one))
    return kept


def place(found: Found) -> tuple[typing.Any, ...]:
    return (found.file, found.cell or 0, found.line)


def finding(rule: Rule, found: Found) -> dict[str, typing.Any]:
    made = asdict(found)
    del made["span"]
    made["remedy"] = found.remedy or rule.remedy
    return {
        "rule": rule.id,
        "severity": rule.severity,
        "title": rule.title,
        **{name: value for name, value in made.items() if value is not None and (name != "more" or value)},
        "reason": rule.reason,
        "page": rule.page,
    }


def described(rule: Rule) -> dict[str, typing.Any]:
    names = ("id", "title", "severity", "reason", "remedy", "page", "firing", "silent")
    return {name: getattr(rule, name) for name in names}
