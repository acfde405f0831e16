"""Execute notebooks without a browser: progress on standard output, executed copies in a folder.

Example:

    python tasks/inside/execute_notebook.py notebooks/train.ipynb --out executed \\
        --parameters '{"epochs": 3}'

Exit codes: 0 every notebook ran through · 1 a cell failed or a time limit was reached · 2 the request or a
file is wrong, nothing was executed · 3 a kernel died (and nothing else failed) · 130 / 143 / 129 ended by
SIGINT / SIGTERM / SIGHUP. Each notebook's own code stands in notebooks.json as `exit_code`, and the code that
a dead kernel's process ended with as `error.kernel_exit_code`.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
from pathlib import Path

from notebook.file import BadRequest
from notebook.job import EXIT_CODES, Job, Options, check_parameters, plan_jobs, show_parameters
from notebook.parameters import parse_parameters
from notebook.process import KernelProcess
from notebook.stop import Stopped, StopRequest

AHEAD = "EXPERIMENT_AHEAD"
"""Variable of a runner that is not ready yet: nothing is executed before it has written a line to us."""


def main(argv: list[str]) -> int:
    """Run the command line; returns the exit code."""
    is_ahead = os.environ.pop(AHEAD, None) is not None
    try:
        options = parse_options(argv)
        if options.list_parameters:
            print(show_parameters(options))
            return 0
        if options.check:
            check_parameters(options)
            return 0
        jobs = plan_jobs(options)
    except BadRequest as error:
        print(error, file=sys.stderr)
        return 2
    stop = StopRequest()
    stop.listen()
    try:
        jobs = _execute(options, jobs, stop, argv if is_ahead else None)
    except BadRequest as error:
        print(error, file=sys.stderr)
        return 2
    except Stopped:
        pass
    except OSError as error:  # a full disk, above all
        print(f"Cannot go on: {error.strerror or error} ({error.filename or options.out})", file=sys.stderr)
        return 1
    if stop.signal is not None:
        return 128 + stop.signal
    codes = {EXIT_CODES.get(job.status, 1) for job in jobs} - {0}
    return 1 if 1 in codes else max(codes, default=0)


def _execute(options: Options, jobs: list[Job], stop: StopRequest, ahead: list[str] | None) -> list[Job]:
    """Execute the jobs, or where that was asked for too early those that the command line says by then."""
    first = _start_kernel(jobs[0], stop)
    try:
        stop.release()
        # Only now, because importing this takes as long as the kernel's own imports, which run meanwhile.
        gc.disable()  # of what is imported nothing is to be collected
        from notebook.runner import execute_jobs

        gc.freeze()
        gc.enable()
        if ahead is not None:
            if not sys.stdin.readline():
                raise Stopped
            # What is executed is what lies there now: the runner has recorded it since it was read.
            options = parse_options(ahead)
            before, jobs = jobs[0], plan_jobs(options)
            if (before.spec, before.cwd, before.source) != (jobs[0].spec, jobs[0].cwd, jobs[0].source):
                first.close()
                first = _start_kernel(jobs[0], stop)
                stop.release()
        execute_jobs(options, jobs, first, stop)
    finally:
        first.close()
    return jobs


def _start_kernel(job: Job, stop: StopRequest) -> KernelProcess:
    """Once something has the kernel's name, to end it, release `stop`."""
    stop.hold()
    return KernelProcess(job.spec, job.cwd, str(job.source))


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
    add("--out", type=Path, metavar="DIR", help="folder for the executed notebooks")
    add("--list-parameters", action="store_true", help="show what can be set, with its defaults, as JSON")
    add("--check", action="store_true", help="say whether the parameters can be set, and execute nothing")
    add("--parameters", default="{}", metavar="JSON", help="values for the tagged cell; or @FILE")
    add(
        "--results",
        metavar="NAME",
        help="give this parameter, where a notebook declares it and no value was given, a folder in DIR",
    )
    add("--results-dir", type=Path, metavar="DIR", help="this folder, not one named after the notebook")
    add(
        "--results-for", type=Path, action="append", default=[], metavar="NOTEBOOK", help="do so for this one"
    )
    add("--timeout", type=_seconds, metavar="SECONDS", help="limit for each cell")
    add("--total-timeout", type=_seconds, metavar="SECONDS", help="limit for all notebooks together")
    add("--start-timeout", type=_seconds, default=60.0, metavar="SECONDS", help="limit for a kernel's start")
    add("--save-every", type=_seconds, default=30.0, metavar="SECONDS", help="save during a cell, too (30)")
    add("--allow-errors", action="store_true", help="go on after a cell that fails, and exit with 0")
    add("--html", action="store_true", help="also write DIR/<name>.html")
    add("--jobs", type=_count, default=1, metavar="N", help="notebooks side by side (default: 1)")
    add("--kernel", metavar="NAME", help="use this kernel instead of the one the notebook names")
    add("--cwd", type=Path, metavar="DIR", help="working folder of the kernels (default: the notebook's own)")
    values = vars(parser.parse_args(argv))
    if values["out"] is None and not values["list_parameters"]:
        parser.error("--out DIR is needed")
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


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    gc.freeze()  # nothing need be collected before the process ends: that takes longer than all the rest
    sys.exit(code)
