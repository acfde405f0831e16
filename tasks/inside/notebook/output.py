"""What cells print: shown as it comes, kept in the notebook, and whole in a file when it is much."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

TEXT_LIMIT = 1 << 20
"""Characters of one cell that are shown and kept in the notebook; beyond it, the whole goes to a file."""
TAIL = 4000
"""Of a longer text, this many last characters are kept too: results usually come last."""
OUTPUT_COST = 100
"""What an output entry costs in a notebook besides its text, so that many tiny ones count as well."""
PIECE = 1 << 20
"""Longer messages are taken in pieces, so that they are not copied as a whole many times."""
LONGEST_LINE = 1 << 16
"""A line that grows beyond this is not held back until it ends."""
BAR_SECONDS = 2.0
"""In a log, a progress bar that redraws its line is shown this often."""

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_OVERWRITTEN = re.compile(r"[^\n]*\r(?=[^\r\n])")


def strip_ansi(text: str) -> str:
    """The text without colours and cursor movements."""
    return _ANSI.sub("", text) if "\x1b" in text else text


def collapse_bars(text: str) -> str:
    """The text as a terminal shows it in the end: a carriage return overwrites its line."""
    return _OVERWRITTEN.sub("", text) if "\r" in text else text


def size_text(count: int) -> str:
    """`512 bytes`, `3.1 MB`."""
    if count < 1000:
        return f"{count} bytes"
    return f"{count / 1e3:.0f} kB" if count < 1e6 else f"{count / 1e6:.1f} MB"


class Console:
    """Standard output for all notebooks: flushed at once, never the reason for a failure."""

    def __init__(self, stream: TextIO) -> None:
        self._stream: TextIO | None = stream
        self.is_terminal = stream.isatty()
        self.colors = self.is_terminal and not os.environ.get("NO_COLOR")
        self._at_line_start = True
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a bar's blocks in a log that is ASCII

    def write(self, text: str) -> None:
        if self._stream is None or not text:
            return
        if not self.colors:
            text = strip_ansi(text)
        try:
            self._stream.write(text)
            self._stream.flush()
        except BrokenPipeError:
            # Whoever read the log is gone (`| head`); the notebook goes on. At exit Python flushes again.
            self._stream = None
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return
        self._at_line_start = text.endswith("\n")

    def line(self, text: str) -> None:
        """Write a line of its own, also when a cell has left its last line open."""
        self.write(("" if self._at_line_start else "\n") + text + "\n")


class Echo:
    """Shows one notebook's cell output on the console as it comes.

    A terminal gets it as it is. A log gets whole lines: a progress bar that redraws its line appears as a
    line every BAR_SECONDS. With a prefix (notebooks side by side) nothing but whole lines is written.
    """

    def __init__(self, console: Console, prefix: str = "") -> None:
        self._console, self._prefix = console, prefix
        self._raw = console.is_terminal and not prefix
        self._line = ""  # the current line, as far as it has come
        self._shown = 0  # how much of it is written
        self._is_bar = False
        self._last_bar = float("-inf")
        self._last_state = ""
        self._name = ""  # whose the current line is
        self._owes_newline: set[str] = set()
        self._timer: asyncio.TimerHandle | None = None

    def feed(self, text: str, name: str = "stdout") -> None:
        """Show what came on the stream of this name."""
        if self._raw:
            self._console.write(text)
            return
        text = self._take_turns(text, name)
        *lines, rest = text.split("\n")
        for line in lines:
            self._extend(line)
            self._end_line()
        self._extend(rest)
        self._show_unfinished()

    def _take_turns(self, text: str, name: str) -> str:
        """A line isn't continued by another stream: a bar's last newline may come after the next print."""
        if text and name != self._name and self._line:
            self._owes_newline.add(self._name)
            self._end_line()
        self._name = name
        if text and name in self._owes_newline:
            self._owes_newline.discard(name)
            return text.removeprefix("\n")
        return text

    def _extend(self, text: str) -> None:
        # A carriage return right before the end of the line or chunk overwrites nothing (yet).
        before, overwrites, after = (self._line + text).rstrip("\r").rpartition("\r")
        trailing = "\r" if text.endswith("\r") or (not text and self._line.endswith("\r")) else ""
        if overwrites and self._shown:
            self._console.write("\n")
            self._shown = 0
        self._is_bar = self._is_bar or bool(overwrites) or bool(trailing)
        self._line = (after if overwrites else before + after) + trailing

    def _end_line(self) -> None:
        line = self._line.rstrip("\r")
        if self._shown:
            self._console.write(line[self._shown :] + "\n")
        elif not line or line != self._last_state:  # a bar's last state may be there already
            self._console.write(f"{self._prefix}{line}\n")
        self._line, self._shown, self._is_bar, self._last_state = "", 0, False, ""
        self._cancel_timer()

    def _show_unfinished(self) -> None:
        if not self._line:
            return
        if self._is_bar or self._prefix:
            wait = self._last_bar + BAR_SECONDS - time.monotonic()
            if wait <= 0:
                self._show_bar()
            elif self._timer is None:
                self._timer = asyncio.get_running_loop().call_later(wait, self._show_bar)
        else:
            self._console.write(self._line[self._shown :])
            self._shown = len(self._line)

    def _show_bar(self) -> None:
        self._cancel_timer()
        self._last_bar = time.monotonic()
        state = self._line.rstrip("\r")
        if state.strip() and state != self._last_state:
            self._last_state = state
            self._console.line(f"{self._prefix}{state}")

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def end_cell(self) -> None:
        """Finish a line that the cell has left open."""
        if self._line:
            self._end_line()
        self._cancel_timer()
        self._owes_newline.clear()
        self._last_bar = float("-inf")


class CellText:
    """All text of one cell: up to TEXT_LIMIT in memory; beyond it whole in a file, and its end in memory."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.total = 0
        self.left_out = 0
        self._head: list[str] = []
        self._tail = ""
        self._stream: TextIO | None = None

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

    def forget_tail(self) -> None:
        self._tail = ""

    def note(self) -> str:
        """What stands in the notebook for the text that was left out, and the end of it."""
        return (
            f"\n[{size_text(self.left_out)} of this cell's output left out here; "
            f"the whole is in {self.file.name}; it ends with:]\n{self._tail}"
        )

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()


class CellOutput:
    """Receives one cell's output messages and builds the cell's outputs from them.

    Streams are merged and capped here; everything else (images, widgets, updates) is nbclient's.
    """

    def __init__(
        self, client: Any, cell: Any, index: int, text: CellText, echo: Echo, tell: Callable[[str], None]
    ) -> None:
        self._client, self._cell, self._index = client, cell, index
        self._text, self._echo, self._tell = text, echo, tell
        self._node: Any = None
        self._parts: list[str] = []
        self._pending = ""

    def receive(self, message: dict[str, Any]) -> None:
        """Take one message; nbclient raises CellExecutionComplete on the last."""
        kind, content = message["msg_type"], message["content"]
        hooked = bool(self._client.output_hook_stack[message["parent_header"].get("msg_id")])
        if kind == "stream" and not hooked:
            text = content["text"]
            for begin in range(0, len(text), PIECE):
                self._stream(content["name"], text[begin : begin + PIECE])
            return
        if kind in ("execute_result", "display_data"):
            if self._plain_only_overflow(content):
                return
            self._plain_text(content)
        if kind in ("execute_result", "display_data", "error", "clear_output"):
            self._close_stream()
        if kind == "clear_output":
            self._text.forget_tail()
        if kind == "error":
            content["traceback"] = [line[:TEXT_LIMIT] for line in content.get("traceback", [])]
            content["evalue"] = str(content.get("evalue", ""))[:TEXT_LIMIT]
        self._client.process_message(message, self._cell, self._index)

    def _stream(self, name: str, text: str) -> None:
        self._show(text, name)
        self._clear_if_asked()
        outputs = self._cell.outputs
        if self._node is None or self._node.name != name or not outputs or outputs[-1] is not self._node:
            self._close_stream()
            self._open_stream(name)
        self._pending = collapse_bars(self._pending + text)
        cut = self._pending.rfind("\n") + 1
        if not cut and len(self._pending) > LONGEST_LINE:
            cut = len(self._pending)
        if cut:
            self._keep(self._pending[:cut])
            self._pending = self._pending[cut:]

    def _clear_if_asked(self) -> None:
        if self._client.clear_before_next_output:
            self._node, self._parts, self._pending = None, [], ""
            self._cell.outputs[:] = []
            self._client.clear_display_id_mapping(self._index)
            self._client.clear_before_next_output = False

    def _open_stream(self, name: str) -> None:
        from nbformat.v4 import new_output

        self._node = new_output("stream", name=name, text="")
        self._text.total += OUTPUT_COST
        if self._text.room:
            self._cell.outputs.append(self._node)

    def _keep(self, text: str) -> None:
        before = self._text.overflowed
        self._parts.append(self._text.add(text))
        if self._text.overflowed and not before:
            self._echo.end_cell()
            size = size_text(TEXT_LIMIT)
            self._tell(f"more than {size} of output: the rest is not shown here but in {self._text.file}")

    def _close_stream(self) -> None:
        if self._node is None:
            return
        self._keep(self._pending)
        self._node.text = "".join(self._parts)
        self._node, self._parts, self._pending = None, [], ""

    def _show(self, text: str, name: str = "stdout") -> None:
        self._echo.feed(text[: self._text.room], name)

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
        self._keep(plain + "\n")
        self._parts = []
        if self._text.overflowed:
            content["data"]["text/plain"] = plain[: max(0, TEXT_LIMIT - before)]

    def finish(self) -> None:
        """Bring the cell's outputs into their final form."""
        from nbformat.v4 import new_output

        self._close_stream()
        self._echo.end_cell()
        if self._text.overflowed:
            self._cell.outputs.append(new_output("stream", name="stdout", text=self._text.note()))
            size = size_text(self._text.left_out)
            self._tell(f"{size} of output not shown; the whole is in {self._text.file}")
        self._text.close()
