"""Executing notebooks: cell by cell through their kernels, with progress, limits, signals and saves."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import signal
import sys
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionComplete
from nbformat.v4 import to_notebook

from .file import save_notebook, tags, write_atomically
from .job import Job, Options, is_executable
from .kernel import DeadKernel, Kernel, message_context
from .output import CellOutput, CellText, Console, Echo, strip_ansi
from .process import KernelProcess
from .stop import StopRequest
from .traceback import clean_traceback, failing_line, shorten, source_excerpt

INTERRUPT_SECONDS = 5.0
"""How long an interrupted cell may take to end before its kernel is killed."""
SAVE_SECONDS = 2.0
SAVE_FACTOR = 10
"""Save after a cell when SAVE_SECONDS, and SAVE_FACTOR times the last save's duration, have passed since."""
SILENCE_SECONDS = 10.0
"""How long to wait for the next output of a cell that has ended, before its end mark is taken for lost."""
RECORD_SECONDS = 10.0
"""How long the kernel may take to say what it runs with."""
SHOWN_TRACEBACK, KEPT_TRACEBACK = 16_000, 4_000
"""Characters of a traceback on standard output, and in notebooks.json."""
RECORD_MARK = "frameworks:"


def execute_jobs(options: Options, jobs: list[Job], first: KernelProcess, stop: StopRequest) -> None:
    """Execute all jobs; what became of each is in the job. `first` is the first job's kernel process."""
    runner = Runner(options, jobs, Console(sys.stdout), stop)
    runner.processes[id(jobs[0])] = first
    try:
        asyncio.run(runner.run())
    finally:
        runner.close()


class Runner:
    """Executes the jobs, one after the other or side by side, and keeps notebooks.json up to date."""

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
                job.status = "timeout"
                job.error = _error(None, "Timeout", f"{self.total_limit()} before this notebook's turn")
                self.console.line(f"[{job.name}] not executed: {job.error['value']}")
            else:
                await Execution(self, job).run()
            self.save_record()

    def total_limit(self) -> str:
        return f"the limit of {self.options.total_timeout:g} s for all notebooks was reached"

    def save_record(self) -> None:
        """Write notebooks.json: an entry for every notebook whose turn has come."""
        records = [job.record() for job in self.jobs if job.status != "waiting"]
        text = json.dumps(records, indent=2, ensure_ascii=False).encode("utf-8", "backslashreplace").decode()
        write_atomically(self.options.out / "notebooks.json", text + "\n")

    def _kill(self) -> None:
        for process in self.processes.values():
            process.send_signal(signal.SIGKILL)

    def close(self) -> None:
        """End whatever kernel is left."""
        for process in self.processes.values():
            process.close()


class Execution:
    """One notebook's way through its kernel."""

    def __init__(self, runner: Runner, job: Job) -> None:
        self.runner, self.job, self.options = runner, job, runner.options
        self.prefix = f"[{job.name}] " if self.options.jobs > 1 else ""
        self.echo = Echo(runner.console, self.prefix)
        self.started = time.monotonic()
        self.saved_at, self.save_took = self.started, 0.0
        self.requests: set[str] = set()
        self.received = 0
        self.client: Any = None
        self.kernel: Kernel

    def tell(self, text: str) -> None:
        for line in text.rstrip("\n").split("\n"):
            self.runner.console.line(f"[{self.job.name}] {line}" if line else f"[{self.job.name}]")

    async def run(self) -> None:
        job = self.job
        job.status = "running"
        _remove_stale_texts(job.output)
        job.output.parent.mkdir(parents=True, exist_ok=True)
        self.runner.save_record()
        for note in job.notes:
            self.tell(note)
        self.kernel = Kernel(self.runner.process_of(job))
        try:
            await self._execute_and_save()
        except OSError as error:  # a full disk, above all; the record is smaller and may still fit
            job.status, job.error = "failed", _error(None, type(error).__name__, str(error))
            with contextlib.suppress(OSError):
                self.runner.save_record()
            raise
        if self.options.html:
            _write_html(job)
        self._tell_end()

    async def _execute_and_save(self) -> None:
        try:
            await self._execute()
        finally:
            self.save()
            await self.kernel.shutdown()
            self.job.seconds = time.monotonic() - self.started

    async def _execute(self) -> None:
        job = self.job
        self._load()
        try:
            connecting = self.kernel.connect(self.runner.context)
            if not await self._unless_stopped(connecting):
                return
            self.runner.prestart_next()
            job.notebook.metadata["language_info"] = self.kernel.language_info
            self.client.kc = self.kernel.client
            for index, cell in enumerate(job.notebook.cells):
                if is_executable(cell) and not await self._cell(index, cell):
                    break
            self.client.set_widgets_metadata()
        except DeadKernel as error:
            self._fail("dead kernel", _error(None, "DeadKernel", f"the kernel {error}"))
            self.tell(f"the kernel {error}")
        if job.status == "running":
            job.status = "done"
        if job.status in ("done", "failed", "timeout"):
            await self._describe_kernel()

    def _load(self) -> None:
        """Make the notebook nbclient's, which keeps account of displays, widgets and comms."""
        self.job.notebook = to_notebook(self.job.notebook)
        self.client = NotebookClient(self.job.notebook)

    async def _unless_stopped(self, work: Awaitable[Any]) -> bool:
        """Await the work; False if a signal or the total limit came first."""
        outcome, task = await self._first(work, None)
        if outcome == "done":
            task.result()
            return True
        task.cancel()
        self._stop_reason(outcome, None)
        return False

    async def _first(self, work: Awaitable[Any], limit: float | None) -> tuple[str, Any]:
        """Wait for what comes first: the work (`done`), a signal (`stopped`), a limit (`cell` or `total`)."""
        now = time.monotonic()
        ends = [(now + limit, "cell")] if limit is not None else []
        if self.runner.deadline is not None:
            ends.append((self.runner.deadline, "total"))
        end, which = min(ends, default=(None, ""))
        task = asyncio.ensure_future(work)
        stopped = asyncio.ensure_future(self.runner.stopped.wait())
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
        return ("stopped" if self.runner.stopped.is_set() else which), task

    async def _cell(self, index: int, cell: Any) -> bool:
        """Execute one cell; False if the notebook ends here."""
        job = self.job
        number = sum(is_executable(other) for other in job.notebook.cells[: index + 1])
        elapsed = _clock(time.monotonic() - self.started)
        skipped = "skip-execution" in tags(cell)
        excerpt = "(skipped: tagged skip-execution)" if skipped else _first_line(cell.source)
        self.tell(f"cell {number} of {job.cells}  {elapsed}  {excerpt}")
        if skipped:
            return True
        job.executed += 1
        text = CellText(job.output.with_name(f"{job.output.stem}.cell-{number}.txt"))
        output = CellOutput(
            self.client, cell, index, text, self.echo, lambda line: self.tell(f"cell {number}: {line}")
        )
        try:
            goes_on = await self._reply(cell, output, number)
        except DeadKernel as error:
            output.finish()
            self._fail("dead kernel", _error(number, "DeadKernel", f"the kernel {error}"))
            self.tell(f"cell {number} of {job.cells}: the kernel {error}")
            return False
        if goes_on:
            self._save_if_due()
        return goes_on

    async def _reply(self, cell: Any, output: CellOutput, number: int) -> bool:
        tolerant = self.options.allow_errors or "raises-exception" in tags(cell)
        cell.metadata["execution"] = {}
        self.client.clear_before_next_output = False
        request = self.kernel.execute(cell.source, stop_on_error=not tolerant)
        self.requests.add(request)
        work = self.kernel.or_dead(self._finish_cell(request, output))
        outcome, task = await self._first(work, self.options.timeout)
        if outcome != "done":
            self._stop_reason(outcome, number)
            await self._interrupt(task)
            output.finish()
            return False
        try:
            content = task.result()
        except DeadKernel:
            await self._drain(request, output)
            raise
        output.finish()
        cell.execution_count = content.get("execution_count", cell.execution_count)
        if content["status"] == "ok":
            return True
        return self._cell_failed(cell, number, content, tolerant)

    async def _finish_cell(self, request: str, output: CellOutput) -> dict[str, Any]:
        """Take a cell's outputs until the kernel says that it is done; returns the content of its reply."""
        idle = asyncio.ensure_future(self._take_outputs(request, output))
        try:
            reply = await self.kernel.reply_to(request)
            # Outputs may still be on their way. Wait as long as some come: a lost last one must not hang us.
            received = -1
            while not idle.done() and received != self.received:
                received = self.received
                await asyncio.wait({idle}, timeout=SILENCE_SECONDS)
            if idle.done():
                idle.result()
        finally:
            idle.cancel()
        return reply["content"]

    async def _take_outputs(self, request: str, output: CellOutput) -> None:
        while True:
            message = await self.kernel.client.iopub_channel.get_msg()
            parent = message["parent_header"].get("msg_id")
            # A thread that an earlier cell started may print during this one: better here than lost.
            late = message["msg_type"] == "stream" and parent in self.requests
            if parent != request and not late:
                continue
            self.received += 1
            try:
                output.receive(message)
            except CellExecutionComplete:
                return

    async def _drain(self, request: str, output: CellOutput) -> None:
        """Take what a dead kernel had sent before it died."""
        try:
            async with asyncio.timeout(0.2):
                await self._take_outputs(request, output)
        except TimeoutError:
            pass

    async def _interrupt(self, task: Any) -> None:
        """End the running cell: politely, so that its outputs are complete, else by killing the kernel."""
        self.kernel.interrupt()
        end = time.monotonic() + INTERRUPT_SECONDS
        while not task.done() and time.monotonic() < end and not self.runner.stop.at_once:
            await asyncio.wait({task}, timeout=0.1)
        if not task.done():
            self.tell("the kernel did not react to the interrupt and is killed")
            self.kernel.kill()
            await asyncio.wait({task}, timeout=INTERRUPT_SECONDS)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    def _stop_reason(self, outcome: str, number: int | None) -> None:
        """Record and tell why the notebook ends before its end."""
        where = f"cell {number} of {self.job.cells}" if number else "the start of the kernel"
        if outcome == "stopped":
            name = signal.Signals(self.runner.stop.signal or signal.SIGINT).name
            self._fail("interrupted", _error(number, "Interrupted", f"{name} during {where}"))
            self.tell(f"interrupted by {name} during {where}")
            return
        limit = f"the limit of {self.options.timeout or 0:g} s per cell was reached"
        if outcome == "total":
            limit = self.runner.total_limit()
        self._fail("timeout", _error(number, "Timeout", f"{limit} during {where}"))
        self.tell(f"stopped: {limit} during {where}")

    def _fail(self, status: str, error: dict[str, Any]) -> None:
        # The first reason stands: a kernel killed at a time limit is not "dead" besides.
        if self.job.status == "running":
            self.job.status, self.job.error = status, error

    def _cell_failed(self, cell: Any, number: int, content: dict[str, Any], tolerant: bool) -> bool:
        job = self.job
        name, value = content.get("ename", "error"), strip_ansi(str(content.get("evalue", "")))
        lines = clean_traceback(content.get("traceback") or [])
        summary = f"{name}: {shorten(value, 200)}" if value else name
        self.tell(f"cell {number} of {job.cells} {'raised' if tolerant else 'failed with'} {summary}")
        excerpt = source_excerpt(cell.source, failing_line(lines, content.get("execution_count")))
        for line in [*excerpt, *"\n".join(lines)[-SHOWN_TRACEBACK:].split("\n")]:
            self.runner.console.line(self.prefix + line)
        error = _error(number, name, value[:KEPT_TRACEBACK])
        error["traceback"] = strip_ansi("\n".join(lines))[-KEPT_TRACEBACK:]
        if tolerant:
            job.error = job.error or error
            return True
        self._fail("failed", error)
        return False

    def _save_if_due(self) -> None:
        if time.monotonic() - self.saved_at > max(SAVE_SECONDS, SAVE_FACTOR * self.save_took):
            self.save()

    def save(self) -> None:
        begin = time.monotonic()
        save_notebook(self.job.notebook, self.job.output)
        self.saved_at = time.monotonic()
        self.save_took = self.saved_at - begin

    async def _describe_kernel(self) -> None:
        """Ask the kernel what it runs with, if it still lives."""
        if not self.kernel.spec.is_python or self.kernel.exited.done():
            return
        try:
            async with asyncio.timeout(RECORD_SECONDS):
                self.job.kernel = await self.kernel.or_dead(self._ask_frameworks())
        except TimeoutError:
            self.job.kernel = {"error": f"the kernel did not answer within {RECORD_SECONDS:.0f} s"}
        except DeadKernel as error:
            self.job.kernel = {"error": f"the kernel {error}"}

    async def _ask_frameworks(self) -> dict[str, Any]:
        request = self.kernel.execute(frameworks_code(), silent=True)
        printed: list[str] = []
        while True:
            message = await self.kernel.client.iopub_channel.get_msg()
            if message["parent_header"].get("msg_id") != request:
                continue
            if message["msg_type"] == "stream":
                printed.append(message["content"]["text"])
            elif message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                break
        found = re.search(rf"^{RECORD_MARK}(.*)$", "".join(printed), re.MULTILINE)
        return json.loads(found[1]) if found else {"error": "the kernel printed no record"}

    def _tell_end(self) -> None:
        job = self.job
        took = _clock(job.seconds)
        saved = f"saved as {job.output}"
        self.tell(f"{job.status}: {job.executed} of {job.cells} cells in {took}, {saved}")


def frameworks_code() -> str:
    """Code for the kernel that prints `frameworks.record()` and leaves no name behind."""
    source = Path(__file__).parent.with_name("frameworks.py").read_text(encoding="utf-8")
    source += f'\nimport json\nprint("\\n{RECORD_MARK}" + json.dumps(record()), flush=True)\n'
    return f'exec(compile({source!r}, "frameworks.py", "exec"), {{"__name__": "frameworks"}})'


def _error(cell: int | None, name: str, value: str) -> dict[str, Any]:
    return {"cell": cell, "name": name, "value": value, "traceback": None}


def _remove_stale_texts(output: Path) -> None:
    """An earlier execution's long texts would pass for this one's."""
    pattern = re.compile(re.escape(output.stem) + r"\.cell-\d+\.txt")
    if output.parent.is_dir():
        for file in output.parent.iterdir():
            if pattern.fullmatch(file.name):
                file.unlink()


def _write_html(job: Job) -> None:
    from nbconvert import HTMLExporter

    body, _ = HTMLExporter().from_notebook_node(job.notebook)
    write_atomically(job.output.with_suffix(".html"), body)


def _clock(seconds: float) -> str:
    minutes, second = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{second:02}"


def _first_line(source: str) -> str:
    return shorten(next((line.strip() for line in source.split("\n") if line.strip()), ""), 60)
