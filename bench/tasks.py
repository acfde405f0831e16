"""Measure the task runner: how soon it answers, what it adds to a training, how much memory it takes.

Example:

    python bench/tasks.py --deno deno --beside /path/to/bin/dvc --beside /path/to/bin/papermill

Programs named with --beside are asked for their version in the same rounds, so that a busy moment of the
machine meets all of them. Run `deno task train --epochs 1` once before, so that environment and caches are
there. Writes bench/results/tasks.json.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import describe_machine, save_result

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "bench" / "results" / "tasks.json"
PRINTER = """
import sys
for _ in range(1000):
    sys.stdout.write("x" * 99_999 + "\\n")
"""


def largest_process(command: list[str]) -> int:
    """Largest resident set in bytes among a command's processes."""
    # A process of its own measures, since the maximum over ended children never goes down again.
    script = (
        "import resource, subprocess, sys\n"
        "subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)\n"
    )
    measured = subprocess.run(
        [sys.executable, "-c", script, *command], cwd=ROOT, check=True, capture_output=True
    )
    return int(measured.stdout)


def wall(command: list[str], cwd: Path = ROOT) -> float:
    begin = time.perf_counter()
    done = subprocess.run(command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with code {done.returncode}")
    return time.perf_counter() - begin


def median_milliseconds(commands: dict[str, list[str]], rounds: int) -> dict[str, float]:
    """Median wall time of each command, run in turn; the first round warms the caches and is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for round_number in range(rounds + 1):
        for name, command in commands.items():
            measured = wall(command)
            if round_number > 0:
                seconds[name].append(measured)
    return {name: round(statistics.median(values) * 1000, 1) for name, values in seconds.items()}


def training_overhead(deno: str, rounds: int, runs: Path) -> dict[str, object]:
    """`deno task train` beside the same Python command, in pairs."""
    python = str(ROOT / ".venv" / "bin" / "python")
    ours, bare = [], []
    for number in range(rounds):
        out = runs / f"bare-{number}"
        arguments = ["--epochs", "15", "--seed", "23", "--out", str(out)]
        bare.append(wall([python, "-m", "src.modelling.digits", *arguments]))
        ours.append(wall([deno, "task", "train", "--runs", str(runs)]))
    differences = [our - other for our, other in zip(ours, bare, strict=True)]
    return {
        "train_seconds": round(statistics.median(ours), 2),
        "bare_seconds": round(statistics.median(bare), 2),
        "difference_seconds": round(statistics.median(differences), 2),
        "ratio": round(statistics.median(our / other for our, other in zip(ours, bare, strict=True)), 3),
        "pairs": rounds,
    }


def printing_memory(deno: str, folder: Path) -> dict[str, object]:
    """Largest process while a step prints 100 MB: the step itself is a small Python, so it is the runner."""
    experiment = folder / "experiment.yaml"
    (folder / "printer.py").write_text(PRINTER)
    experiment.write_text("name: printer\nsteps:\n  train:\n    run: [python, printer.py]\n")
    command = [deno, "task", "--config", str(ROOT / "deno.json"), "train", str(experiment)]
    return {"largest_process_megabytes": round(largest_process(command) / 1e6, 1)}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--deno", default="deno", help="the program to measure (default: deno on PATH)")
    parser.add_argument("--beside", action="append", default=[], help="a program to ask for its --version")
    parser.add_argument("--rounds", type=int, default=21, help="rounds for the short commands")
    parser.add_argument("--trainings", type=int, default=5, help="pairs of whole trainings")
    options = parser.parse_args()
    commands = {
        "deno task train --help": [options.deno, "task", "train", "--help"],
        "deno task train --plan --engine host": [options.deno, "task", "train", "--plan", "--engine", "host"],
        "deno task verify --help": [options.deno, "task", "verify", "--help"],
        **{f"{Path(program).name} --version": [program, "--version"] for program in options.beside},
    }
    with tempfile.TemporaryDirectory() as folder:
        result = {
            "made_by": f"python bench/tasks.py --rounds {options.rounds} --trainings {options.trainings}",
            "machine": describe_machine(),
            "median_milliseconds": median_milliseconds(commands, options.rounds),
            "printing_100_megabytes": printing_memory(options.deno, Path(folder)),
            "training": training_overhead(options.deno, options.trainings, Path(folder) / "runs"),
        }
    save_result(RESULT, result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
