"""Talking to a kernel: requests, replies, the end of its process noticed at once, and a clean shutdown."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from queue import Empty
from typing import Any

import zmq
import zmq.asyncio
from jupyter_client.asynchronous import AsyncKernelClient

from .process import KernelProcess, describe_exit

WAKE_SECONDS = 5.0
"""No wait for a message is longer than this without looking again: ZeroMQ tells of new ones only once."""
SHUTDOWN_SECONDS = 5.0
"""How long a kernel may take for its own exit handlers before it is ended by force."""

QUEUE = 200
"""Messages that may wait on either side of the output socket."""

# Executed in the kernel before the first cell. By default ipykernel's output socket drops what a slow reader
# has not taken, and sends all that was printed in 0.2 s as one message, be it 1 GB. Here it waits for the
# reader instead, and splits long texts, so that neither side needs much memory; it sends sooner, so that the
# reader works while the cell prints on. Done in the thread that owns the socket; where it isn't possible
# (another version, another Python kernel), the default stays.
PATIENT_OUTPUT = f"""
def _patient_output(queue={QUEUE}, longest=1 << 18):
    import sys, zmq
    thread = get_ipython().kernel.iopub_thread

    def split_on(stream):
        def split(message):
            text = message["content"]["text"]
            if len(text) <= longest:
                return message
            for begin in range(0, len(text), longest):
                content = {{"name": stream.name, "text": text[begin : begin + longest]}}
                part = stream.session.msg("stream", content, parent=message["parent_header"])
                stream.session.send(stream.pub_thread, part, ident=stream.topic)
        stream.register_hook(split)

    def set_up():
        thread.socket.set(zmq.SNDHWM, queue)
        thread.socket.set(zmq.XPUB_NODROP, 1)
        split_on(sys.stdout)
        split_on(sys.stderr)

    sys.stdout.flush_interval = sys.stderr.flush_interval = 0.05
    thread.schedule(set_up)
try:
    _patient_output()
except Exception:
    pass
del _patient_output
"""

# Ends ipykernel's main loop from within. Its shutdown request is handled in another thread, which at times
# deadlocks with the end of the main one (ipykernel 7.4: one run in six hung until it was killed).
LEAVE_MAIN_LOOP = "get_ipython().kernel.io_loop.add_callback(get_ipython().kernel.io_loop.stop)"


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
        self.client: Any = None
        self.widgets: WidgetClient
        self.exited: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._ready = False

    async def connect(self, context: Any, start_seconds: float) -> None:
        """Wait until the kernel answers and its output reaches us; raises DeadKernel."""
        self._watch_exit()
        self.client = _client(self.process, context)
        self.widgets = WidgetClient(self.process, context)
        self.client.start_channels(stdin=False, hb=False)
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
        while True:
            try:
                await self.client.iopub_channel.get_msg(timeout=0.2)
                break
            except Empty:
                self.request("kernel_info_request", {})
        if self.spec.is_python:
            await self.reply_to(self.execute(PATIENT_OUTPUT, silent=True))

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
        message = self.client.session.msg(kind, content)
        getattr(self.client, f"{channel}_channel").send(message)
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
        return await _reply_on(self.client.shell_channel, request)

    async def next_output(self) -> dict[str, Any]:
        """The next message of any request's output."""
        return await _next_message(self.client.iopub_channel)

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
        if self.client is not None:
            self.client.stop_channels()
            self.widgets.close()
            self.client = None


class WidgetClient:
    """What nbclient's mimics of widgets send to the kernel, on a socket of its own.

    To send on a socket while its reply is awaited can use up the only notice that the reply has come.
    """

    def __init__(self, process: KernelProcess, context: Any) -> None:
        self._process, self._context = process, context
        self._client: Any = None

    @property
    def session(self) -> Any:
        return self._started().session

    @property
    def shell_channel(self) -> Any:
        return self._started().shell_channel

    def _started(self) -> Any:
        if self._client is None:
            self._client = _client(self._process, self._context)
            self._client.start_channels(iopub=False, stdin=False, hb=False, control=False)
        return self._client

    async def settle(self) -> None:
        """Wait until the kernel has taken everything that was sent, so that the next cell finds it done."""
        if self._client is not None:
            message = self._client.session.msg("kernel_info_request", {})
            self._client.shell_channel.send(message)
            await _reply_on(self._client.shell_channel, message["header"]["msg_id"])

    def close(self) -> None:
        if self._client is not None:
            self._client.stop_channels()


def _client(process: KernelProcess, context: Any) -> Any:
    client = AsyncKernelClient(context=context)
    info: Any = process.connection
    client.load_connection_info(info)
    return client


async def _next_message(channel: Any) -> dict[str, Any]:
    while True:
        with contextlib.suppress(Empty):
            return await channel.get_msg(timeout=WAKE_SECONDS)


async def _reply_on(channel: Any, request: str) -> dict[str, Any]:
    while True:
        message = await _next_message(channel)
        if message["parent_header"].get("msg_id") == request:
            return message


def message_context() -> zmq.asyncio.Context:
    """A ZeroMQ context for short queues that does not wait 100 ms between attempts to connect."""
    context = zmq.asyncio.Context()
    context.setsockopt(zmq.RCVHWM, QUEUE)
    context.setsockopt(zmq.RECONNECT_IVL, 5)
    return context
