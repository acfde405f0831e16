"""Measure what noting the opened files costs (tasks/inside/opened.py), on an empty step and on a training.

Example:

    python bench/opened_files.py --python .venv/bin/python --rounds 3

Steps are run by run_step.py with it and without it in turn, so that a busy moment of the machine meets both;
what counts is the time of a processor, which others lengthen less. Writes bench/results/opened_files.json.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from machine import describe_machine, save_result

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "bench" / "results" / "opened_files.json"
OPEN_MANY = "import sys\nfor n in range(27000):\n    open(f'data/{n % 10}/{n}.txt').close()\n"


def without_watching(folder: Path) -> Path:
    """The same machinery, which notes nothing."""
    inside = folder / "inside"
    shutil.copytree(ROOT / "tasks" / "inside", inside)
    path = inside / "opened.py"
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace("def watch(folder: str) -> None:", "def watch(folder: str) -> None:\n    return\n")
    )
    return inside


def processor_ms(inside: Path, python: str, command: list[str], folder: Path, out: Path) -> float:
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    step = [python, str(inside / "run_step.py"), "--record", str(out / "step.json"), "--", *command]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    subprocess.run(step, cwd=folder, check=True, capture_output=True, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def compare(
    with_it: Path, without: Path, python: str, command: list[str], folder: Path, rounds: int
) -> dict[str, float]:
    out = folder / "out"
    pairs = [
        tuple(processor_ms(inside, python, command, folder, out) for inside in (with_it, without))
        for _ in range(rounds + 1)
    ][1:]
    noted = statistics.median(one for one, _ in pairs)
    plain = statistics.median(other for _, other in pairs)
    return {
        "processor_ms": round(noted, 1),
        "without_ms": round(plain, 1),
        "more_ms": round(statistics.median(one - other for one, other in pairs), 1),
        "more_percent": round(100 * statistics.median((one - other) / other for one, other in pairs), 2),
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--python", default=sys.executable, help="one with PyTorch, for the training")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument(
        "--rounds", type=int, default=3, help="of the training; the others take ten times as many"
    )
    options = parser.parse_args()
    own = ROOT / "tasks" / "inside"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        other = without_watching(folder)
        for number in range(27000):
            path = folder / "data" / str(number % 10) / f"{number}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        train = ["-m", "src.modelling.digits", "--epochs", str(options.epochs), "--out", str(folder / "out")]
        many = options.rounds * 10
        result = {
            "nothing": compare(own, other, options.python, ["python", "-c", "pass"], folder, many),
            "27000 files": compare(
                own, other, options.python, ["python", "-c", OPEN_MANY], folder, options.rounds
            ),
            "training": compare(own, other, options.python, ["python", *train], folder, options.rounds),
        }
    save_result(
        RESULT, {"machine": describe_machine(), "epochs": options.epochs, "rounds": options.rounds, **result}
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
