"""One notebook's way through its kernel, with progress, limits, signals and saves."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .account import Account
from .batch import Batch
from .cell import CellRun
from .file import save_notebook, tags
from .job import Job, is_executable
from .kernel import DeadKernel, Kernel
from .page import write_page
from .traceback import first_line, own_traceback
from .turn import Turn

SAVE_SECONDS = 2.0
SAVE_FACTOR = 10
"""Save after a cell when SAVE_SECONDS, and SAVE_FACTOR times the last save's duration, have passed since."""
RECORD_SECONDS = 10.0
"""How long the kernel may take to say what it runs with."""
RECORD_MARK = "frameworks:"


class Execution:
    """One notebook: what it raises, whatever it is, becomes its own failure."""

    def __init__(self, batch: Batch, job: Job) -> None:
        self.batch, self.job, self.options = batch, job, batch.options
        self.turn = Turn(batch, job)
        self.started = time.monotonic()
        self.saved_at, self.save_took = self.started, 0.0
        self.running: CellRun | None = None

    async def run(self) -> None:
        job = self.job
        job.status = "running"
        with self._contained("start"):
            _remove_stale_texts(job.output)
            job.output.parent.mkdir(parents=True, exist_ok=True)
            self.batch.try_to_save_record()
            for note in job.notes:
                self.turn.tell(note)
            self.turn.kernel = Kernel(self.batch.process_of(job))
            await self._execute_and_save()
        if job.status == "running":
            job.status = "done"
        if self.options.html and self.turn.account is not None:
            with self._contained("write a page of"):
                write_page(job.notebook, job.output.with_suffix(".html"))
        saved = f", saved as {job.output}" if job.saved else ""
        self.turn.tell(f"{job.status}: {job.executed} of {job.cells} cells in {_clock(job.seconds)}{saved}")

    @contextlib.contextmanager
    def _contained(self, doing: str) -> Iterator[None]:
        """Other notebooks go on, and hours of computing stay recorded, whatever is raised here."""
        try:
            yield
        except Exception as error:
            what = f"{type(error).__name__}: {error}"
            where = ""
            if isinstance(error, OSError) and error.strerror:
                what, where = error.strerror, f" ({error.filename})" if error.filename else ""
            self.turn.tell(f"Cannot {doing} this notebook: {what}{where}")
            self.job.fail("failed", type(error).__name__, str(error), traceback=own_traceback(error))

    async def _execute_and_save(self) -> None:
        saving = None
        try:
            with self._contained("execute"):
                self.turn.account = Account(self.job.notebook)
                self.save()
                saving = asyncio.ensure_future(self._save_now_and_then())
                await self._execute()
        finally:
            if saving is not None:
                saving.cancel()
            with self._contained("save"):
                self.save()
            await self.turn.kernel.shutdown()
            self.job.seconds = time.monotonic() - self.started

    async def _execute(self) -> None:
        job = self.job
        try:
            connecting = self.turn.kernel.connect(self.batch.context, self.options.start_timeout)
            if not await self.turn.unless_stopped(connecting):
                return
            self.batch.prestart_next()
            job.notebook["metadata"]["language_info"] = self.turn.kernel.language_info
            self.turn.account.widget_client = self.turn.kernel.widgets
            for index, cell in enumerate(job.notebook["cells"]):
                if is_executable(cell) and not await self._cell(index, cell):
                    break
            self.turn.account.save_widgets()
        except DeadKernel as error:
            job.fail("dead kernel", "DeadKernel", f"the kernel {error}", kernel_exit_code=error.exit_code)
            self.turn.tell(f"the kernel {error}")
        if job.status in ("running", "failed", "timeout"):
            await self._describe_kernel()

    async def _cell(self, index: int, cell: Any) -> bool:
        """Execute one cell; False if the notebook ends here."""
        job = self.job
        number = sum(is_executable(other) for other in job.notebook["cells"][: index + 1])
        elapsed = _clock(time.monotonic() - self.started)
        skipped = "skip-execution" in tags(cell)
        excerpt = "(skipped: tagged skip-execution)" if skipped else first_line(cell["source"])
        self.turn.tell(f"cell {number} of {job.cells}  {elapsed}  {excerpt}")
        if skipped:
            return True
        job.executed += 1
        self.running = CellRun(self.turn, index, number, cell)
        try:
            goes_on = await self.running.run()
        finally:
            self.running = None
        if goes_on and time.monotonic() - self.saved_at > max(SAVE_SECONDS, SAVE_FACTOR * self.save_took):
            self.save()
        return goes_on

    async def _save_now_and_then(self) -> None:
        """Save during a long cell, too: what it has printed by then survives whatever happens."""
        while True:
            await asyncio.sleep(max(self.options.save_every, SAVE_FACTOR * self.save_took))
            if self.running is not None:
                self.running.output.settle()
                with contextlib.suppress(OSError):  # the disk may have room again at the end
                    self.save()

    def save(self) -> None:
        begin = time.monotonic()
        save_notebook(self.job.notebook, self.job.output)
        self.job.saved = True
        self.saved_at = time.monotonic()
        self.save_took = self.saved_at - begin

    async def _describe_kernel(self) -> None:
        """Ask the kernel what it runs with, if it still lives."""
        if not self.turn.kernel.spec.is_python or self.turn.kernel.exited.done():
            return
        try:
            asking = self.turn.kernel.or_dead(self._ask_frameworks())
            self.job.kernel = await asyncio.wait_for(asking, RECORD_SECONDS)
        except asyncio.TimeoutError:
            self.job.kernel = {"error": f"the kernel did not answer within {RECORD_SECONDS:.0f} s"}
        except DeadKernel as error:
            self.job.kernel = {"error": f"the kernel {error}"}

    async def _ask_frameworks(self) -> dict[str, Any]:
        request = self.turn.kernel.execute(frameworks_code(), silent=True)
        printed: list[str] = []
        while True:
            message = await self.turn.kernel.next_output()
            if message["parent_header"].get("msg_id") != request:
                continue
            if message["msg_type"] == "stream":
                printed.append(message["content"]["text"])
            elif message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                break
        found = re.search(rf"^{RECORD_MARK}(.*)$", "".join(printed), re.MULTILINE)
        return json.loads(found[1]) if found else {"error": "the kernel printed no record"}


def frameworks_code() -> str:
    """Code for the kernel that prints `frameworks.record()` and leaves no name behind."""
    source = Path(__file__).parent.with_name("frameworks.py").read_text(encoding="utf-8")
    source += f'\nimport json\nprint("\\n{RECORD_MARK}" + json.dumps(record()), flush=True)\n'
    return f'exec(compile({source!r}, "frameworks.py", "exec"), {{"__name__": "frameworks"}})'


def _remove_stale_texts(output: Path) -> None:
    """An earlier execution's long texts would pass for this one's."""
    pattern = re.compile(re.escape(output.stem) + r"\.cell-\d+\.txt")
    if output.parent.is_dir():
        for file in output.parent.iterdir():
            if pattern.fullmatch(file.name):
                file.unlink()


def _clock(seconds: float) -> str:
    minutes, second = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{second:02}"
