"""A rule of the audit, and what it finds."""

from __future__ import annotations

import typing
from dataclasses import dataclass, field

if typing.TYPE_CHECKING:
    from audit.project import Project

#: Files of an example by name; a notebook is a list of its cells.
Example = typing.Dict[str, typing.Union[str, typing.List[dict]]]


@dataclass
class Found:
    """One place where a rule fires. Lines are 1-based, and count within a notebook's `cell`."""

    file: str
    line: int
    message: str
    cell: int | None = None
    #: Where it says more than the rule's own.
    remedy: str | None = None
    #: Further places in the same file, where the rule shows one of each file.
    more: int = 0
    #: First and last line of the statement, at whose end formatters put a comment.
    span: tuple[int, int] | None = None


@dataclass(frozen=True)
class Rule:
    """All there is to say about a rule. Its id never changes, and is never used again for another."""

    id: str
    title: str
    #: error: the result can't be relied on; warning: it may differ elsewhere; note: good to know.
    severity: str
    reason: str
    remedy: str
    check: typing.Callable[[Project], typing.Iterator[Found]]
    #: It fires on the one and not on the other: the page shows both, and the tests try them.
    firing: Example = field(default_factory=dict)
    silent: Example = field(default_factory=dict)
    #: A file has it in one place or in fifty: the first is shown, with a count.
    once_per_file: bool = False

    @property
    def page(self) -> str:
        return f"docs/audit.md#{self.id.lower()}"
