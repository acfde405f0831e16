"""Execute notebooks without a browser: progress on standard output, executed copies in a folder.

Example:

    python tasks/inside/execute_notebook.py notebooks/train_resnet.ipynb --out executed \\
        --parameters '{"epochs": 3}'

Exit codes: 0 every notebook ran through · 1 a cell failed, a time limit was reached or a kernel died ·
2 the request or a file is wrong, nothing was executed · 130 / 143 / 129 ended by SIGINT / SIGTERM / SIGHUP.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import sys
import time
from collections.abc import Awaitable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from notebook_file import (
    BadRequest,
    inject_parameters,
    kernel_name,
    parse_parameters,
    plan_outputs,
    read_notebook,
    save_notebook,
    tags,
    write_atomically,
)
from notebook_kernel import DeadKernel, Kernel, KernelSpec, UnknownKernel, find_kernel
from notebook_output import CellOutput, CellText, Console, Echo, strip_ansi

INTERRUPT_SECONDS = 5.0
"""How long an interrupted cell may take to end before its kernel is killed."""
DOUBLE_SIGNAL_SECONDS = 0.5
"""A terminal and a runner may both pass on one ^C: within this time it counts once."""
SAVE_SECONDS = 2.0
SAVE_FACTOR = 10
"""Save after a cell when SAVE_SECONDS, and SAVE_FACTOR times the last save's duration, have passed since."""
RECORD_SECONDS = 10.0
"""How long the kernel may take to say what it runs with."""
SOURCE_LINES = 3
"""Lines of source shown around the line that failed."""
TRACEBACK_LIMIT = 4000
RECORD_MARK = "frameworks:"


class Stopped(Exception):
    """A signal, or the total time limit, ends everything."""


@dataclass
class Options:
    """The command line, parsed."""

    notebooks: list[Path]
    out: Path
    parameters: dict[str, Any]
    timeout: float | None
    total_timeout: float | None
    allow_errors: bool
    html: bool
    jobs: int
    kernel: str | None
    cwd: Path | None


@dataclass
class Job:
    """One notebook to execute, and what became of it."""

    source: Path
    output: Path
    notebook: Any
    spec: KernelSpec
    cwd: str
    name: str
    notes: list[str] = field(default_factory=list)
    status: str = "waiting"
    cells: int = 0
    executed: int = 0
    seconds: float = 0.0
    error: dict[str, Any] | None = None
    kernel: dict[str, Any] | None = None

    def record(self) -> dict[str, Any]:
        """The entry in notebooks.json."""
        return {
            "source": str(self.source),
            "output": str(self.output),
            "status": self.status,
            "cells": self.cells,
            "executed": self.executed,
            "seconds": round(self.seconds, 3),
            "error": self.error,
            "kernel": self.kernel,
        }


def main(argv: list[str]) -> int:
    """Run the command line; returns the exit code."""
    try:
        options = parse_options(argv)
        jobs = plan_jobs(options)
    except BadRequest as error:
        print(error, file=sys.stderr)
        return 2
    console = Console(sys.stdout)
    stop = StopRequest()
    runner = Runner(options, jobs, console, stop)
    stop.listen()
    try:
        # Before the slow imports: the kernel makes its own meanwhile.
        runner.prestart(jobs[0])
        import asyncio

        asyncio.run(runner.run())
    except Stopped:
        pass  # a signal before the event loop ran
    except OSError as error:
        console.line(f"Cannot go on: {error.strerror or error} ({error.filename or options.out})")
        return 1
    finally:
        runner.close()
    if stop.signal is not None:
        return 128 + stop.signal
    return 0 if all(job.status == "done" for job in jobs) else 1


def parse_options(argv: list[str]) -> Options:
    parser = argparse.ArgumentParser(
        prog="execute_notebook.py",
        description="Execute notebooks without a browser.",
        epilog="""examples:
  execute_notebook.py train.ipynb --out executed --parameters '{"epochs": 3}'
  execute_notebook.py notebooks/*.ipynb --out executed --jobs 2 --timeout 600 --html

The executed copies go to DIR, with notebooks.json, which says what became of each. A source is never changed.
A failed notebook does not keep the others from being executed.""",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("notebooks", nargs="+", type=Path, metavar="NOTEBOOK")
    add("--out", type=Path, required=True, metavar="DIR", help="folder for the executed notebooks")
    add("--parameters", default="{}", metavar="JSON", help="values for the tagged cell; or @FILE")
    add("--timeout", type=_seconds, metavar="SECONDS", help="limit for each cell")
    add("--total-timeout", type=_seconds, metavar="SECONDS", help="limit for all notebooks together")
    add("--allow-errors", action="store_true", help="go on after a cell that fails, and exit with 0")
    add("--html", action="store_true", help="also write DIR/<name>.html")
    add("--jobs", type=_count, default=1, metavar="N", help="notebooks side by side (default: 1)")
    add("--kernel", metavar="NAME", help="use this kernel instead of the one the notebook names")
    add("--cwd", type=Path, metavar="DIR", help="working folder of the kernels (default: the notebook's own)")
    values = vars(parser.parse_args(argv))
    return Options(**{**values, "parameters": parse_parameters(values["parameters"])})


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a positive number of seconds, current value is {text}")
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, current value is {text}")
    return value


def plan_jobs(options: Options) -> list[Job]:
    """Read and check everything before anything is executed; raises BadRequest with every problem."""
    problems: list[str] = []
    jobs: list[Job] = []
    sources = list(dict.fromkeys(options.notebooks))
    outputs = plan_outputs(sources, options.out)
    _check_folders(options)
    for source, output in zip(sources, outputs, strict=True):
        try:
            jobs.append(_plan_job(options, source, output))
        except BadRequest as error:
            problems.append(str(error))
    if problems:
        raise BadRequest("\n".join(problems))
    return jobs


def _check_folders(options: Options) -> None:
    if options.html:
        from importlib.util import find_spec

        if find_spec("nbconvert") is None:
            raise BadRequest("Cannot write HTML: --html needs the package nbconvert")
    if options.cwd is not None and not options.cwd.is_dir():
        raise BadRequest(f'Cannot execute in "{options.cwd}": --cwd must be a folder that is there')
    try:
        options.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadRequest(f'Cannot write to "{options.out}": {error.strerror}') from None
    if not os.access(options.out, os.W_OK | os.X_OK):
        raise BadRequest(f'Cannot write to "{options.out}": permission denied')


def _plan_job(options: Options, source: Path, output: Path) -> Job:
    notebook = read_notebook(source)
    name = options.kernel or kernel_name(notebook)
    try:
        spec = find_kernel(name)
    except UnknownKernel as error:
        raise BadRequest(
            f'Cannot execute "{source}": kernel must be one of the installed ones '
            f"({', '.join(error.installed) or 'none'}), current value is {json.dumps(error.name)}; "
            "choose with --kernel"
        ) from None
    except (OSError, ValueError, KeyError) as error:
        raise BadRequest(f'Cannot execute "{source}": kernel.json of {name} is broken: {error}') from None
    notes: list[str] = []
    if options.parameters:
        if not spec.is_python:
            raise BadRequest(
                f'Cannot set parameters in "{source}": its kernel must be a Python one, '
                f"current value is {json.dumps(spec.name)} ({spec.language or 'unknown language'})"
            )
        notes = inject_parameters(notebook, options.parameters)
    cwd = os.path.abspath(options.cwd or source.parent)
    shown = output.relative_to(options.out).with_suffix(source.suffix)
    job = Job(source, output, notebook, spec, cwd, str(shown), notes)
    job.cells = sum(_is_executable(cell) for cell in notebook["cells"])
    return job


def _is_executable(cell: Any) -> bool:
    return cell["cell_type"] == "code" and bool(cell["source"].strip())


class StopRequest:
    """A signal that asked for the end. Before the event loop runs it raises, afterwards it wakes the loop."""

    def __init__(self) -> None:
        self.signal: int | None = None
        self.at_once = False
        self._since = 0.0
        self._event: Any = None

    def listen(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # `nohup` ignores SIGHUP on purpose; a shell's `&` ignores SIGINT, by accident.
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._raise)

    def _raise(self, number: int, _frame: Any) -> None:
        self.signal = number
        raise Stopped

    def attach(self, loop: Any) -> Any:
        """From now on set an event; returns it."""
        import asyncio

        self._event = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) == self._raise:
                loop.add_signal_handler(number, self._note, number)
        return self._event

    def _note(self, number: int) -> None:
        now = time.monotonic()
        if self.signal is None:
            self.signal, self._since = number, now
        elif now - self._since > DOUBLE_SIGNAL_SECONDS:
            self.at_once = True  # asked again: don't wait for the cell any longer
        self._event.set()


class Runner:
    """Executes the jobs, one after the other or side by side, and keeps notebooks.json up to date."""

    def __init__(self, options: Options, jobs: list[Job], console: Console, stop: StopRequest) -> None:
        self.options, self.jobs, self.console, self.stop = options, jobs, console, stop
        self.deadline: float | None = None
        self.stopped: Any = None
        self.context: Any = None
        self._kernels: dict[int, Kernel] = {}
        self._waiting = list(jobs)

    def prestart(self, job: Job) -> None:
        """Start the job's kernel process, so that it is ready when its turn comes."""
        if id(job) not in self._kernels:
            self._kernels[id(job)] = Kernel(job.spec, job.cwd, os.path.abspath(job.source))

    def prestart_next(self) -> None:
        """One after the other: the next kernel starts while the current one works."""
        if self.options.jobs == 1 and self._waiting:
            self.prestart(self._waiting[0])

    def kernel_of(self, job: Job) -> Kernel:
        self.prestart(job)
        return self._kernels[id(job)]

    async def run(self) -> None:
        import asyncio

        from notebook_kernel import message_context

        if self.options.total_timeout is not None:
            self.deadline = time.monotonic() + self.options.total_timeout
        self.stopped = self.stop.attach(asyncio.get_running_loop())
        self.context = message_context()
        try:
            workers = min(self.options.jobs, len(self.jobs))
            await asyncio.gather(*(self._work() for _ in range(workers)))
        finally:
            self.close()
            self.context.destroy(linger=0)

    async def _work(self) -> None:
        while self._waiting and self.stop.signal is None:
            job = self._waiting.pop(0)
            if self.deadline is not None and time.monotonic() >= self.deadline:
                job.status = "timeout"
                job.error = _error(None, "Timeout", self.total_limit() + " before this notebook's turn")
                self.console.line(f"[{job.name}] not executed: {job.error['value']}")
            else:
                await Execution(self, job).run()
            self.save_record()

    def total_limit(self) -> str:
        return f"the limit of {self.options.total_timeout:g} s for all notebooks was reached"

    def save_record(self) -> None:
        records = [job.record() for job in self.jobs if job.status != "waiting"]
        text = json.dumps(records, indent=2, ensure_ascii=False).encode("utf-8", "backslashreplace").decode()
        write_atomically(self.options.out / "notebooks.json", text + "\n")

    def close(self) -> None:
        """End whatever kernel is left."""
        for kernel in self._kernels.values():
            kernel.close()


class Execution:
    """One notebook's way through its kernel."""

    def __init__(self, runner: Runner, job: Job) -> None:
        self.runner, self.job, self.options = runner, job, runner.options
        prefix = f"[{job.name}] " if self.options.jobs > 1 else ""
        self.echo = Echo(runner.console, prefix)
        self.started = time.monotonic()
        self.saved_at, self.save_took = self.started, 0.0
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
        self.kernel = self.runner.kernel_of(job)
        try:
            await self._execute()
        finally:
            self.save()
            await self.kernel.shutdown()
            job.seconds = time.monotonic() - self.started
        if self.options.html:
            _write_html(job)
        self._tell_end()

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
                if _is_executable(cell) and not await self._cell(index, cell):
                    break
            self.client.set_widgets_metadata()
        except DeadKernel as error:
            self._fail("dead kernel", _error(None, "DeadKernel", f"the kernel {error}"))
            self.tell(f"kernel {error}")
        if job.status == "running":
            job.status = "done"
        if job.status in ("done", "failed", "timeout"):
            await self._describe_kernel()

    def _load(self) -> None:
        """Make the notebook nbclient's; here because this import takes as long as the kernel's start."""
        from nbclient import NotebookClient
        from nbformat.v4 import to_notebook

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
        import asyncio

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
        number = sum(_is_executable(other) for other in job.notebook.cells[: index + 1])
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
            self.tell(f"kernel {error}\nwhile it executed cell {number} of {job.cells}")
            return False
        if goes_on:
            self._save_if_due()
        return goes_on

    async def _reply(self, cell: Any, output: CellOutput, number: int) -> bool:
        tolerant = self.options.allow_errors or "raises-exception" in tags(cell)
        cell.metadata["execution"] = {}
        self.client.clear_before_next_output = False
        request = self.kernel.execute(cell.source, stop_on_error=not tolerant)
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
        import asyncio

        idle = asyncio.ensure_future(self._take_outputs(request, output))
        try:
            reply = await self.kernel.reply_to(request)
            await idle
        finally:
            idle.cancel()
        return reply["content"]

    async def _take_outputs(self, request: str, output: CellOutput) -> None:
        from nbclient.exceptions import CellExecutionComplete

        while True:
            message = await self.kernel.client.iopub_channel.get_msg()
            if message["parent_header"].get("msg_id") != request:
                continue
            try:
                output.receive(message)
            except CellExecutionComplete:
                return

    async def _drain(self, request: str, output: CellOutput) -> None:
        """Take what a dead kernel had sent before it died."""
        import asyncio

        try:
            async with asyncio.timeout(0.2):
                await self._take_outputs(request, output)
        except TimeoutError:
            pass

    async def _interrupt(self, task: Any) -> None:
        """End the running cell: politely, so that its outputs are complete, else by killing the kernel."""
        import asyncio

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
        summary = f"{name}: {_shorten(value, 200)}" if value else name
        self.tell(f"cell {number} of {job.cells} {'raised' if tolerant else 'failed with'} {summary}")
        for line in source_excerpt(cell.source, failing_line(lines, content.get("execution_count"))):
            self.runner.console.line(line)
        self.runner.console.line("\n".join(lines)[-TRACEBACK_LIMIT * 4 :])
        error = _error(number, name, value[:TRACEBACK_LIMIT])
        error["traceback"] = strip_ansi("\n".join(lines))[-TRACEBACK_LIMIT:]
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
        import asyncio

        if not self.kernel.spec.is_python or self.kernel.exit_status is not None:
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
    source = Path(__file__).with_name("frameworks.py").read_text(encoding="utf-8")
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
    return _shorten(next((line.strip() for line in source.split("\n") if line.strip()), ""), 60)


def _shorten(text: str, length: int) -> str:
    text = text.replace("\n", " ")
    return text if len(text) <= length else text[: length - 1] + "…"


def clean_traceback(frames: list[str]) -> list[str]:
    """The traceback's lines without the frames of IPython and the kernel themselves."""
    internal = re.compile(r"File \S*[/\\](?:IPython|ipykernel|nbclient|jupyter_client)[/\\]")
    kept = [frame for frame in frames if not internal.match(strip_ansi(frame).lstrip())]
    return "\n".join(kept).split("\n")


def failing_line(traceback: list[str], execution_count: int | None) -> int | None:
    """The line of the cell that failed, where the traceback tells.

    IPython heads a frame with `Cell In[3], line 2`; before 8.8 with `Input In [3], in <cell line: 2>()`.
    """
    text = strip_ansi("\n".join(traceback))
    count = execution_count if execution_count is not None else r"\d+"
    found = re.search(rf"In ?\[{count}\], (?:line |in <cell line: )(\d+)", text)
    return int(found[1]) if found else None


def source_excerpt(source: str, failing: int | None) -> list[str]:
    """A few numbered lines of the source, the failing one marked."""
    lines = source.rstrip("\n").split("\n")
    middle = failing if failing is not None and failing <= len(lines) else 1
    first = max(1, middle - SOURCE_LINES)
    last = min(len(lines), middle + SOURCE_LINES)
    width = len(str(last))
    return [
        f"  {'>' if number == failing else ' '} {number:{width}}  {_shorten(lines[number - 1], 160)}"
        for number in range(first, last + 1)
    ]


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.exit(code)
