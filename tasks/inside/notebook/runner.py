"""Executing all notebooks that were asked for, one after the other or side by side, and recording each."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
import time
from typing import Any

from .console import Console
from .execution import Execution
from .file import write_atomically
from .job import Job, Options
from .kernel import message_context
from .process import KernelProcess
from .stop import StopRequest


def execute_jobs(options: Options, jobs: list[Job], first: KernelProcess, stop: StopRequest) -> None:
    """Execute all jobs; what became of each is in the job. `first` is the first job's kernel process.

    Raises OSError if notebooks.json can't be written; whatever else one notebook raises is its own failure.
    """
    runner = Runner(options, jobs, Console(sys.stdout), stop)
    runner.processes[id(jobs[0])] = first
    try:
        asyncio.run(runner.run())
    finally:
        runner.close()
    runner.save_record()


class Runner:
    """Executes the jobs and keeps notebooks.json up to date."""

    def __init__(self, options: Options, jobs: list[Job], console: Console, stop: StopRequest) -> None:
        self.options, self.jobs, self.console, self.stop = options, jobs, console, stop
        self.deadline: float | None = None
        self.stopped: asyncio.Event
        self.context: Any = None
        self.processes: dict[int, KernelProcess] = {}
        self._waiting = list(jobs)

    def process_of(self, job: Job) -> KernelProcess:
        """The job's kernel process, started now unless it is already."""
        if id(job) not in self.processes:
            self.processes[id(job)] = KernelProcess(job.spec, job.cwd, str(job.source))
        return self.processes[id(job)]

    def prestart_next(self) -> None:
        """One after the other: the next kernel starts while the current one works."""
        if self.options.jobs == 1 and self._waiting:
            with contextlib.suppress(OSError):  # it is tried again, and said, when the notebook's turn comes
                self.process_of(self._waiting[0])

    async def run(self) -> None:
        if self.options.total_timeout is not None:
            self.deadline = time.monotonic() + self.options.total_timeout
        self.stopped = self.stop.attach(asyncio.get_running_loop(), self._kill)
        self.context = message_context()
        try:
            workers = min(self.options.jobs, len(self.jobs))
            await asyncio.gather(*(self._work() for _ in range(workers)))
        finally:
            self._kill()
            self.context.destroy(linger=0)

    async def _work(self) -> None:
        while self._waiting and self.stop.signal is None:
            job = self._waiting.pop(0)
            if self.deadline is not None and time.monotonic() >= self.deadline:
                job.fail("timeout", "Timeout", f"{self.total_limit()} before this notebook's turn")
                self.console.line(
                    f"[{job.name}] not executed: {self.total_limit()} before this notebook's turn"
                )
            else:
                await Execution(self, job).run()
            self.try_to_save_record()

    def total_limit(self) -> str:
        return f"the limit of {self.options.total_timeout:g} s for all notebooks was reached"

    def save_record(self) -> None:
        """Write notebooks.json: an entry for every notebook whose turn has come."""
        records = [job.record() for job in self.jobs if job.status != "waiting"]
        text = json.dumps(records, indent=2, ensure_ascii=False).encode("utf-8", "backslashreplace").decode()
        write_atomically(self.options.out / "notebooks.json", text + "\n")

    def try_to_save_record(self) -> None:
        """In the middle of the work a full disk is no reason to stop: at the end it is written again."""
        with contextlib.suppress(OSError):
            self.save_record()

    def _kill(self) -> None:
        for process in self.processes.values():
            process.send_signal(signal.SIGKILL)

    def close(self) -> None:
        """End whatever kernel is left."""
        for process in self.processes.values():
            process.close()
