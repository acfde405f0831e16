"""Runs a command on a pseudo-terminal, presses keys there when a text appears, and exits with its code.

    python terminal.py TEXT PRESSES COMMAND ARGUMENT ...

PRESSES is how many times ^C is pressed, 50 ms apart: the terminal then signals every process in the
foreground.
"""

import os
import pty
import sys
import time


def main() -> int:
    text, presses, command = sys.argv[1].encode(), int(sys.argv[2]), sys.argv[3:]
    child, terminal = pty.fork()
    if child == 0:
        os.execvp(command[0], command)
    seen = b""
    while chunk := read(terminal):
        seen += chunk
        if presses and text in seen:
            for _ in range(presses):
                os.write(terminal, b"\x03")
                time.sleep(0.05)
            presses = 0
    sys.stdout.write(seen.decode(errors="replace"))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux's way to say that the other side is closed
        return b""


if __name__ == "__main__":
    sys.exit(main())
