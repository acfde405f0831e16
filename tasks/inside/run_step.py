"""Runs one step of an experiment in this process and records what happened.

    python run_step.py --record FILE [--terminal] -- python -m package.module ARGUMENTS

A Python command (`python FILE`, `python -m MODULE`, `python -c CODE`) runs right here by `runpy`, so that
what it imported can be asked for its versions and settings when it ends; any other program runs as a child.
Python processes that it starts report themselves (children/sitecustomize.py), and what they open (opened.py).
With --terminal it has a terminal.
The record is written when the step starts and completed when it ends, so a step that was killed leaves one
that says "running". Standard library only, CPython 3.8 to 3.15: it also runs where the task runner does not,
e.g. on a compute node, and in the images of older papers. What few steps need is imported where it is needed,
and paths are text: pathlib alone takes a third of the time in which the interpreter starts.
"""

from __future__ import annotations

import contextlib
import importlib.machinery
import importlib.util
import json
import os
import platform
import sys
import time
from types import ModuleType

SCHEMA = 1

# `python -P`, from Python 3.11 on: the step's folder is not searched for modules.
IS_SAFE_PATH = getattr(sys.flags, "safe_path", False)

AHEAD = "EXPERIMENT_AHEAD"
"""Variable of a runner that is not ready yet: nothing is run before it has written a line to us."""

INSTRUCTION_SETS = (
    *("sse4_2", "avx", "avx2", "fma", "avx512f", "avx512vl", "avx512_bf16", "amx_tile"),  # x86-64
    *("asimd", "sve", "sve2"),  # arm64
)


def main(argv: list[str]) -> int:
    record_file, in_terminal, command = parse(argv)
    if in_terminal:
        ended = own_module("step_terminal").in_a_terminal()
        if ended is not None:
            return ended
    frameworks, opened = own_module("frameworks"), own_module("opened")
    if AHEAD in os.environ and not waits_itself(command) and not let_go():
        return 130
    own_module("children/experiment_bytecode").keep_out_of(os.environ.get("EXPERIMENT_PROJECT"))
    if not IS_SAFE_PATH:
        del sys.path[0]  # this file's folder: the step may have modules of the same names
    record = {
        "schema": SCHEMA,
        "status": "running",
        "argv": command,
        "pid": os.getpid(),
        "host": platform.node(),
        "started": now(),
        "cpu": cpu(),
    }
    write(record_file, record)
    reports = beside(record_file, "children")
    ask_children(reports)
    opened.watch(os.path.join(reports, "opened"))
    begin = time.monotonic()
    code = 1
    try:
        code = run(command)
    finally:
        # For the task runner, which knows the project's files from others, and removes it.
        write(beside(record_file, "opened"), opened.read(os.path.join(reports, "opened")))
        environment, children = with_children(frameworks.record(), reports, command)
        record.update(
            status="done" if code == 0 else "failed",
            exit_code=code,
            ended=now(),
            seconds=round(time.monotonic() - begin, 3),
            resources=resources(),
            environment=environment,
            children=children or "no Python process that this step started has reported itself",
        )
        write(record_file, record)
    return code


def waits_itself(command: list[str]) -> bool:
    """Whether this is our own driver of notebooks, which starts the first kernel before it waits."""
    return command[1:2] == [own("execute_notebook.py")]


def let_go() -> bool:
    """Waits for a line of the runner that has started this too early; false if it left without one.

    From then on the step has what it has otherwise: no such variable, and nothing to read.
    """
    del os.environ[AHEAD]
    try:
        is_let_go = os.read(0, 1) == b"\n"
    except KeyboardInterrupt:
        return False
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return is_let_go


def parse(argv: list[str]) -> tuple[str, bool, list[str]]:
    """The record's file, whether a terminal is wanted, and the command; ends with code 2 on anything else."""
    in_terminal = argv[2:3] == ["--terminal"]
    before = 3 if in_terminal else 2
    if len(argv) < before + 2 or argv[0] != "--record" or argv[before] != "--":
        print("usage: run_step.py --record FILE [--terminal] -- COMMAND [ARGUMENT ...]", file=sys.stderr)
        sys.exit(2)
    # Absolute: the step may change its working directory.
    return os.path.abspath(argv[1]), in_terminal, argv[before + 1 :]


def ask_children(folder: str) -> None:
    """Python processes that the step starts find `children/sitecustomize.py` and report into the folder."""
    try:
        remove(folder)
        os.makedirs(os.path.join(folder, "opened"))
    except OSError:
        return
    before = os.environ.get("PYTHONPATH")
    children = os.path.realpath(own("children"))
    os.environ["PYTHONPATH"] = children if not before else children + os.pathsep + before
    os.environ["EXPERIMENT_CHILDREN"] = folder


def with_children(
    environment: dict[str, object], folder: str, command: list[str]
) -> tuple[dict[str, object], list[dict[str, object]]]:
    """What computed, and what the children have reported into the folder, which is removed."""
    children: list[dict[str, object]] = []
    try:
        names = os.listdir(folder)
    except OSError:
        names = []
    if any(name.endswith(".json") for name in names):
        reports = own_module("step_children")
        children = reports.read(folder)
        environment = reports.what_computed(environment, children, command, runs_here(command))
    remove(folder)
    return environment, children


def remove(folder: str) -> None:
    """Removes a folder of reports, if it is there."""
    try:
        for inner in (os.path.join(folder, "opened"), folder):
            for name in os.listdir(inner):
                os.unlink(os.path.join(inner, name))
            os.rmdir(inner)
    except OSError:  # not there, or a process of the step is still writing there
        if os.path.lexists(folder):
            import shutil

            shutil.rmtree(folder, ignore_errors=True)


def own(name: str) -> str:
    """The path of a file that lies beside this one."""
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), name)


def own_module(name: str) -> ModuleType:
    """A module of this folder that no import of the step's ever finds."""
    spec = importlib.util.spec_from_file_location(name, own(f"{name}.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(command: list[str]) -> int:
    program, *arguments = command
    if program in ("python", "python3"):  # a path, e.g. ./python, means the interpreter that is there
        if runs_here(command):
            return run_python(arguments)
        program = sys.executable
    import signal
    import subprocess

    # It is interrupted too, and may take its time to save. A KeyboardInterrupt could come while it is being
    # started, where nothing has its number yet.
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.SIG_IGN:  # which the program inherits; a handler it does not
        signal.signal(signal.SIGINT, lambda *_: None)
    try:
        return as_exit_code(subprocess.call([program, *arguments]))
    except OSError as error:
        print(f"Cannot start {program!r}: {error.strerror}", file=sys.stderr)
        return 127
    finally:
        signal.signal(signal.SIGINT, before)


def runs_here(command: list[str]) -> bool:
    """Whether `python ARGUMENTS` can run in this process: interpreter options such as -O need their own."""
    if command[0] not in ("python", "python3") or len(command) < 2:
        return False
    return not command[1].startswith("-") or (command[1] in ("-m", "-c") and len(command) > 2)


def as_exit_code(returncode: int) -> int:
    """A shell's convention: a child ended by signal n has the code 128 + n."""
    return 128 - returncode if returncode < 0 else returncode


def run_python(arguments: list[str]) -> int:
    """Runs a module, a code text or a file as `__main__`, as the interpreter itself would."""
    try:
        if arguments[0] == "-m":
            import runpy

            set_arguments(arguments[1:], os.getcwd())
            runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        elif arguments[0] == "-c":
            set_arguments(["-c", *arguments[2:]], "")
            run_text(arguments[1])
        else:
            set_arguments(arguments, os.path.dirname(os.path.realpath(arguments[0])))
            run_file(arguments[0])
    except SystemExit as end:
        return exit_code(end)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BaseException as error:
        print_traceback(error, arguments)
        return 1
    finally:
        flush()
    return 0


def set_arguments(arguments: list[str], folder: str) -> None:
    """Sets sys.argv, and the folder that the interpreter would search first for modules."""
    sys.argv = arguments
    if not IS_SAFE_PATH:
        sys.path.insert(0, folder)


def run_text(code: str) -> None:
    """Runs a text as `__main__`, where pickle and multiprocessing look for what it defines."""
    main_module = sys.modules["__main__"] = ModuleType("__main__")
    exec(compile(code, "<string>", "exec", dont_inherit=True), main_module.__dict__)


def run_file(path: str) -> None:
    """Runs a file as `__main__`. As in the interpreter, and not in runpy, sys.argv[0] stays as it was given,
    and `__file__` is absolute from Python 3.9 on."""
    if not path.endswith(".py"):  # a folder, an archive, compiled code
        import runpy

        runpy.run_path(path, run_name="__main__")
        return
    name = os.path.join(os.getcwd(), path) if sys.version_info >= (3, 9) else path
    module = sys.modules["__main__"] = ModuleType("__main__")
    loader = importlib.machinery.SourceFileLoader("__main__", name)
    module.__dict__.update(__file__=name, __cached__=None, __loader__=loader)
    exec(compile(loader.get_data(name), name, "exec", dont_inherit=True), module.__dict__)


def exit_code(end: SystemExit) -> int:
    """What the interpreter makes of `sys.exit(...)`: nothing is 0, a text is printed and is 1."""
    if end.code is None:
        return 0
    if isinstance(end.code, int):
        return end.code & 0xFF
    print(end.code, file=sys.stderr)
    return 1


def print_traceback(error: BaseException, arguments: list[str]) -> None:
    """The step's own traceback, without the frames of this file and of runpy."""
    import runpy
    import traceback

    target = arguments[0]
    if target != "-m" and isinstance(error, FileNotFoundError) and not os.path.exists(target):
        print(f"Cannot open {target!r}: no such file", file=sys.stderr)
        return
    frame = error.__traceback__
    while frame and frame.tb_frame.f_code.co_filename in (__file__, runpy.__file__, "<frozen runpy>"):
        frame = frame.tb_next
    if frame is None and isinstance(error, ImportError):
        print(error, file=sys.stderr)  # `python -m` of a module that is not there
        return
    traceback.print_exception(type(error), error, frame)


def flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):  # the reader is gone; the record still matters
            stream.flush()


def resources() -> dict[str, float | int]:
    """CPU seconds and the largest resident set in bytes, of this process and of its ended children."""
    try:
        import resource
    except ImportError:  # Windows
        return {}
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    unit = (
        1 if sys.platform == "darwin" else 1024
    )  # ru_maxrss is in bytes on macOS, in KiB elsewhere: getrusage(2)
    return {
        "user_seconds": round(own.ru_utime + children.ru_utime, 3),
        "system_seconds": round(own.ru_stime + children.ru_stime, 3),
        "max_resident_bytes": max(own.ru_maxrss, children.ru_maxrss) * unit,
    }


def cpu() -> dict[str, object]:
    """Model, logical cores this process may use, and the vector instruction sets that numerics depend on."""
    fields = {}
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            for line in lines:
                if not line.strip():
                    break  # one core speaks for all
                name, _, value = line.partition(":")
                fields[name.strip()] = value.strip()
    except OSError:
        pass  # not Linux
    flags = fields.get("flags", fields.get("Features", "")).split()
    return {
        "model": fields.get("model name") or platform.processor() or platform.machine(),
        "architecture": platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "instruction_sets": [flag for flag in INSTRUCTION_SETS if flag in flags],
    }


def now() -> str:
    seconds, milliseconds = divmod(time.time_ns() // 1_000_000, 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{milliseconds:03}Z"


def beside(path: str, what: str) -> str:
    """A hidden file in the same folder."""
    folder, name = os.path.split(path)
    return os.path.join(folder, f".{name}.{what}")


def write(path: str, record: dict[str, object]) -> None:
    """Replaces the record in one move, so that a reader never sees half of one."""
    temporary = beside(path, str(os.getpid()))
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump(record, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
