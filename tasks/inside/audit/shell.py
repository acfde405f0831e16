"""Lines for a shell, as far as their words tell what they start. Nothing is run."""

from __future__ import annotations

import ast
import re
import shlex
import typing

from audit.source import Source, text

#: What goes before the program that is meant.
BEFORE = frozenset(
    ["sudo", "RUN", "env", "time", "nohup", "exec", "then", "do", "else", "&&", "||", ";", "|", "-"]
)


def commands(
    lines: typing.Iterable[tuple[int, str]],
) -> typing.Iterator[tuple[int, list[str]]]:
    """The words of each command, with its line; a line that a backslash goes on in belongs to the first."""
    start, held = 0, ""
    for number, line in lines:
        start = start if held else number
        held += line
        if held.endswith("\\"):
            held = held[:-1] + " "
            continue
        for words in split(held):
            yield start, words
        held = ""
    if held:
        for words in split(held):
            yield start, words


def split(line: str) -> typing.Iterator[list[str]]:
    try:
        lexer = shlex.shlex(line, posix=True, punctuation_chars="&|;()")
        lexer.whitespace_split = True
        words = list(lexer)
    except ValueError:
        words = line.split()
    command: list[str] = []
    for word in [*words, ";"]:
        if re.fullmatch(r"[&|;()]+", word):
            while command and (command[0] in BEFORE or re.match(r"^\w+=|^--mount=", command[0])):
                command.pop(0)
            if command:
                yield command
            command = []
        else:
            command.append(word)


#: What starts a program that the text names.
STARTERS = frozenset(
    (
        "os.system",
        "os.popen",
        "subprocess.run",
        "subprocess.call",
        "subprocess.check_call",
        "subprocess.check_output",
        "subprocess.Popen",
        "subprocess.getoutput",
    )
)


def started(source: Source) -> typing.Iterator[tuple[ast.Call, list[str]]]:
    """The commands that a program starts, as far as they are literal."""
    for call in source.calls:
        if source.called(call) not in STARTERS or not call.args:
            continue
        first = call.args[0]
        line = text(first)
        if line is not None:
            for words in split(line):
                yield call, words
        elif isinstance(first, (ast.List, ast.Tuple)) and first.elts:
            listed = [text(one) or "" for one in first.elts]
            if listed[0]:
                yield call, listed


#: pip's options whose value is the next word.
VALUED = frozenset(
    f"--{name}"
    for name in [
        "requirement",
        "constraint",
        "editable",
        "index-url",
        "extra-index-url",
        "find-links",
        "target",
        "trusted-host",
        "python",
        "platform",
        "prefix",
        "root",
    ]
)


def pip_installs(words: list[str]) -> list[str] | None:
    """What a command installs by pip; None for another command."""
    words = list(words)
    if words[:1] and re.fullmatch(r"(?:.*/)?python[\d.]*", words[0]) and words[1:3] == ["-m", "pip"]:
        words = words[2:]
    if words[:2] == ["uv", "pip"]:
        words = words[1:]
    if not words or not re.fullmatch(r"(?:.*/)?pip[\d.]*", words[0]) or "install" not in words[:4]:
        return None
    found, skip = [], False
    for word in words[words.index("install") + 1 :]:
        if skip:
            skip = False
        elif word in VALUED or re.match(r"^-[a-zA-Z]*[rceift]$", word):
            skip = True
        elif not word.startswith(("-", "$", ">", "<", "#")) and word not in (".", "..") and "$" not in word:
            found.append(word)
    return found
