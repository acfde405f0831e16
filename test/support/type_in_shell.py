"""Types lines into a shell on a pseudo-terminal, with Tab and Enter after each; prints what it showed.

    python type_in_shell.py LINE ... -- SHELL ARGUMENT ...

Each line must run something that prints "typed:": that is waited for before the next one.
"""

import os
import pty
import select
import sys
import time


def main() -> int:
    end = sys.argv.index("--")
    lines, command = sys.argv[1:end], sys.argv[end + 1 :]
    child, terminal = pty.fork()
    if child == 0:
        os.execvp(command[0], command)
    seen = read_until(terminal, b"ready>")
    for line in lines:
        os.write(terminal, f"{line}\t".encode())
        seen += read_while_busy(terminal)
        os.write(terminal, b"\r")
        seen += read_until(terminal, b"typed:")
        seen += read_while_busy(terminal)
    os.close(terminal)
    os.waitpid(child, 0)
    sys.stdout.write(seen.decode(errors="replace"))
    return 0


def read_until(terminal: int, text: bytes, seconds: float = 60) -> bytes:
    seen, deadline = b"", time.monotonic() + seconds
    while text not in seen:
        if time.monotonic() > deadline:
            sys.exit(f"waited in vain for {text!r}; seen: {seen!r}")
        if select.select([terminal], [], [], 1)[0]:
            seen += os.read(terminal, 65536)
    return seen


def read_while_busy(terminal: int) -> bytes:
    seen = b""
    while select.select([terminal], [], [], 0.5)[0]:
        seen += os.read(terminal, 65536)
    return seen


if __name__ == "__main__":
    sys.exit(main())
