"""The process of a Jupyter kernel: found, started with private sockets, signalled, and always ended.

Standard library only: started before the slow imports, a kernel makes its own meanwhile.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any

NATIVE_KERNEL = "python3"
LONGEST_SOCKET_FOLDER = 70
"""A Unix socket's path has 104 bytes on macOS and 108 on Linux."""
FOLDER_PREFIX = "notebook-kernel-"
SWEEP_SECONDS = 60.0
"""A folder younger than this may be one that is about to be locked."""


HIDDEN: set[str] = set()
"""Variables of this process that are not the user's, and that no kernel sees."""


class UnknownKernel(Exception):
    """No kernel of that name is installed; `installed` lists those that are."""

    def __init__(self, name: str, installed: list[str]) -> None:
        super().__init__(name)
        self.name, self.installed = name, installed


@dataclass(frozen=True)
class KernelSpec:
    """What a kernel.json says, and the folder it lies in."""

    name: str
    argv: list[str]
    language: str = "python"
    env: dict[str, str] = field(default_factory=dict)
    interrupt_mode: str = "signal"
    folder: str = ""

    def program(self) -> str:
        """What is started; a bare `python` means this one, which needn't be the one on the PATH."""
        major, minor = sys.version_info[:2]
        if self.argv[0] in ("python", f"python{major}", f"python{major}.{minor}"):
            return sys.executable
        return os.path.expanduser(self.argv[0])

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


def without_debugger(argv: list[str]) -> list[str]:
    """The command line of a kernel that starts faster, where it is an ipykernel of this interpreter.

    Another may be too old for it, or, where `conda run` or `docker exec` starts it, not see this folder.
    """
    module = argv.index("-m") if "-m" in argv else 0
    options = argv[1:module]
    is_plain = _is_own(argv[0]) and all(option.startswith("-") for option in options)
    if not is_plain or argv[module + 1 : module + 2] != ["ipykernel_launcher"]:
        return argv
    starter = str(Path(__file__).resolve().with_name("start_ipykernel.py"))
    # Python loads its own modules from files, which takes longer, only for the debugger's sake.
    options = [option for option in options if option != "-Xfrozen_modules=off"]
    return [argv[0], *options, starter, *argv[module + 2 :]]


def _is_own(program: str) -> bool:
    """Whether this is the interpreter that runs here, also by the name another environment has for it."""
    try:
        return os.path.samefile(program, sys.executable)
    except OSError:
        return False


class KernelProcess:
    """A kernel process that is starting or running. Always `close()` it."""

    def __init__(self, spec: KernelSpec, cwd: str, session_name: str) -> None:
        self.spec = spec
        self.exit_status: int | None = None
        self._lock: int | None = None
        _sweep(_socket_parent())
        self._folder = tempfile.mkdtemp(prefix=FOLDER_PREFIX, dir=_socket_parent())  # mode 0700
        try:
            self._lock = _try_lock(self._folder)
            self.connection = self._write_connection_file()
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
        inherited = {key: value for key, value in os.environ.items() if key not in HIDDEN}
        env = {**inherited, **env, "JPY_SESSION_NAME": session_name}
        if env.get("PYTHONPATH"):
            # A step's folders are relative to where it starts, and the kernel starts beside the notebook.
            env["PYTHONPATH"] = os.pathsep.join(
                os.path.abspath(folder) for folder in env["PYTHONPATH"].split(os.pathsep) if folder
            )
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
        """The kernel's command line with its placeholders filled in."""
        values = {
            "connection_file": self._connection_file,
            "resource_dir": self.spec.folder,
            "prefix": sys.prefix,
        }
        argv = [re.sub(r"\{(\w+)\}", lambda m: values.get(m[1], m[0]), item) for item in self.spec.argv]
        argv[0] = self.spec.program()
        if "ipykernel_launcher" in argv:
            # Kernels side by side would wait for each other's history database.
            argv.append("--HistoryManager.hist_file=:memory:")
        return without_debugger(argv)

    def wait(self) -> int:
        """Block until the process has ended; end what it left running in its session too."""
        if hasattr(os, "waitid"):
            with contextlib.suppress(ChildProcessError):
                # Not reaped yet, so that the group's number can't have been given to somebody else.
                os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
                self.send_signal(signal.SIGKILL)
        self.exit_status = self._process.wait()
        return self.exit_status

    def send_signal(self, number: int) -> None:
        """Send a signal to the kernel and all that it started in its session."""
        if self.exit_status is None:
            # macOS answers "not permitted" for a group of which only the dead leader is left.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)

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

    def close(self) -> None:
        """End the process if it still runs, and remove its sockets. May be called twice, and at any time."""
        self.send_signal(signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):  # a process stuck in a driver can't be killed
            self.exit_status = self._process.wait(timeout=5)
        shutil.rmtree(self._folder, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _try_lock(folder: str) -> int | None:
    """A descriptor that locks the folder until it is closed, or None if another process holds it."""
    descriptor = os.open(os.path.join(folder, "lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _sweep(parent: str) -> None:
    """Remove what processes that were killed have left: a live one holds its folder's lock."""
    for folder in Path(parent).glob(f"{FOLDER_PREFIX}*"):
        with contextlib.suppress(OSError):
            about = folder.stat()
            if about.st_uid == os.getuid() and time.time() - about.st_mtime > SWEEP_SECONDS:
                lock = _try_lock(str(folder))
                if lock is not None:
                    shutil.rmtree(folder, ignore_errors=True)
                    os.close(lock)


def _socket_parent() -> str:
    """A folder for the sockets: the usual temporary one unless its name is too long for a socket."""
    usual = tempfile.gettempdir()
    return usual if len(os.fsencode(usual)) < LONGEST_SOCKET_FOLDER else "/tmp"
