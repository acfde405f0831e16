"""Measure what a person types to execute notebooks, beside papermill and jupyter execute.

Example:

    python bench/notebooks.py --rounds 5

Needs papermill and nbclient in this Python's environment, and an environment that `deno task notebook` has
made, with the same versions. "driver" is the Python alone that the task starts. Each round runs every tool
once on every case, so that a busy moment of the machine meets all of them; the ratios are medians over rounds
of paired ratios. Writes bench/results/notebooks.json.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from machine import describe_machine

ROOT = Path(__file__).resolve().parent.parent
DRIVER = ROOT / "tasks" / "inside" / "execute_notebook.py"
RESULT = ROOT / "bench" / "results" / "notebooks.json"
MEGABYTE = "for line in range(10_000):\n    print('x' * 99)"
TOOLS = ["deno task notebook", "driver", "papermill", "jupyter execute"]
TARGETS = {
    "1 trivial cell": {"papermill": 0.7, "jupyter execute": 0.75},
    "101 trivial cells": {"papermill": 0.45, "jupyter execute": 0.75},
    "10 cells that print 1 MB each": {"papermill": 0.7, "jupyter execute": 0.85},
}


def write_notebook(path: Path, sources: list[str]) -> Path:
    """A notebook of these code cells for the kernel python3."""
    cells: list[dict[str, object]] = [
        {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": source}
        for source in sources
    ]
    kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = {"cells": cells, "metadata": {"kernelspec": kernelspec}, "nbformat": 4, "nbformat_minor": 4}
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return path


def cases(folder: Path) -> dict[str, list[Path]]:
    """Case name to the notebooks it executes."""

    def one(name: str, sources: list[str]) -> list[Path]:
        return [write_notebook(folder / f"{name}.ipynb", sources)]

    return {
        "1 trivial cell": one("cells_1", ["1 + 1"]),
        "101 trivial cells": one("cells_101", [f"{i} + 1" for i in range(101)]),
        "10 cells that print 1 MB each": one("megabyte_10", [MEGABYTE] * 10),
        "8 notebooks of 1 trivial cell": [
            write_notebook(folder / f"eight_{i}.ipynb", [f"{i} + 1"]) for i in range(8)
        ],
    }


def commands(tool: str, notebooks: list[Path], out: Path) -> list[list[str]]:
    """The command lines that a person types to have these notebooks executed: ours takes them all in one."""
    python = [sys.executable]
    if tool == "deno task notebook":
        task = ["deno", "task", "--quiet", "notebook", "--engine", "host"]  # where the other tools run
        return [[*task, *map(str, notebooks), "--runs", str(out / "runs")]]
    if tool == "driver":
        return [[*python, str(DRIVER), *map(str, notebooks), "--out", str(out)]]
    if tool == "papermill":
        return [[*python, "-m", "papermill", str(path), str(out / path.name)] for path in notebooks]
    execute = str(Path(sys.executable).with_name("jupyter-execute"))
    return [[execute, str(path), f"--output={out / path.stem}"] for path in notebooks]


def measure(tool: str, notebooks: list[Path], out: Path) -> float:
    """Wall seconds until all notebooks are executed."""
    begin = time.perf_counter()
    for command in commands(tool, notebooks, out):
        subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - begin


def summarize(seconds: dict[str, list[float]]) -> dict[str, object]:
    """Medians, and the task's time over each other tool's: medians over rounds of paired ratios."""
    task = seconds[TOOLS[0]]
    ratios = {
        tool: round(statistics.median(a / b for a, b in zip(task, seconds[tool], strict=True)), 3)
        for tool in TOOLS[1:]
    }
    return {
        "median_seconds": {tool: round(statistics.median(times), 3) for tool, times in seconds.items()},
        "task_over": ratios,
        "seconds": {tool: [round(value, 3) for value in times] for tool, times in seconds.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Time deno task notebook beside papermill and jupyter execute."
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--targets-only", action="store_true", help="only the cases that have targets")
    parser.add_argument("--out", type=Path, default=RESULT, help="JSON file for the result")
    options = parser.parse_args()
    tools = TOOLS
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "out").mkdir()
        todo = {
            name: paths
            for name, paths in cases(folder).items()
            if name in TARGETS or not options.targets_only
        }
        measured: dict[str, dict[str, list[float]]] = {case: {tool: [] for tool in tools} for case in todo}
        for case, notebooks in todo.items():
            for round_number in range(options.rounds):
                # Another tool goes first each time, so that none always finds the caches cold.
                for shift in range(len(tools)):
                    tool = tools[(round_number + shift) % len(tools)]
                    measured[case][tool].append(measure(tool, notebooks, folder / "out"))
            print(case, json.dumps(summarize(measured[case])["task_over"]), flush=True)
    packages = ("papermill", "nbconvert", "nbclient", "jupyter_client", "ipykernel")
    result = {
        "machine": describe_machine(),
        "deno": subprocess.run(["deno", "--version"], capture_output=True, text=True).stdout.split("\n")[0],
        "packages": {package: version(package) for package in packages},
        "rounds": options.rounds,
        "load_before_and_after": [round(load, 1), round(os.getloadavg()[0], 1)],
        "targets_task_over": TARGETS,
        "cases": {case: summarize(seconds) for case, seconds in measured.items()},
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(f"written: {options.out}")


if __name__ == "__main__":
    main()
