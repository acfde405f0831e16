"""What is asked for, and the checked jobs that follow from it: all is checked before anything is executed."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .file import (
    BadRequest,
    declared_parameters,
    inject_parameters,
    kernel_name,
    plan_outputs,
    read_notebook,
)
from .process import KernelSpec, UnknownKernel, find_kernel


@dataclass
class Options:
    """The command line, parsed."""

    notebooks: list[Path]
    out: Path
    parameters: dict[str, Any]
    results: str | None
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
    parameters = _with_results(options, notebook, output)
    if parameters:
        if not spec.is_python:
            raise BadRequest(
                f'Cannot set parameters in "{source}": its kernel must be a Python one, '
                f"current value is {json.dumps(spec.name)} ({spec.language or 'unknown language'})"
            )
        notes = inject_parameters(notebook, parameters)
    if shutil.which(spec.program()) is None:
        raise BadRequest(
            f'Cannot execute "{source}": kernel {name} needs "{spec.program()}", which is not there'
        )
    cwd = os.path.abspath(options.cwd or source.parent)
    shown = output.relative_to(options.out).with_suffix(source.suffix)
    job = Job(source, output, notebook, spec, cwd, str(shown), notes)
    job.cells = sum(is_executable(cell) for cell in notebook["cells"])
    return job


def _with_results(options: Options, notebook: Any, output: Path) -> dict[str, Any]:
    """The parameters, with a folder for the results of a notebook that asks for one."""
    name = options.results
    if name is None or name in options.parameters or name not in declared_parameters(notebook):
        return options.parameters
    return {**options.parameters, name: str(output.with_suffix("").resolve())}


def is_executable(cell: Any) -> bool:
    return cell["cell_type"] == "code" and bool(cell["source"].strip())
