"""Measure `deno task report`: how long it takes, and how large the page is, for small and large runs.

Example:

    python bench/report.py --deno deno

Each run is a real one: a step that only writes its curves, by `deno task reproduce`. Writes
bench/results/report.json.
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
RESULT = ROOT / "bench" / "results" / "report.json"
TRAIN = """
import json, math, sys
epochs = int(sys.argv[2])
rise = [90 * (1 - math.exp(-6 * (i + 1) / epochs)) * (1 + 0.01 * math.sin(i)) for i in range(epochs)]
curves = {f"{part}_{what}": rise for part in ("training", "validation") for what in ("accuracy", "loss")}
json.dump({"value": 1.58, **curves}, open(sys.argv[1] + "/metrics.json", "w"))
"""
SIZES = {
    "15 epochs, 3 claims": (15, 3),
    "10,000 epochs, 3 claims": (10_000, 3),
    "10,000 epochs, 500 claims": (10_000, 500),
    "100,000 epochs, 500 claims": (100_000, 500),
}


def make_run(deno: str, folder: Path, epochs: int, claims: int) -> Path:
    """Reproduces an experiment of that size; its folder."""
    lines = [
        "name: bench",
        "steps:",
        f'  train: {{ run: [python, train.py, "{{out}}", "{epochs}"] }}',
        "claims:",
    ]
    for number in range(claims):
        tolerance = '{ absolute: 0.1, because: "measured on three machines" }'
        value = f"value: 1.5, from: train/metrics.json#/value, tolerance: {tolerance}"
        lines.append(f"  - {{ name: claim {number}, {value} }}")
    folder.mkdir()
    (folder / "experiment.yaml").write_text("\n".join(lines) + "\n")
    (folder / "train.py").write_text(TRAIN)
    task(deno, "reproduce", str(folder / "experiment.yaml"), "--runs", str(folder / "runs"))
    return next((folder / "runs" / "bench").glob("2*"))


def task(deno: str, *arguments: str) -> float:
    """Wall time of a task in seconds."""
    command = [deno, "task", "--config", str(ROOT / "deno.json"), *arguments]
    begin = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with code {done.returncode}: {done.stderr}")
    return time.perf_counter() - begin


def measure(deno: str, run: Path, rounds: int) -> dict[str, float]:
    """Median over the rounds; the first warms the caches and is not counted."""
    seconds = [task(deno, "report", str(run)) for _ in range(rounds + 1)][1:]
    size = (run / "report.html").stat().st_size
    return {"median_seconds": round(statistics.median(seconds), 2), "page_kilobytes": round(size / 1e3)}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--deno", default="deno", help="the program to measure (default: deno on PATH)")
    parser.add_argument("--rounds", type=int, default=7, help="rounds for each run")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        reports = {
            name: measure(
                options.deno,
                make_run(options.deno, Path(folder) / str(number), epochs, claims),
                options.rounds,
            )
            for number, (name, (epochs, claims)) in enumerate(SIZES.items())
        }
    result = {
        "made_by": f"python bench/report.py --rounds {options.rounds}",
        "machine": describe_machine(),
        "reports": reports,
    }
    save_result(RESULT, result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
