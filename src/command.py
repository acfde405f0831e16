"""The edge of a command: what the library throws becomes a message and an exit code."""

import os
import sys
from collections.abc import Callable

from src.failure import Failure

INTERRUPTED = 130


def exit_code(work: Callable[[], object], when_interrupted: str) -> int:
    """Does the work; returns 0, a failure's code, or 130 after ^C."""
    try:
        work()
        sys.stdout.flush()
    except Failure as failure:
        print(failure, file=sys.stderr)
        return failure.exit_code
    except KeyboardInterrupt:
        print(f"Interrupted: {when_interrupted}", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has gone, as `| head` does; Python must not complain again while it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0
