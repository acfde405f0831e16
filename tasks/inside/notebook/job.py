"""What is asked for, and the checked jobs that follow from it: all is checked before anything is executed."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .file import BadRequest, kernel_name, read_notebook
from .languages import Language, find_language
from .outputs import plan_outputs
from .parameters import declared_parameters, inject_parameters, list_parameters
from .process import KernelSpec, UnknownKernel, find_kernel

EXIT_CODES = {"done": 0, "failed": 1, "timeout": 1, "dead kernel": 3, "interrupted": 130}
"""What a notebook's end means as an exit code; one that never got its turn has none."""


@dataclass
class Options:
    """The command line, parsed."""

    notebooks: list[Path]
    out: Path
    parameters: dict[str, Any]
    results: str | None
    results_dir: Path | None
    results_for: list[Path]
    timeout: float | None
    total_timeout: float | None
    start_timeout: float
    save_every: float
    allow_errors: bool
    html: bool
    jobs: int
    kernel: str | None
    cwd: Path | None
    list_parameters: bool
    check: bool


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
    ended_by: dict[str, Any] | None = None
    """The cell and the call by which the notebook ended itself early, on purpose."""
    saved: bool = False

    def fail(self, status: str, name: str, value: str, **more: Any) -> None:
        """Note an error; the status "tolerated" keeps the notebook going.

        The first that ends it stands: a kernel that is killed at a limit isn't "dead" besides.
        """
        error = {"cell": None, "name": name, "value": value, "traceback": None, **more}
        if status == "tolerated":
            self.error = self.error or error
        elif self.status in ("waiting", "running", "done"):
            self.status, self.error = status, error

    def record(self) -> dict[str, Any]:
        """The entry in notebooks.json."""
        return {
            "source": str(self.source),
            "output": str(self.output),
            "status": self.status,
            "exit_code": EXIT_CODES.get(self.status),
            "cells": self.cells,
            "executed": self.executed,
            "seconds": round(self.seconds, 3),
            "error": self.error,
            "ended_by": self.ended_by,
            "kernel": self.kernel,
        }


def plan_jobs(options: Options) -> list[Job]:
    """Read and check everything before anything is executed; raises BadRequest with every problem."""
    problems: list[str] = []
    jobs: list[Job] = []
    sources = list(dict.fromkeys(options.notebooks))
    outputs = plan_outputs(sources, options.out)
    _check_folders(options)
    for source, output in zip(sources, outputs):
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


def show_parameters(options: Options) -> str:
    """What each notebook's tagged cell assigns, by name, as JSON; raises BadRequest."""
    found = {}
    for source in options.notebooks:
        notebook = read_notebook(source)
        found[str(source)] = list_parameters(notebook, _language_of(notebook) or Language())
    return json.dumps(found, indent=2)


def check_parameters(options: Options) -> None:
    """Refuse values that a notebook can't be given; raises BadRequest with every problem."""
    problems: list[str] = []
    for source in options.notebooks:
        notebook = read_notebook(source)
        language = None if options.kernel else _language_of(notebook)
        if language is None:
            continue  # its kernel knows, when it starts
        try:
            inject_parameters(notebook, options.parameters, language)
        except BadRequest as error:
            problems.append(f"{error} ({source})")
    if problems:
        raise BadRequest("\n".join(problems))


def _is_python(notebook: dict[str, Any]) -> bool:
    return any(
        isinstance(about := notebook["metadata"].get(key), dict) and about.get(word) == "python"
        for key, word in (("kernelspec", "language"), ("language_info", "name"))
    )


def _language_of(notebook: dict[str, Any]) -> Language | None:
    """By the notebook's own word, for which no kernel needs to be installed."""
    about = notebook["metadata"].get("kernelspec")
    about = about if isinstance(about, dict) else {}
    info = notebook["metadata"].get("language_info")
    name = about.get("language") or (info.get("name") if isinstance(info, dict) else None)
    return find_language(name) if isinstance(name, str) else None


def _plan_job(options: Options, source: Path, output: Path) -> Job:
    notebook = read_notebook(source)
    name = options.kernel or kernel_name(notebook)
    other: list[str] = []
    try:
        try:
            spec = find_kernel(name)
        except UnknownKernel as error:
            # Kernels are called by the environment that their author had: `conda-env-ml-py`.
            if (
                options.kernel
                or name == "python3"
                or not _is_python(notebook)
                or "python3" not in error.installed
            ):
                raise
            spec = find_kernel("python3")
            other.append(f"kernel {json.dumps(name)} is not installed: python3 is used")
    except UnknownKernel as error:
        raise BadRequest(
            f'Cannot execute "{source}": kernel must be one of the installed ones '
            f"({', '.join(error.installed) or 'none'}), current value is {json.dumps(error.name)}; "
            "choose with --kernel NAME"
        ) from None
    except (OSError, ValueError, KeyError) as error:
        raise BadRequest(f'Cannot execute "{source}": kernel.json of {name} is broken: {error}') from None
    notes = other + _set_parameters(options, source, output, notebook, spec)
    if shutil.which(spec.program()) is None:
        raise BadRequest(
            f'Cannot execute "{source}": kernel {name} needs "{spec.program()}", which is not there'
        )
    cwd = os.path.abspath(options.cwd or source.parent)
    shown = output.relative_to(options.out).with_suffix(source.suffix)
    job = Job(source, output, notebook, spec, cwd, str(shown), notes)
    job.cells = sum(is_executable(cell) for cell in notebook["cells"])
    return job


def _set_parameters(
    options: Options, source: Path, output: Path, notebook: dict[str, Any], spec: KernelSpec
) -> list[str]:
    """Put the values in, and a folder for the results of a notebook that asks for one."""
    language = find_language(spec.language)
    parameters = options.parameters
    notes: list[str] = []
    name = options.results
    asks = not options.results_for or source in options.results_for
    if name and asks and language and name not in parameters:
        folder = str((options.results_dir or output.with_suffix("")).resolve())
        if name in declared_parameters(notebook, language):
            parameters, notes = {**parameters, name: folder}, [f"{name} = {folder}"]
    if not parameters:
        return []
    if language is None:
        raise BadRequest(
            f'Cannot set parameters in "{source}": its kernel must be one of Python, R, Julia or bash, '
            f"current value is {json.dumps(spec.name)} ({spec.language or 'unknown language'})"
        )
    try:
        return [*notes, *inject_parameters(notebook, parameters, language)]
    except BadRequest as error:
        raise BadRequest(f"{error} ({source})") from None


def is_executable(cell: Any) -> bool:
    return cell["cell_type"] == "code" and bool(cell["source"].strip())
