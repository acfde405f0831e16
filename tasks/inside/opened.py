"""Notes which files a Python process opens to read, by an audit hook (PEP 578).

Each path is written once, when it is first opened, to a file of the process: also what a killed process or
a forked worker opened is known. Libraries are left out here; which of the rest are files of the project, the
task runner decides. Commands that are started are searched for names of files, since what runs there is not
seen. It never fails the process: where anything is amiss, it notes no more. Standard library only, CPython
3.8 to 3.15.
"""

from __future__ import annotations

import os
import sys

# Of a folder with many files, such as a data set of images, some speak for all.
MOST_IN_A_FOLDER = 50

MOST = 5000

# Open flags: what is written only, or emptied first, is not read.
WRITE_ONLY, EMPTIED = os.O_WRONLY, os.O_TRUNC

OPENED, TIMES_SET = b"o", b"t"

LIBRARIES = ("/site-packages/", "/dist-packages/")

ELSEWHERE = (
    "/proc/",
    "/sys/",
    "/dev/",
    "/etc/",
    "/usr/lib/",
    "/usr/share/",
    os.path.dirname(os.__file__) + "/",
)


class _Notes:
    def __init__(self, path: str) -> None:
        self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.identity = self.identify()
        self.seen: set[str] = set()
        self.in_folder: dict[str, int] = {}
        self.left = MOST

    def identify(self) -> tuple[int, int]:
        info = os.fstat(self.file)
        return info.st_dev, info.st_ino

    def note(self, kind: bytes, path: object) -> None:
        if isinstance(path, bytes):
            path = os.fsdecode(path)
        if not isinstance(path, str) or self.left <= 0:
            return
        if not path.startswith("/"):
            path = os.path.join(os.getcwd(), path)
        if path in self.seen:
            return
        if len(self.seen) < 20 * MOST:
            self.seen.add(path)
        if path.startswith(ELSEWHERE) or any(library in path for library in LIBRARIES):
            return
        folder, name = os.path.split(path)
        if folder.endswith("/__pycache__"):
            folder, name = folder[:-12], name.split(".")[0] + ".py"
        count = self.in_folder[folder] = self.in_folder.get(folder, 0) + 1
        # A program may close what it does not know, and open another file under the same number.
        if count > MOST_IN_A_FOLDER or self.identify() != self.identity:
            return
        self.left -= 1
        os.write(self.file, kind + os.fsencode(folder + "/" + name) + b"\0")

    def opened(self, path: object, _mode: object, flags: object) -> None:
        if isinstance(flags, int) and (flags & 3 == WRITE_ONLY or flags & EMPTIED):
            return
        if path not in self.seen:
            self.note(OPENED, path)

    def command(self, *texts: object) -> None:
        """Notes the files that a command names."""
        import shlex

        for text in texts:
            for part in text if isinstance(text, (list, tuple)) else [text]:
                part = os.fsdecode(part) if isinstance(part, (bytes, os.PathLike)) else part
                if not isinstance(part, str) or len(part) > 10_000:
                    continue
                names = [part]
                if " " in part:
                    lexer = shlex.shlex(part, posix=True, punctuation_chars=True)
                    lexer.whitespace_split = True
                    names += list(lexer)
                # As git names a file of a commit.
                names += [name.partition(":")[2] for name in names if ":" in name]
                for name in names:
                    if len(name) < 1000 and os.path.isfile(name):
                        self.note(OPENED, name)


def watch(folder: str) -> None:
    """Begins to note what this process opens, in a file of its own in the folder."""
    try:
        # On two nodes of a cluster, two processes may have the same number.
        notes = _Notes(os.path.join(folder, str(os.getpid()) + "-" + os.environ.get("SLURMD_NODENAME", "")))
    except OSError:
        return
    handlers = {
        "open": notes.opened,
        "os.link": lambda source, *_: notes.note(OPENED, source),
        "os.rename": lambda source, *_: notes.note(OPENED, source),
        "os.symlink": lambda source, *_: notes.note(OPENED, source),
        "os.utime": lambda path, *_: notes.note(TIMES_SET, path),
        "sqlite3.connect": lambda database, *_: notes.note(OPENED, database),
        "subprocess.Popen": lambda _program, arguments, *_: notes.command(arguments),
        "os.system": notes.command,
        "os.posix_spawn": lambda _program, arguments, *_: notes.command(arguments),
        "os.exec": lambda _program, arguments, *_: notes.command(arguments),
    }

    def hook(event: str, arguments: tuple[object, ...], handler_of=handlers.get) -> None:  # type: ignore[no-untyped-def]
        handler = handler_of(event)
        if handler is None:
            return
        try:  # noqa: SIM105 -- it may be called a million times
            handler(*arguments)
        except Exception:
            pass  # what the process does goes on as without the hook

    sys.addaudithook(hook)


def read(folder: str) -> dict[str, list[str]]:
    """What the processes that watched have noted."""
    found: dict[bytes, set[str]] = {OPENED: set(), TIMES_SET: set()}
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        names = []
    for name in names:
        try:
            with open(os.path.join(folder, name), "rb") as file:
                content = file.read(16 << 20)
        except OSError:
            continue
        for line in content.split(b"\0"):
            if line[:1] in found:
                found[line[:1]].add(os.fsdecode(line[1:]))
    return {"opened": sorted(found[OPENED])[: 4 * MOST], "times_set": sorted(found[TIMES_SET])[:MOST]}
