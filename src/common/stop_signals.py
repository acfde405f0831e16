"""Signals that ask a long work to save what it has and to end: a scheduler's before its limit, a kill."""

import signal
from types import FrameType
from typing import Any

from src.common.failure import Failure

SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGUSR1") if hasattr(signal, name))


class Stopped(Failure):
    """Work that a signal ended, after it was saved. The exit code is a shell's: 128 and the number."""

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message)
        self.exit_code = 128 + number


class StopSignals:
    """While entered, takes note of SIGTERM and SIGUSR1, which would end the process at once.

    `received` is the number of the first that came, 0 before. The work looks at it where it can stop.
    """

    received = 0

    def __enter__(self) -> "StopSignals":
        self._before: dict[int, Any] = {}
        for number in SIGNALS:
            try:
                self._before[number] = signal.signal(number, self._note)
            except ValueError:  # not in the main thread, where Python hands out signals
                break
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.received = self.received or number
