"""The edge of a command: what the library throws becomes a message and an exit code."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from src.failure import Failure

INTERRUPTED = 130


SOURCES = Path(__file__).resolve().parent


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
