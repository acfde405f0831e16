"""One notebook while it is executed: what its cells and its way through the kernel have in common."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable
from typing import Any

from .batch import Batch
from .console import Echo
from .job import Job
from .kernel import Kernel


class Turn:
    """A notebook, its kernel and the account of its outputs."""

    def __init__(self, batch: Batch, job: Job) -> None:
        self.batch, self.job, self.options = batch, job, batch.options
        self.prefix = f"[{job.name}] " if self.options.jobs > 1 else ""
        self.echo = Echo(batch.console, self.prefix)
        self.requests: set[str] = set()
        self.account: Any = None
        self.kernel: Kernel

    def tell(self, text: str) -> None:
        for line in text.rstrip("\n").split("\n"):
            self.batch.console.line(f"[{self.job.name}] {line}" if line else f"[{self.job.name}]")

    async def unless_stopped(self, work: Awaitable[Any]) -> bool:
        """Await the work; False if a signal or the total limit came first."""
        outcome, task = await self.first(work, None)
        if outcome == "done":
            task.result()
            return True
        task.cancel()
        self.stop_reason(outcome, None)
        return False

    async def first(self, work: Awaitable[Any], limit: float | None) -> tuple[str, Any]:
        """Wait for what comes first: the work (`done`), a signal (`stopped`), a limit (`cell` or `total`)."""
        now = time.monotonic()
        ends = [(now + limit, "cell")] if limit is not None else []
        if self.batch.deadline is not None:
            ends.append((self.batch.deadline, "total"))
        end, which = min(ends, default=(None, ""))
        task = asyncio.ensure_future(work)
        stopped = asyncio.ensure_future(self.batch.stopped.wait())
        try:
            await asyncio.wait(
                {task, stopped},
                timeout=None if end is None else max(0.0, end - now),
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            stopped.cancel()
        if task.done():
            return "done", task
        return ("stopped" if self.batch.stopped.is_set() else which), task

    def stop_reason(self, outcome: str, number: int | None) -> None:
        """Record and tell why the notebook ends before its end."""
        where = f"cell {number} of {self.job.cells}" if number else "the start of the kernel"
        if outcome == "stopped":
            name = signal.Signals(self.batch.stop.signal or signal.SIGINT).name
            self.job.fail("interrupted", "Interrupted", f"{name} during {where}", cell=number)
            self.tell(f"interrupted by {name} during {where}")
            return
        limit = f"the limit of {self.options.timeout or 0:g} s per cell was reached"
        if outcome == "total":
            limit = self.batch.total_limit()
        self.job.fail("timeout", "Timeout", f"{limit} during {where}", cell=number)
        self.tell(f"stopped: {limit} during {where}")
