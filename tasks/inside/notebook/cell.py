"""One cell: sent to the kernel, its outputs taken, and what its reply means for the notebook."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any

from .account import timestamp
from .file import tags
from .kernel import DeadKernel
from .output import CellOutput, CellText
from .terminal_text import strip_ansi
from .traceback import KEPT_TRACEBACK, clean_traceback, failing_line, shorten, source_excerpt
from .turn import Turn

INTERRUPT_SECONDS = 5.0
"""How long an interrupted cell may take to end before its kernel is killed."""
SILENCE_SECONDS = 10.0
"""How long to wait for the next output of a cell that has ended, before its end mark is taken for lost."""
WIDGET_SECONDS = 5.0
"""How long the kernel may take to hear what the cell's widgets have to tell it."""
DRAIN_SECONDS = 0.2
SHOWN_TRACEBACK = 16_000
"""Characters of a traceback on standard output."""
SUCCESSFUL_EXITS = ("", "0", "None", "False")
"""What the SystemExit of `sys.exit()`, of 0, None and False says."""


class CellRun:
    """The execution of one cell; `number` counts the cells that have code."""

    def __init__(self, turn: Turn, index: int, number: int, cell: Any) -> None:
        self.turn, self.job, self.kernel = turn, turn.job, turn.kernel
        self.number, self.cell = number, cell
        self.place = f"cell {number} of {self.job.cells}"
        self.may_raise = "raises-exception" in tags(cell)
        self.tolerant = self.may_raise or turn.options.allow_errors
        self.received = 0
        file = self.job.output.with_name(f"{self.job.output.stem}.cell-{number}.txt")
        self.output = CellOutput(
            turn.account,
            cell,
            index,
            CellText(file),
            turn.echo,
            lambda line: turn.tell(f"cell {number}: {line}"),
        )

    async def run(self) -> bool:
        """False if the notebook ends here."""
        self.cell["metadata"]["execution"] = {}
        self.turn.account.clear_before_next_output = False
        request = self.kernel.execute(self.cell["source"], stop_on_error=not self.tolerant)
        self.turn.requests.add(request)
        try:
            return await self._outcome(request)
        except DeadKernel as error:
            await self._drain(request)
            what = f"the kernel {error}"
            self.job.fail(
                "dead kernel", "DeadKernel", what, cell=self.number, kernel_exit_code=error.exit_code
            )
            self.turn.tell(f"{self.place}: {what}")
            return False
        finally:
            self.output.finish()

    async def _outcome(self, request: str) -> bool:
        work = self.kernel.or_dead(self._finish(request))
        outcome, task = await self.turn.first(work, self.turn.options.timeout)
        if outcome != "done":
            self.turn.stop_reason(outcome, self.number)
            await self._interrupt(task)
            return False
        content = task.result()
        self.output.finish()
        self.cell["execution_count"] = content.get("execution_count", self.cell["execution_count"])
        return self._goes_on(content)

    async def _finish(self, request: str) -> dict[str, Any]:
        """Take the cell's outputs until the kernel says that it is done; returns the content of its reply."""
        idle = asyncio.ensure_future(self._take_outputs(request))
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
        try:
            await asyncio.wait_for(self.kernel.widgets.settle(), WIDGET_SECONDS)
        except asyncio.TimeoutError:
            self.turn.tell(f"{self.place}: the kernel did not hear of its widgets' new state")
        self.cell["metadata"]["execution"]["shell.execute_reply"] = timestamp(reply)
        return reply["content"]

    async def _take_outputs(self, request: str) -> None:
        while True:
            message = await self.kernel.next_output()
            parent = message["parent_header"].get("msg_id")
            # A thread that an earlier cell started may print during this one: better here than lost.
            late = message["msg_type"] == "stream" and parent in self.turn.requests
            if parent != request and not late:
                continue
            self.received += 1
            if self.output.receive(message):
                return

    async def _drain(self, request: str) -> None:
        """Take what a dead kernel had sent before it died."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._take_outputs(request), DRAIN_SECONDS)

    async def _interrupt(self, task: Any) -> None:
        """End the running cell: politely, so that its outputs are complete, else by killing the kernel."""
        self.kernel.interrupt()
        end = time.monotonic() + INTERRUPT_SECONDS
        while not task.done() and time.monotonic() < end and not self.turn.batch.stop.at_once:
            await asyncio.wait({task}, timeout=0.1)
        if not task.done():
            self.turn.tell("the kernel did not react to the interrupt and is killed")
            self.kernel.kill()
            await asyncio.wait({task}, timeout=INTERRUPT_SECONDS)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    def _goes_on(self, content: dict[str, Any]) -> bool:
        if content["status"] != "ok":
            name, value = content.get("ename"), str(content.get("evalue", ""))
            if name == "SystemExit" and value in SUCCESSFUL_EXITS and not self.may_raise:
                return self._ended_on_purpose("sys.exit()")
            return self._failed(content)
        for error in self.output.errors:
            # Shown by a callback, a magic, or the drawing of a figure: the cell itself went on.
            if not self._failed({**error, "execution_count": self.cell["execution_count"]}):
                return False
        if any(one.get("source") == "ask_exit" for one in content.get("payload") or []):
            return self._ended_on_purpose("exit()")
        return True

    def _ended_on_purpose(self, how: str) -> bool:
        self.job.ended_by = {"cell": self.number, "call": how}
        self.turn.tell(f"{self.place} ended the notebook: {how}")
        return False

    def _failed(self, content: dict[str, Any]) -> bool:
        name, value = content.get("ename", "error"), strip_ansi(str(content.get("evalue", "")))
        lines = clean_traceback(content.get("traceback") or [])
        summary = f"{name}: {shorten(value, 200)}" if value else name
        self.turn.tell(f"{self.place} {'raised' if self.tolerant else 'failed with'} {summary}")
        excerpt = source_excerpt(self.cell["source"], failing_line(lines, content.get("execution_count")))
        for line in [*excerpt, *"\n".join(lines)[-SHOWN_TRACEBACK:].split("\n")]:
            self.turn.batch.console.line(self.turn.prefix + line)
        status = "tolerated" if self.tolerant else "failed"
        traceback = strip_ansi("\n".join(lines))[-KEPT_TRACEBACK:]
        self.job.fail(status, name, value[:KEPT_TRACEBACK], cell=self.number, traceback=traceback)
        return self.tolerant
