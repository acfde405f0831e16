"""What a cell prints and shows: received message by message, and built into the cell's outputs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from .account import Account, output_of
from .console import Echo, size_text
from .terminal_text import TerminalLine

TEXT_LIMIT = 1 << 20
"""Characters of a cell that are shown, and kept in the notebook; beyond it, the whole goes to a file."""
TAIL = 4000
"""Of a longer text, this many last characters are kept too: results usually come last."""
OUTPUT_COST = 100
"""What an output entry costs in a notebook besides its text, so that many tiny ones count as well."""
PIECE = 1 << 20
"""Longer messages are taken in pieces, so that they are not copied as a whole many times."""
LONGEST_LINE = 1 << 16
"""A line that grows beyond this is not held back until it ends."""


class CellText:
    """All text of one cell: up to TEXT_LIMIT in memory; beyond it whole in a file, and its end in memory."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.clear()
        self._stream: TextIO | None = None

    def clear(self) -> None:
        """Forget everything: what the cell has cleared is not kept, and counts no more."""
        self.total = 0
        self.left_out = 0
        self._head: list[str] = []
        self._tail = ""
        if getattr(self, "_stream", None) is not None:
            self.close()
            self.file.unlink()

    @property
    def room(self) -> int:
        return max(0, TEXT_LIMIT - self.total)

    @property
    def overflowed(self) -> bool:
        return self.left_out > 0

    def add(self, text: str) -> str:
        """Take the text; returns what of it may be kept in the notebook."""
        kept = text[: self.room]
        self.total += len(text)
        if not self._stream and len(kept) == len(text):
            self._head.append(text)
            return kept
        self._write(text)
        self.left_out += len(text) - len(kept)
        self._tail = (self._tail + text[max(len(kept), len(text) - TAIL) :])[-TAIL:]
        return kept

    def _write(self, text: str) -> None:
        if self._stream is None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0)
            descriptor = os.open(self.file, flags, 0o666)
            self._stream = os.fdopen(descriptor, "w", encoding="utf-8", errors="replace", newline="")
            self._stream.writelines(self._head)
            self._head = []
        self._stream.write(text)

    def note(self) -> str:
        """What stands in the notebook for the text that was left out, and the end of it."""
        return (
            f"\n[{size_text(self.left_out)} of this cell's output left out here; "
            f"the whole is in {self.file.name}; it ends with:]\n{self._tail}"
        )

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None


class CellOutput:
    """Receives one cell's output messages and builds the cell's outputs from them.

    Streams are merged and capped here; everything else (images, widgets, updates) is the account's. `errors`
    are those that were displayed, which a reply that says "ok" does not mention.
    """

    def __init__(
        self, account: Account, cell: Any, index: int, text: CellText, echo: Echo, tell: Callable[[str], None]
    ) -> None:
        self._account, self._cell, self._index = account, cell, index
        self._text, self._echo, self._tell = text, echo, tell
        self.errors: list[dict[str, Any]] = []
        self._node: Any = None
        self._parts: list[str] = []
        self._line = TerminalLine()
        self._shown = 0
        self._finished = False

    def receive(self, message: dict[str, Any]) -> bool:
        """Take one message; True if it was the last."""
        kind, content = message["msg_type"], message["content"]
        if kind == "error":
            content["traceback"] = [str(line)[:TEXT_LIMIT] for line in content.get("traceback") or []]
            content["evalue"] = str(content.get("evalue", ""))[:TEXT_LIMIT]
            self.errors.append(content)
        if kind in ("execute_result", "display_data", "update_display_data"):
            self._drop_what_no_notebook_holds(content)
        if not self._account.belongs_to_widget(message):
            if kind == "stream":
                text = content["text"]
                for begin in range(0, len(text), PIECE):
                    self._stream(content["name"], text[begin : begin + PIECE])
                return False
            if kind in ("execute_result", "display_data", "error"):
                self._clear_if_asked()
            if kind in ("execute_result", "display_data"):
                if self._plain_only_overflow(content):
                    return False
                self._plain_text(content)
            if kind in ("execute_result", "display_data", "error", "clear_output"):
                self._close_stream()
            if kind == "clear_output" and not content.get("wait"):
                self._text.clear()
        return self._account.process(message, self._cell, self._index)

    def _drop_what_no_notebook_holds(self, content: dict[str, Any]) -> None:
        """Leave out representations that would make the notebook invalid: all but JSON's must be text."""
        data = content.get("data")
        content["data"] = data = data if isinstance(data, dict) else {}
        for mime in [mime for mime in data if not _is_valid(mime, data[mime])]:
            self._tell(f"left out of a display: its {mime} must be text, not {type(data.pop(mime)).__name__}")

    def _stream(self, name: str, text: str) -> None:
        self._show(text, name)
        self._clear_if_asked()
        outputs = self._cell["outputs"]
        if self._node is None or self._node["name"] != name or not outputs or outputs[-1] is not self._node:
            self._close_stream()
            self._open_stream(name)
        self._keep(self._line.feed(text))
        if len(self._line) > LONGEST_LINE:
            self._keep(self._line.take())

    def _clear_if_asked(self) -> None:
        if self._account.clear_before_next_output:
            self._node, self._parts, self._line = None, [], TerminalLine()
            self._text.clear()
            self._account.clear(self._cell["outputs"], self._index)

    def _open_stream(self, name: str) -> None:
        self._node = output_of("stream", {"name": name, "text": ""})
        self._text.total += OUTPUT_COST
        if self._text.room:
            self._cell["outputs"].append(self._node)

    def _keep(self, text: str) -> None:
        if text:
            self._parts.append(self._text.add(text))

    def _close_stream(self) -> None:
        if self._node is None:
            return
        self._keep(self._line.take())
        self._node["text"] = "".join(self._parts)
        self._node, self._parts = None, []

    def settle(self) -> None:
        """Bring the outputs up to date, for a save in the middle of the cell."""
        if self._node is not None:
            self._parts = ["".join(self._parts)]
            self._node["text"] = self._parts[0] + self._line.text[: self._text.room]

    def _show(self, text: str, name: str = "stdout") -> None:
        """Show as much on standard output as a log can hold, whether or not the cell clears it later."""
        room = TEXT_LIMIT - self._shown
        if room <= 0:
            return
        self._shown += len(text)
        self._echo.feed(text[:room], name)
        if len(text) > room:
            self._echo.end_cell()
            self._tell(f"more than {size_text(TEXT_LIMIT)} of output: the rest is not shown here")

    def _plain_only_overflow(self, content: dict[str, Any]) -> bool:
        """Of results that are text only, those beyond the limit go to the file alone."""
        plain = content["data"].get("text/plain")
        if not self._text.overflowed or list(content["data"]) != ["text/plain"] or not isinstance(plain, str):
            return False
        self._text.add(plain + "\n")
        return True

    def _plain_text(self, content: dict[str, Any]) -> None:
        plain = content["data"].get("text/plain")
        if not isinstance(plain, str):
            return
        self._show(plain + "\n")
        self._close_stream()
        self._text.total += OUTPUT_COST
        before = self._text.total
        self._text.add(plain + "\n")
        if self._text.overflowed:
            content["data"]["text/plain"] = plain[: max(0, TEXT_LIMIT - before)]

    def finish(self) -> None:
        """Bring the cell's outputs into their final form. May be called twice."""
        if self._finished:
            return
        self._finished = True
        self._close_stream()
        self._echo.end_cell()
        if self._text.overflowed:
            note = {"name": "stdout", "text": self._text.note()}
            self._cell["outputs"].append(output_of("stream", note))
            size = size_text(self._text.left_out)
            self._tell(f"{size} of output left out of the notebook; the whole is in {self._text.file}")
        self._text.close()


def _is_valid(mime: str, value: Any) -> bool:
    if mime == "application/json" or mime.endswith("+json"):
        return True
    return isinstance(value, str) or (
        isinstance(value, list) and all(isinstance(part, str) for part in value)
    )
