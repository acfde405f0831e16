"""Measure how soon the packages' command answers, beside `deno task` of the same Deno on the same files.

Example:

    python bench/packages.py

Makes both packages, installs each into an empty folder, and asks each for `train --help` in the same rounds.
Needs npm, and an index that pip and npm reach. Writes bench/results/packages.json.
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
from pathlib import Path

from machine import describe_machine, save_result

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "bench" / "results" / "packages.json"


def install(deno: str, folder: Path) -> tuple[Path, Path]:
    """The folders of programs of the npm package and of the wheel."""
    made = run([deno, "task", "package", "--to", str(folder), "--json"])
    packages = json.loads(made)
    npm, venv = folder / "npm", folder / "venv"
    npm.mkdir()
    run(["npm", "install", "--silent", "--prefix", str(npm), packages["npm"]])
    run([sys.executable, "-m", "venv", str(venv)])
    run([str(venv / "bin" / "pip"), "install", "--quiet", packages["wheel"]])
    return npm / "node_modules" / ".bin", venv / "bin"


def run(command: list[str]) -> str:
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def cost(command: list[str]) -> tuple[float, float]:
    """Seconds of wall time and of processors, those of ended children included."""
    begin = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"{' '.join(command)} ended with status {status}")
    return time.perf_counter() - begin, usage.ru_utime + usage.ru_stime


def milliseconds(seconds: list[float]) -> dict[str, float]:
    return {
        "median": round(statistics.median(seconds) * 1000, 1),
        "best": round(min(seconds) * 1000, 1),
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--deno", default="deno", help="the Deno that makes the packages (default: on PATH)")
    parser.add_argument("--rounds", type=int, default=21)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        npm, pypi = install(options.deno, Path(folder))
        commands = {
            "deno task train --help": [str(npm / "deno"), "task", "train", "--help"],
            "gpu-jupyter-tasks train --help, npm": [str(npm / "gpu-jupyter-tasks"), "train", "--help"],
            "gpu-jupyter-tasks train --help, PyPI": [str(pypi / "gpu-jupyter-tasks"), "train", "--help"],
        }
        seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for number in range(options.rounds + 1):
            for name, command in commands.items():
                measured = cost(command)
                if number > 0:  # the first round fills the caches
                    seconds[name].append(measured)
    wall = {name: [one for one, _ in values] for name, values in seconds.items()}
    processor = {name: [one for _, one in values] for name, values in seconds.items()}
    base, *others = wall
    result = {
        "made_by": f"python bench/packages.py --rounds {options.rounds}",
        "machine": describe_machine(),
        "wall_milliseconds": {name: milliseconds(values) for name, values in wall.items()},
        "processor_milliseconds": {name: milliseconds(values) for name, values in processor.items()},
        "median_ratio_to_deno_task": {
            name: {
                "wall": round(
                    statistics.median(our / other for our, other in zip(wall[name], wall[base], strict=True)),
                    2,
                ),
                "processor": round(
                    statistics.median(processor[name]) / statistics.median(processor[base]), 2
                ),
            }
            for name in others
        },
        "goal": 1.5,
    }
    save_result(RESULT, result)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
