"""How much memory of its own a process has: without files that are mapped, which the system can drop."""

import re
import threading
from pathlib import Path
from types import TracebackType

STATUS = Path("/proc/self/status")
EVERY = 0.02  # seconds


class AnonymousMemory:
    """Watches, while it is entered, this process's anonymous memory; `peak` in bytes, None without Linux."""

    def __init__(self) -> None:
        self.peak = anonymous_memory()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "AnonymousMemory":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(EVERY):
            now = anonymous_memory()
            if self.peak is not None and now is not None:
                self.peak = max(self.peak, now)


def anonymous_memory() -> int | None:
    """Bytes of anonymous memory that this process has now; None where the system does not tell."""
    try:
        found = re.search(r"^RssAnon:\s+(\d+) kB", STATUS.read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None
