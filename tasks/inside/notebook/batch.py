"""What the notebooks of one command share, whichever of them is executed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from typing import Any

from .console import Console
from .file import write_atomically
from .job import Job, Options
from .process import KernelProcess
from .stop import StopRequest


class Batch:
    """The notebooks that are executed together: their kernels, their common limit, and notebooks.json."""

    def __init__(self, options: Options, jobs: list[Job], console: Console, stop: StopRequest) -> None:
        self.options, self.jobs, self.console, self.stop = options, jobs, console, stop
        self.deadline: float | None = None
        self.stopped: asyncio.Event
        self.context: Any = None
        self.processes: dict[int, KernelProcess] = {}
        self.waiting = list(jobs)

    def process_of(self, job: Job) -> KernelProcess:
        """The job's kernel process, started now unless it is already."""
        if id(job) not in self.processes:
            self.processes[id(job)] = KernelProcess(job.spec, job.cwd, str(job.source))
        return self.processes[id(job)]

    def prestart_next(self) -> None:
        """One after the other: the next kernel starts while the current one works."""
        if self.options.jobs == 1 and self.waiting:
            with contextlib.suppress(OSError):  # it is tried again, and said, when the notebook's turn comes
                self.process_of(self.waiting[0])

    def total_limit(self) -> str:
        return f"the limit of {self.options.total_timeout:g} s for all notebooks was reached"

    def save_record(self) -> None:
        """Write notebooks.json: an entry for every notebook whose turn has come."""
        records = [job.record() for job in self.jobs if job.status != "waiting"]
        text = json.dumps(records, indent=2, ensure_ascii=False)
        write_atomically(self.options.out / "notebooks.json", text + "\n")

    def try_to_save_record(self) -> None:
        """In the middle of the work a full disk is no reason to stop: at the end it is written again."""
        with contextlib.suppress(OSError):
            self.save_record()

    def kill(self) -> None:
        for process in self.processes.values():
            process.send_signal(signal.SIGKILL)

    def close(self) -> None:
        """End whatever kernel is left."""
        for process in self.processes.values():
            process.close()
