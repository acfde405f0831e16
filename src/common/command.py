"""The edge of a command: what the library throws becomes a message and an exit code."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from src.common.failure import Failure

INTERRUPTED = 130

SOURCES = Path(__file__).resolve().parents[1]

Report = Callable[[str], None]  # is told what is worth a line, as `say` prints it


class Parser(argparse.ArgumentParser):
    """Takes no shortened options, and shows the help as it is written."""

    def __init__(self, program: str, **more: Any) -> None:
        formatter = argparse.RawDescriptionHelpFormatter
        super().__init__(program, formatter_class=formatter, allow_abbrev=False, **more)


def path(text: str) -> Path:
    """An argparse type. An empty text, as from a variable that is not set, would mean the working folder."""
    if not text:
        raise argparse.ArgumentTypeError('must name a file or folder, current value is ""')
    return Path(text)


def output(text: str) -> Path:
    """An argparse type: a folder for results, which must not get mixed up with the program itself."""
    folder = path(text)
    if folder.resolve().is_relative_to(SOURCES):
        raise argparse.ArgumentTypeError(
            f'must be a folder outside the program\'s own sources, current value is "{text}"'
        )
    return folder


def printable(text: str) -> str:
    """The text with \\xe9 for each byte of a file name that is not UTF-8, and names whole under LC_ALL=C.

    What Python could not decode stands in a name as half a character, which no file and no terminal takes.
    """
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def say(line: str) -> None:
    """Prints a line at once, whatever characters are in it."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    print(printable(line).encode(encoding, "backslashreplace").decode(encoding), flush=True)


def counted(number: int, noun: str) -> str:
    """The number with its noun: 1 image, 2 images."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def duration(seconds: float) -> str:
    """Seconds up to two minutes, then minutes, then hours and minutes: 90 s, 12 min, 1 h 05 min."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def exit_code(work: Callable[[], object], when_interrupted: str) -> int:
    """Does the work; returns 0, a failure's code, or 130 after ^C."""
    try:
        work()
        sys.stdout.flush()
    except Failure as failure:
        print(printable(str(failure)), file=sys.stderr)
        return failure.exit_code
    except KeyboardInterrupt:
        print(f"Interrupted: {printable(when_interrupted)}", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has gone, as `| head` does; Python must not complain again while it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0
