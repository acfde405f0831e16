"""Standard output for all notebooks: cell output is shown as it comes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
import sys
import time
from typing import TextIO

from .terminal_text import TerminalLine, is_overwriting, strip_ansi

BAR_SECONDS = 2.0
"""In a log, a progress bar that redraws its line is shown this often."""

SET_PIPE_SIZE = 1031
"""F_SETPIPE_SZ, which Python names from 3.10 on."""
PIPE_BYTES = 1 << 20
"""What any user may ask for."""


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
        _enlarge_pipe(stream)
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


def _enlarge_pipe(stream: TextIO) -> None:
    """Let a reader be behind by as much as a cell shows: the next cell does not wait for it (Linux)."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import fcntl

        if sys.platform == "linux" and stat.S_ISFIFO(os.fstat(stream.fileno()).st_mode):
            fcntl.fcntl(stream.fileno(), SET_PIPE_SIZE, PIPE_BYTES)


class Echo:
    """Shows one notebook's cell output on the console as it comes.

    A terminal gets it as it is. A log gets whole lines: a progress bar that redraws its line appears as a
    line every BAR_SECONDS. With a prefix (notebooks side by side) nothing but whole lines is written.
    """

    def __init__(self, console: Console, prefix: str = "") -> None:
        self._console, self._prefix = console, prefix
        self._raw = console.is_terminal and not prefix
        self._line = TerminalLine()  # the current line, as far as it has come
        self._held = ""
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
        if "\n" in text and not self._is_between_lines():
            first, text = text.split("\n", 1)
            self._extend(first)
            self._end_line()
        whole = text.rfind("\n") + 1
        if whole and not self._prefix and not is_overwriting(text[:whole]):
            # Most of what is printed: lines of their own, in one piece however many they are.
            self._console.write(text[:whole])
            self._last_state = ""
            text = text[whole:]
        *lines, rest = text.split("\n")
        for line in lines:
            self._extend(line)
            self._end_line()
        self._extend(rest)
        self._show_unfinished()

    def _is_between_lines(self) -> bool:
        return not (len(self._line) or self._held or self._is_bar)

    def _take_turns(self, text: str, name: str) -> str:
        """A line isn't continued by another stream: a bar's last newline may come after the next print."""
        if text and name != self._name and self._line:
            self._owes_newline.add(self._name)
            self._end_line()
        self._name = name
        if text and name in self._owes_newline:
            self._owes_newline.discard(name)
            return text[1:] if text.startswith("\n") else text
        return text

    def _extend(self, text: str) -> None:
        # A carriage return right before the end of the line or chunk overwrites nothing (yet).
        text = self._held + text
        now = text.rstrip("\r")
        self._held = "\r" if len(now) < len(text) else ""
        if is_overwriting(now):
            self._is_bar = True
            if self._shown:
                self._console.write("\n")
                self._shown = 0
        self._is_bar = self._is_bar or bool(self._held)
        self._line.feed(now)

    def _end_line(self) -> None:
        line = self._line.take()
        if self._shown:
            self._console.write(line[self._shown :] + "\n")
        elif not line or line != self._last_state:  # a bar's last state may be there already
            self._console.write(f"{self._prefix}{line}\n")
        self._held, self._shown, self._is_bar, self._last_state = "", 0, False, ""
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
            self._console.write(self._line.text[self._shown :])
            self._shown = len(self._line)

    def _show_bar(self) -> None:
        self._cancel_timer()
        self._last_bar = time.monotonic()
        state = self._line.text
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
