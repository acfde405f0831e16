"""What a terminal shows in the end of text in which carriage returns and backspaces overwrite each other."""

from __future__ import annotations

import re

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_CONTROL = re.compile(r"[\r\b]")
_ERASE = re.compile(r"\x1b\[([0-2]?)K")
_TOKEN = re.compile(_ANSI.pattern + r"|.", re.DOTALL)


def strip_ansi(text: str) -> str:
    """The text without colours and cursor movements."""
    return _ANSI.sub("", text) if "\x1b" in text else text


def is_overwriting(text: str) -> bool:
    """Whether the text moves back within its line."""
    return "\r" in text or "\b" in text  # in a hundredth of the time that a pattern takes


def settled(text: str) -> str:
    """The whole text as a terminal shows it in the end."""
    if not is_overwriting(text):
        return text
    line = TerminalLine()
    return line.feed(text) + line.text


class TerminalLine:
    """The line that is being written: `feed` returns what came before it and can't change any more."""

    def __init__(self) -> None:
        self._plain = ""
        self._cells: list[str] | None = None  # one for each column, once a line with colours is overwritten
        self._column = 0

    @property
    def text(self) -> str:
        """The line as it is now."""
        return self._plain if self._cells is None else "".join(self._cells)

    def __len__(self) -> int:
        return len(self._plain if self._cells is None else self._cells)

    def feed(self, text: str) -> str:
        """Take more text; returns the lines that it completes, with their ends."""
        if self._cells is None and self._column == len(self._plain) and not is_overwriting(text):
            cut = text.rfind("\n") + 1
            done = (self.take() if cut else "") + text[:cut]
            self._append(text[cut:])
            return done
        *lines, rest = text.split("\n")
        ended = []
        for line in lines:
            self._write(line)
            ended.append(self.take() + "\n")
        self._write(rest)
        return "".join(ended)

    def take(self) -> str:
        """End the line; returns it."""
        line = self.text
        self._plain, self._cells, self._column = "", None, 0
        return line

    def _write(self, text: str) -> None:
        begin = 0
        for control in _CONTROL.finditer(text):
            self._append(text[begin : control.start()])
            self._separate_colours("")
            self._column = 0 if control[0] == "\r" else max(0, self._column - 1)
            begin = control.end()
        self._append(text[begin:])

    def _append(self, text: str) -> None:
        at_end = self._column == len(self)
        if not at_end:
            self._separate_colours(text)
        if self._cells is not None:
            self._append_cells(self._cells, text)
            return
        end = self._column + len(text)
        self._plain = self._plain + text if at_end else self._plain[: self._column] + text + self._plain[end:]
        self._column = end

    def _separate_colours(self, coming: str) -> None:
        """From here on count columns, where the line or what is coming has codes that fill none."""
        if self._cells is None and "\x1b" in self._plain + coming:
            text, column = self._plain, self._column
            at_end = column == len(text)
            self._plain, self._cells, self._column = "", [], 0
            self._append_cells(self._cells, text)
            if not at_end:
                self._column = column

    def _append_cells(self, cells: list[str], text: str) -> None:
        codes = ""
        for token in _TOKEN.findall(text):
            erase = _ERASE.fullmatch(token)
            if erase:
                self._erase(cells, erase[1])
            elif len(token) > 1:
                codes += token
            else:
                cells[self._column : self._column + 1] = [codes + token]
                codes = ""
                self._column += 1
        if codes:  # the end of a colour belongs to what it ends
            if 0 < self._column <= len(cells):
                cells[self._column - 1] += codes
            else:
                cells.insert(0, codes)
                self._column += 1

    def _erase(self, cells: list[str], part: str) -> None:
        if part in ("", "0"):
            del cells[self._column :]
        else:
            end = self._column + 1 if part == "1" else len(cells)
            cells[:end] = [" "] * min(end, len(cells))
