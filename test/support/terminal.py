"""Runs a command on a pseudo-terminal, presses keys there when a text appears, and exits with its code.

    python terminal.py TEXT KEYS COMMAND ARGUMENT ...

KEYS is a word to type, with Enter; or how many times ^C is pressed, 50 ms apart: the terminal then signals
every process in the foreground.
"""

import os
import pty
import sys
import time


def main() -> int:
    text, command = sys.argv[1].encode(), sys.argv[3:]
    presses = [b"\x03"] * int(sys.argv[2]) if sys.argv[2].isdigit() else [f"{sys.argv[2]}\n".encode()]
    child, terminal = pty.fork()
    if child == 0:
        os.execvp(command[0], command)
    seen = b""
    while chunk := read(terminal):
        seen += chunk
        if presses and text in seen:
            for press in presses:
                os.write(terminal, press)
                time.sleep(0.05)
            presses = []
    sys.stdout.write(seen.decode(errors="replace"))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux's way to say that the other side is closed
        return b""


if __name__ == "__main__":
    sys.exit(main())
