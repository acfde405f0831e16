"""The edge of a command: what the library throws becomes a message and an exit code."""

import argparse
import difflib
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NoReturn

from src.failure import Failure

INTERRUPTED = 130


UNKNOWN = "unrecognized arguments: "  # how argparse begins
SOURCES = Path(__file__).resolve().parent

Report = Callable[[str], None]  # is told what is worth a line, as `say` prints it


class Parser(argparse.ArgumentParser):
    """Takes no shortened options, shows the help as it is written, and says what a wrong option may mean."""

    def __init__(self, program: str, **more: Any) -> None:
        formatter = argparse.RawDescriptionHelpFormatter
        super().__init__(program, formatter_class=formatter, allow_abbrev=False, **more)

    def error(self, message: str) -> NoReturn:
        """Exits with 2; argparse calls it."""
        if message.startswith(UNKNOWN):
            words = message.removeprefix(UNKNOWN).split()
            meant = [suggest(word, self._option_string_actions) for word in words if word.startswith("-")]
            if any(meant):
                message += f", did you mean {', '.join(dict.fromkeys(filter(None, meant)))}?"
        super().error(message)


def suggest(word: str, options: Iterable[str]) -> str | None:
    """The long option that is meant: --epoch for --epochs, --mom for --momentum, --lr for --learning-rate."""
    names = [option.removeprefix("--") for option in options if option.startswith("--")]
    typed = word.split("=")[0].lstrip("-").lower().replace("_", "-")
    near = difflib.get_close_matches(typed, names, n=1)
    if not near and typed:
        near = [name for name in names if name.startswith(typed) or _initials(name) == typed]
    return f"--{near[0]}" if len(near) == 1 else None


def _initials(name: str) -> str:
    return "".join(part[0] for part in name.split("-"))


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
