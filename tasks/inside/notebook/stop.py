"""Signals that ask for the end: one interrupts the running cell and saves, another ends it at once."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio

DOUBLE_SIGNAL_SECONDS = 0.5
"""A terminal and a runner may both pass on one ^C: within this time it counts once."""


class Stopped(BaseException):
    """A signal came before there was anything to save.

    No Exception: libraries catch those while they are imported.
    """


class StopRequest:
    """A signal that asked for the end. Before the event loop runs it raises, afterwards it wakes the loop."""

    def __init__(self) -> None:
        self.signal: int | None = None
        self.at_once = False
        self._since = 0.0
        self._is_held = False
        self._event: asyncio.Event
        self._end_at_once: Callable[[], None]

    def listen(self) -> None:
        """Take over the signals."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # `nohup` ignores SIGHUP on purpose; a shell's `&` ignores SIGINT, by accident.
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._raise)

    def _raise(self, number: int, _frame: Any) -> None:
        self.signal = number
        if not self._is_held:
            raise Stopped

    def hold(self) -> None:
        """Until `release`, raise nothing: a process that is being started has no name by which to end it."""
        self._is_held = True

    def release(self) -> None:
        """Raise Stopped, here or later, also for a signal that came since `hold`."""
        self._is_held = False
        if self.signal is not None:
            raise Stopped

    def attach(self, loop: asyncio.AbstractEventLoop, end_at_once: Callable[[], None]) -> asyncio.Event:
        """From now on set an event, which is returned; on a second signal call `end_at_once`."""
        import asyncio

        self._event, self._end_at_once = asyncio.Event(), end_at_once
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) == self._raise:
                loop.add_signal_handler(number, self._note, number)
        return self._event

    def _note(self, number: int) -> None:
        now = time.monotonic()
        if self.signal is None:
            self.signal, self._since = number, now
        elif now - self._since > DOUBLE_SIGNAL_SECONDS:
            self.at_once = True
            self._end_at_once()
        self._event.set()
