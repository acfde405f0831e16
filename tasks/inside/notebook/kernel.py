"""Talking to a kernel: requests, replies, the end of its process noticed at once, and a clean shutdown."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from pathlib import Path
from typing import Any

from .process import KernelProcess, describe_exit
from .wire import Channel, Session

WAKE_SECONDS = 5.0
"""No wait for a message is longer than this without looking again: ZeroMQ tells of new ones only once."""
SHUTDOWN_SECONDS = 5.0
"""How long a kernel may take for its own exit handlers before it is ended by force."""

# Ends ipykernel's main loop from within. Its shutdown request is handled in another thread, which at times
# deadlocks with the end of the main one (ipykernel 7.4: one run in six hung until it was killed).
LEAVE_MAIN_LOOP = "get_ipython().kernel.io_loop.add_callback(get_ipython().kernel.io_loop.stop)"


def streams_code() -> str:
    """Code for the kernel that prepares its output and leaves no name behind."""
    source = Path(__file__).with_name("kernel_streams.py").read_text(encoding="utf-8")
    source += "\nset_up(shell)\n"
    names = '{"__name__": "kernel_streams", "shell": get_ipython()}'
    return f'exec(compile({source!r}, "kernel_streams.py", "exec"), {names})'


class DeadKernel(Exception):
    """The kernel's process ended although nobody asked it to; the message says how.

    `exit_code` is the process's own, 128 + n after signal n; None for a process that does not answer.
    """

    def __init__(self, message: str, exit_code: int | None = None) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Kernel:
    """A started kernel process and the connection to it; `await connect()` before anything else."""

    def __init__(self, process: KernelProcess) -> None:
        self.process = process
        self.spec = process.spec
        self.language_info: dict[str, Any] = {}
        self.widgets: WidgetClient
        self.exited: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._ready = False
        self._session: Session
        self._channels: dict[str, Channel] = {}

    async def connect(self, context: Any, start_seconds: float) -> None:
        """Wait until the kernel answers and its output reaches us; raises DeadKernel."""
        self._watch_exit()
        connection = self.process.connection
        self._session = Session(connection["key"])
        self.widgets = WidgetClient(self.process, context)
        for name in ("shell", "iopub", "control"):
            self._channels[name] = Channel(context, connection, name, self._session)
        try:
            await asyncio.wait_for(self.or_dead(self._handshake()), start_seconds)
            self._ready = True
        except asyncio.TimeoutError:
            raise DeadKernel(
                f"did not answer within {start_seconds:g} s{self.process.log_excerpt()}"
            ) from None

    async def _handshake(self) -> None:
        request = self.request("kernel_info_request", {})
        reply = await self.reply_to(request)
        self.language_info = reply["content"].get("language_info", {})
        # The subscription to the output may lag behind the first reply: ask until something comes through.
        while await self._channels["iopub"].receive(0.2) is None:
            self.request("kernel_info_request", {})
        if self.spec.is_python:
            await self.reply_to(self.execute(streams_code(), silent=True))

    def _watch_exit(self) -> None:
        """Learn of the process's end from the system at once, rather than by polling."""
        loop, exited = asyncio.get_running_loop(), self.exited

        def tell(status: int) -> None:
            if not exited.done():
                exited.set_result(status)

        def wait() -> None:
            status = self.process.wait()
            with contextlib.suppress(RuntimeError):  # the event loop is closed: nobody waits any more
                loop.call_soon_threadsafe(tell, status)

        threading.Thread(target=wait, daemon=True).start()

    async def or_dead(self, work: Any) -> Any:
        """The result of `work`, or DeadKernel as soon as the process ends."""
        task = asyncio.ensure_future(work)
        try:
            await asyncio.wait({task, self.exited}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            status = self.exited.result()
            code = 128 - status if status < 0 else status
            raise DeadKernel(f"died: {describe_exit(status)}{self.process.log_excerpt()}", code)
        finally:
            task.cancel()

    def request(self, kind: str, content: dict[str, Any], channel: str = "shell") -> str:
        """Send a message; its id is what replies and outputs refer to."""
        message = self._session.msg(kind, content)
        self._channels[channel].send(message)
        return message["header"]["msg_id"]

    def execute(self, code: str, *, silent: bool = False, stop_on_error: bool = True) -> str:
        """Ask the kernel to execute code; nobody is there to answer input()."""
        content = {
            "code": code,
            "silent": silent,
            "store_history": not silent,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": stop_on_error,
        }
        return self.request("execute_request", content)

    async def reply_to(self, request: str) -> dict[str, Any]:
        """Wait for the reply to a request, for as long as it takes."""
        return await _reply_on(self._channels["shell"], request)

    async def next_output(self) -> dict[str, Any]:
        """The next message of any request's output."""
        return await _next_message(self._channels["iopub"])

    def interrupt(self) -> None:
        """What ^C is in a terminal, for the kernel and the processes it started."""
        if self.spec.interrupt_mode == "message":
            self.request("interrupt_request", {}, channel="control")
        else:
            self.process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """End the kernel and everything in its session now."""
        self.process.send_signal(signal.SIGKILL)

    async def shutdown(self) -> None:
        """Let the kernel run its exit handlers, end it if that takes too long, and tidy up."""
        if self._ready:
            discarding = asyncio.ensure_future(self._discard_output())  # else a full queue would block it
            for ask in (self._ask_to_leave, self._ask_to_shut_down, self._terminate, self.kill):
                if self.exited.done():
                    break
                ask()
                await asyncio.wait({self.exited}, timeout=SHUTDOWN_SECONDS)
            discarding.cancel()
        self.close()

    async def _discard_output(self) -> None:
        while True:
            await self.next_output()

    def _ask_to_leave(self) -> None:
        if self.spec.is_python:
            self.execute(LEAVE_MAIN_LOOP, silent=True)
        else:
            self._ask_to_shut_down()

    def _ask_to_shut_down(self) -> None:
        self.request("shutdown_request", {"restart": False}, channel="control")

    def _terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def close(self) -> None:
        """End the process if it still runs and free all resources. May be called twice, and at any time."""
        self.process.close()
        if self._channels:
            for channel in self._channels.values():
                channel.close()
            self.widgets.close()
            self._channels = {}


class WidgetClient:
    """What nbclient's mimics of widgets send to the kernel, on a socket of its own: none of their replies,
    which nobody reads, stands between a cell and its own.
    """

    def __init__(self, process: KernelProcess, context: Any) -> None:
        self._process, self._context = process, context
        self.session = Session(process.connection["key"])
        self._channel: Channel | None = None

    @property
    def shell_channel(self) -> Channel:
        if self._channel is None:
            self._channel = Channel(self._context, self._process.connection, "shell", self.session)
        return self._channel

    async def settle(self) -> None:
        """Wait until the kernel has taken everything that was sent, so that the next cell finds it done."""
        if self._channel is not None:
            message = self.session.msg("kernel_info_request", {})
            self._channel.send(message)
            await _reply_on(self._channel, message["header"]["msg_id"])

    def close(self) -> None:
        if self._channel is not None:
            self._channel.close()


async def _next_message(channel: Channel) -> dict[str, Any]:
    while True:
        message = await channel.receive(WAKE_SECONDS)
        if message is not None:
            return message


async def _reply_on(channel: Channel, request: str) -> dict[str, Any]:
    while True:
        message = await _next_message(channel)
        if message["parent_header"].get("msg_id") == request:
            return message
