"""A terminal for a step that asks for one (`tty: true`); run_step.py loads it only then.

Standard library only, CPython 3.8 to 3.15.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios


def in_a_terminal() -> int | None:
    """Goes on in a child whose terminal has 80 columns, and shows what is written there.

    Returns None in the child, and in this process the child's exit code when it has ended.
    """
    child, terminal = pty.fork()
    if child == 0:
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        settings = termios.tcgetattr(1)
        settings[1] &= ~termios.OPOST  # a line ends as it does in a file
        settings[3] &= ~termios.ECHO
        termios.tcsetattr(1, termios.TCSANOW, settings)
        os.environ.setdefault("TERM", "xterm")
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # as Python has it on a terminal
        return None
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, lambda number, _: pass_on(child, number))
    with contextlib.suppress(OSError):
        os.write(terminal, b"\x04")  # nobody types: what is read is at its end
    return relay(child, terminal)


def pass_on(child: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, number)


def relay(child: int, terminal: int) -> int:
    """Writes what comes from a terminal until its process has ended, and gives the exit code."""
    status = None
    while True:
        ready, _, _ = select.select([terminal], [], [], 0 if status is not None else 0.1)
        if ready:
            try:
                text = os.read(terminal, 65536)
            except OSError:  # nobody has it open any more
                text = b""
            if text:
                while text:
                    text = text[os.write(1, text) :]
                continue
            status = os.waitpid(child, 0)[1] if status is None else status
            break
        if status is not None:
            break  # a process that the step left behind holds it open, and is silent
        ended, found = os.waitpid(child, os.WNOHANG)
        status = found if ended == child else None
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
