"""`# audit: ignore R101 reason`: what silences a line, and what is wrong with it."""

from __future__ import annotations

import io
import re
import tokenize
import typing
from dataclasses import dataclass

MARK = "audit: ignore"
COMMENT = re.compile(r"#\s*audit: ignore\b[ \t]*(?P<ids>[A-Za-z]\d+(?:\s*,\s*[A-Za-z]\d+)*)?(?P<reason>.*)")


@dataclass
class Ignore:
    file: str
    cell: int | None
    line: int
    ids: list[str]
    reason: str
    #: The comment has its line for itself, and is about the next one.
    alone: bool

    def covers(self, rule: str, cell: int | None, first: int, last: int) -> bool:
        """Whether it is about a rule in a statement of these lines."""
        here = first <= self.line <= last or (self.alone and self.line == first - 1)
        return bool(self.reason) and rule in self.ids and cell == self.cell and here


def ignores_in(file: str, cell: int | None, text: str, is_python: bool) -> typing.Iterator[Ignore]:
    """What a text asks to be ignored. In Python only comments count, not strings."""
    if MARK not in text:
        return
    for line, comment, alone in comments(text, is_python):
        found = COMMENT.search(comment)
        if found:
            ids = [one.strip().upper() for one in (found["ids"] or "").split(",") if one.strip()]
            yield Ignore(file, cell, line, ids, found["reason"].strip(" \t:—-"), alone)


def comments(text: str, is_python: bool) -> typing.Iterator[tuple[int, str, bool]]:
    if not is_python:
        for number, line in enumerate(text.split("\n"), 1):
            if MARK in line:
                yield number, line, line.lstrip().startswith("#")
        return
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string, token.line.lstrip().startswith("#")
    except (tokenize.TokenError, SyntaxError):
        return
