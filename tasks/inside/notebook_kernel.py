"""A Jupyter kernel as a child process: found, started, talked to over private sockets, and always ended.

The process is started with the standard library alone, so that the kernel can import its own modules
while this process still imports the Jupyter client. Messages then go through jupyter_client.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any

NATIVE_KERNEL = "python3"
START_SECONDS = 60.0
"""How long a kernel may take until it answers for the first time."""
SHUTDOWN_SECONDS = 5.0
"""How long a kernel may take for its own exit handlers before it is ended by force."""
LONGEST_SOCKET_FOLDER = 80
"""A Unix socket's path has 104 bytes on macOS and 108 on Linux."""

# ZeroMQ drops a publisher's messages beyond 1000 in the queue; a cell that prints fast would lose output.
# The socket belongs to the kernel's own thread, so the option is set there.
UNBOUNDED_OUTPUT_QUEUE = """
def _unbounded():
    import zmq
    thread = get_ipython().kernel.iopub_thread
    thread.schedule(lambda: thread.socket.set(zmq.SNDHWM, 0))
try:
    _unbounded()
except Exception:
    pass
del _unbounded
"""

# Ends ipykernel's main loop from within. Its shutdown request is handled in another thread, which at times
# deadlocks with the end of the main one (ipykernel 7.4: one run in six hung until it was killed).
LEAVE_MAIN_LOOP = "get_ipython().kernel.io_loop.add_callback(get_ipython().kernel.io_loop.stop)"


class UnknownKernel(Exception):
    """No kernel of that name is installed; `installed` lists those that are."""

    def __init__(self, name: str, installed: list[str]) -> None:
        super().__init__(name)
        self.name, self.installed = name, installed


class DeadKernel(Exception):
    """The kernel's process ended although nobody asked it to; the message says how."""


@dataclass(frozen=True)
class KernelSpec:
    """What a kernel.json says, and the folder it lies in."""

    name: str
    argv: list[str]
    language: str = "python"
    env: dict[str, str] = field(default_factory=dict)
    interrupt_mode: str = "signal"
    folder: str = ""

    @property
    def is_python(self) -> bool:
        return self.language.lower() == "python"


def find_kernel(name: str) -> KernelSpec:
    """The installed kernel of this name; raises UnknownKernel."""
    files = _kernel_files()
    file = files.get(name.lower())
    if file is None and name.lower() in ("python", NATIVE_KERNEL):
        file = files.get(NATIVE_KERNEL)
        if file is None and _can_import("ipykernel"):
            argv = ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
            return KernelSpec(NATIVE_KERNEL, argv)
    if file is None:
        raise UnknownKernel(name, sorted(files))
    with open(file, encoding="utf-8") as stream:
        spec = json.load(stream)
    return KernelSpec(
        name=name,
        argv=spec["argv"],
        language=spec.get("language") or "",
        env=spec.get("env") or {},
        interrupt_mode=spec.get("interrupt_mode") or "signal",
        folder=str(file.parent),
    )


def _kernel_files() -> dict[str, Path]:
    """Every installed kernel.json by its lower-case name; earlier folders of the search path win."""
    from jupyter_core.paths import jupyter_path

    files: dict[str, Path] = {}
    for folder in jupyter_path("kernels"):
        with contextlib.suppress(OSError):
            for entry in sorted(Path(folder).iterdir()):
                if (entry / "kernel.json").is_file():
                    files.setdefault(entry.name.lower(), entry / "kernel.json")
    return files


def _can_import(module: str) -> bool:
    from importlib.util import find_spec

    return find_spec(module) is not None


def describe_exit(status: int | None) -> str:
    """`signal SIGKILL …` or `exit code 3`, from a return code of subprocess."""
    if status is None:
        return "an unknown cause"
    if status >= 0:
        return f"exit code {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = str(-status)
    hint = " (killed from outside; often the system ran out of memory)" if name == "SIGKILL" else ""
    return f"signal {name}{hint}"


class Kernel:
    """One kernel process. Start it, `await connect()`, then send requests; always `close()` it."""

    def __init__(self, spec: KernelSpec, cwd: str, session_name: str) -> None:
        self.spec = spec
        self.client: Any = None
        self.language_info: dict[str, Any] = {}
        self.exit_status: int | None = None
        self.exited: asyncio.Future[int] | None = None
        self._folder = tempfile.mkdtemp(prefix="kernel-", dir=_socket_parent())
        try:
            self._connection = self._write_connection_file()
            self._process = self._start(cwd, session_name)
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise

    def _write_connection_file(self) -> dict[str, Any]:
        ports = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")
        connection = {
            "transport": "ipc",
            "ip": os.path.join(self._folder, "s"),
            "key": secrets.token_hex(32),
            "signature_scheme": "hmac-sha256",
            "kernel_name": self.spec.name,
            **{port: number for number, port in enumerate(ports, start=1)},
        }
        with open(os.open(self._connection_file, os.O_WRONLY | os.O_CREAT, 0o600), "w") as stream:
            json.dump(connection, stream)
        return connection

    @property
    def _connection_file(self) -> str:
        return os.path.join(self._folder, "connection.json")

    @property
    def _log_file(self) -> str:
        return os.path.join(self._folder, "kernel.log")

    def _start(self, cwd: str, session_name: str) -> subprocess.Popen[bytes]:
        env = {key: Template(value).safe_substitute(os.environ) for key, value in self.spec.env.items()}
        env = {**os.environ, **env, "JPY_SESSION_NAME": session_name}
        # ipykernel ends itself when this process is no longer its parent: kill -9 leaves no kernel behind.
        env["JPY_PARENT_PID"] = str(os.getpid())
        if self.spec.is_python:
            env.pop("PYTHONEXECUTABLE", None)
        with open(self._log_file, "wb") as log:
            # A session of its own: ^C in the terminal reaches this process only, which passes it on once.
            return subprocess.Popen(
                self._argv(),
                cwd=cwd,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _argv(self) -> list[str]:
        values = {
            "connection_file": self._connection_file,
            "resource_dir": self.spec.folder,
            "prefix": sys.prefix,
        }
        argv = [re.sub(r"\{(\w+)\}", lambda m: values.get(m[1], m[0]), item) for item in self.spec.argv]
        major, minor = sys.version_info[:2]
        if argv[0] in ("python", f"python{major}", f"python{major}.{minor}"):
            argv[0] = sys.executable
        if "ipykernel_launcher" in argv:
            # Kernels side by side would wait for each other's history database.
            argv.append("--HistoryManager.hist_file=:memory:")
        return argv

    async def connect(self, context: Any) -> None:
        """Wait until the kernel answers and its output reaches us; raises DeadKernel."""
        from jupyter_client.asynchronous import AsyncKernelClient

        self._watch_exit()
        self.client = AsyncKernelClient(context=context)
        self.client.load_connection_info(self._connection)
        self.client.start_channels(stdin=False, hb=False)
        try:
            async with asyncio.timeout(START_SECONDS):
                await self.or_dead(self._handshake())
        except TimeoutError:
            raise DeadKernel(f"did not answer within {START_SECONDS:.0f} s{self.log_excerpt()}") from None

    async def _handshake(self) -> None:
        from queue import Empty

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
            await self.reply_to(self.execute(UNBOUNDED_OUTPUT_QUEUE, silent=True))

    def _watch_exit(self) -> None:
        """Learn of the process's end from the system at once, rather than by polling."""
        loop = asyncio.get_running_loop()
        self.exited = exited = loop.create_future()

        def tell(status: int) -> None:
            if not exited.done():
                exited.set_result(status)

        def wait() -> None:
            status = self._reap()
            with contextlib.suppress(RuntimeError):  # the event loop is closed: nobody waits any more
                loop.call_soon_threadsafe(tell, status)

        threading.Thread(target=wait, daemon=True).start()

    def _reap(self) -> int:
        """Block until the process has ended; end what it left running in its session too."""
        if hasattr(os, "waitid"):
            with contextlib.suppress(ChildProcessError):
                # Not reaped yet, so that the group's number can't have been given to somebody else.
                os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
                self._signal(signal.SIGKILL)
        self.exit_status = self._process.wait()
        return self.exit_status

    async def or_dead(self, work: Any) -> Any:
        """The result of `work`, or DeadKernel as soon as the process ends."""
        assert self.exited is not None
        task = asyncio.ensure_future(work)
        try:
            await asyncio.wait({task, self.exited}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            raise DeadKernel(f"died: {describe_exit(self.exit_status)}{self.log_excerpt()}")
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
        while True:
            message = await self.client.shell_channel.get_msg()
            if message["parent_header"].get("msg_id") == request:
                return message

    def interrupt(self) -> None:
        """What ^C is in a terminal, for the kernel and the processes it started."""
        if self.spec.interrupt_mode == "message" and self.client is not None:
            self.request("interrupt_request", {}, channel="control")
        else:
            self._signal(signal.SIGINT)

    def kill(self) -> None:
        """End the kernel and everything in its session now."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self.exit_status is None:
            # macOS answers "not permitted" for a group of which only the dead leader is left.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)

    async def shutdown(self) -> None:
        """Let the kernel run its exit handlers, end it if that takes too long, and tidy up."""
        if self.exited is not None and self.client is not None:
            for ask in (self._ask_to_leave, self._ask_to_shut_down, self._terminate, self.kill):
                if self.exited.done():
                    break
                ask()
                await asyncio.wait({self.exited}, timeout=SHUTDOWN_SECONDS)
        self.close()

    def _ask_to_leave(self) -> None:
        if self.spec.is_python:
            self.execute(LEAVE_MAIN_LOOP, silent=True)
        else:
            self._ask_to_shut_down()

    def _ask_to_shut_down(self) -> None:
        self.request("shutdown_request", {"restart": False}, channel="control")

    def _terminate(self) -> None:
        self._signal(signal.SIGTERM)

    def close(self) -> None:
        """End the process if it still runs and remove its sockets. May be called twice, and at any time."""
        self.kill()
        if self.exited is None and self.exit_status is None:
            self.exit_status = self._process.wait()
        if self.client is not None:
            self.client.stop_channels()
            self.client = None
        shutil.rmtree(self._folder, ignore_errors=True)

    def log_excerpt(self, size: int = 2000) -> str:
        """The end of what the kernel wrote outside of any cell (a crash report, an import error)."""
        try:
            with open(self._log_file, "rb") as stream:
                stream.seek(0, os.SEEK_END)
                stream.seek(max(0, stream.tell() - size))
                text = stream.read().decode(errors="replace").strip()
        except OSError:
            return ""
        return "\n" + text if text else ""


def _socket_parent() -> str | None:
    """A folder for the sockets: the usual temporary one unless its name is too long for a socket."""
    usual = tempfile.gettempdir()
    return usual if len(os.fsencode(usual)) < LONGEST_SOCKET_FOLDER else "/tmp"


def message_context() -> Any:
    """A ZeroMQ context that loses no message and does not wait 100 ms between attempts to connect."""
    import zmq
    import zmq.asyncio

    context = zmq.asyncio.Context()
    context.setsockopt(zmq.RCVHWM, 0)
    context.setsockopt(zmq.RECONNECT_IVL, 5)
    return context
