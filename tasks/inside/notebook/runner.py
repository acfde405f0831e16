"""Executing all notebooks that were asked for, one after the other or side by side, and recording each."""

from __future__ import annotations

import asyncio
import os
import sys
import time

from .batch import Batch
from .console import Console
from .execution import Execution
from .job import Job, Options
from .process import HIDDEN, KernelProcess
from .stop import StopRequest
from .wire import message_context

VALIDATOR = "NBFORMAT_VALIDATOR"


def execute_jobs(options: Options, jobs: list[Job], first: KernelProcess, stop: StopRequest) -> None:
    """Execute all jobs; what became of each is in the job. `first` is the first job's kernel process.

    Raises OSError if notebooks.json can't be written; whatever else one notebook raises is its own failure.
    """
    if VALIDATOR not in os.environ:
        # By default nbformat compiles its schema first, which takes as long as to check 300 outputs without.
        os.environ[VALIDATOR] = "jsonschema"
        HIDDEN.add(VALIDATOR)
    batch = Batch(options, jobs, Console(sys.stdout), stop)
    batch.processes[id(jobs[0])] = first
    try:
        asyncio.run(_execute(batch))
    finally:
        batch.close()
    batch.save_record()


async def _execute(batch: Batch) -> None:
    if batch.options.total_timeout is not None:
        batch.deadline = time.monotonic() + batch.options.total_timeout
    batch.stopped = batch.stop.attach(asyncio.get_running_loop(), batch.kill)
    batch.context = message_context()
    try:
        workers = min(batch.options.jobs, len(batch.jobs))
        await asyncio.gather(*(_work(batch) for _ in range(workers)))
    finally:
        batch.kill()
        batch.context.destroy(linger=0)


async def _work(batch: Batch) -> None:
    while batch.waiting and batch.stop.signal is None:
        job = batch.waiting.pop(0)
        if batch.deadline is not None and time.monotonic() >= batch.deadline:
            limit = f"{batch.total_limit()} before this notebook's turn"
            job.fail("timeout", "Timeout", limit)
            batch.console.line(f"[{job.name}] not executed: {limit}")
        else:
            await Execution(batch, job).run()
        batch.try_to_save_record()
