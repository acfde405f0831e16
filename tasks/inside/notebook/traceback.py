"""What is shown of a failed cell: the lines of source around the failure and a traceback worth reading."""

from __future__ import annotations

import re
import traceback

from .terminal_text import strip_ansi

SOURCE_LINES = 3
"""Lines of source shown around the line that failed."""
KEPT_TRACEBACK = 4_000
"""Characters of a traceback in notebooks.json."""


def clean_traceback(frames: list[str]) -> list[str]:
    """The traceback's lines without the frames of IPython and the kernel themselves."""
    internal = re.compile(r"File \S*[/\\](?:IPython|ipykernel|nbclient|jupyter_client)[/\\]")
    kept = [frame for frame in frames if not internal.match(strip_ansi(frame).lstrip())]
    return "\n".join(kept).split("\n")


def failing_line(traceback: list[str], execution_count: int | None) -> int | None:
    """The line of the cell that failed, where the traceback tells.

    IPython heads a frame with `Cell In[3], line 2`; before 8.8 with `Input In [3], in <cell line: 2>()`.
    """
    text = strip_ansi("\n".join(traceback))
    count = execution_count if execution_count is not None else r"\d+"
    found = re.search(rf"In ?\[{count}\], (?:line |in <cell line: )(\d+)", text)
    return int(found[1]) if found else None


def source_excerpt(source: str, failing: int | None) -> list[str]:
    """A few numbered lines of the source, the failing one marked."""
    lines = source.rstrip("\n").split("\n")
    middle = failing if failing is not None and failing <= len(lines) else 1
    first = max(1, middle - SOURCE_LINES)
    last = min(len(lines), middle + SOURCE_LINES)
    width = len(str(last))
    return [
        f"  {'>' if number == failing else ' '} {number:{width}}  {shorten(lines[number - 1], 160)}"
        for number in range(first, last + 1)
    ]


def shorten(text: str, length: int) -> str:
    """The text on one line of at most `length` characters."""
    text = text.replace("\n", " ")
    return text if len(text) <= length else text[: length - 1] + "…"


def first_line(source: str) -> str:
    """The first line that says something."""
    return shorten(next((line.strip() for line in source.split("\n") if line.strip()), ""), 60)


def own_traceback(error: BaseException) -> str:
    """The traceback of what went wrong in this process, for notebooks.json and whoever reports it."""
    return "".join(traceback.format_exception(type(error), error, error.__traceback__))[-KEPT_TRACEBACK:]
