"""Measure fix-permissions on a tree of many files, beside `chown -R` and `find` over the same tree.

Example:

    sudo python bench/permissions.py --engine docker

Needs root, to make files of others. "repair" goes through a container of the engine, as it does for other
users. The commands run in turn in the same rounds, so that a busy moment of the machine meets all of them.
Writes bench/results/permissions.json.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import describe_machine, save_result

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "bench" / "results" / "permissions.json"
FOREIGN = "1000:100"
FILES_PER_FOLDER = 500


def make_tree(project: Path, files: int) -> None:
    (project / "experiment.yaml").write_text("name: bench\nsteps:\n  train:\n    run: [python, -c, pass]\n")
    for number in range(files // FILES_PER_FOLDER):
        folder = project / "runs" / str(number // 20) / str(number)
        folder.mkdir(parents=True)
        for name in range(FILES_PER_FOLDER):
            (folder / f"{name}.npy").touch()


def wall(command: list[str], project: Path) -> float:
    # Under sudo the files would be meant to go to the user who typed it.
    env = {name: value for name, value in os.environ.items() if not name.startswith("SUDO_")}
    env["INIT_CWD"] = str(project)
    begin = time.perf_counter()
    done = subprocess.run(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    seconds = time.perf_counter() - begin
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with code {done.returncode}: {done.stderr}")
    return seconds


def measure(task: list[str], engine: list[str], project: Path, rounds: int) -> dict[str, list[float]]:
    """Seconds of each command in each round; the first round warms the caches and is not counted."""
    chown, find = ["chown", "-R"], ["find", str(project)]
    seconds: dict[str, list[float]] = {}

    def take(name: str, command: list[str]) -> None:
        seconds.setdefault(name, []).append(wall(command, project))

    for _ in range(rounds + 1):
        take("chown -R", [*chown, FOREIGN, str(project)])
        take("repair", [*task, *engine])
        take("chown -R", [*chown, FOREIGN, str(project)])
        take("repair as root", task)
        take("find", find)
        take("nothing to do", task)
        take("find with a test of the owner", [*find, "!", "-user", "0"])
    return {name: values[len(values) // (rounds + 1) :] for name, values in seconds.items()}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--deno", default="deno", help="the program to measure (default: deno on PATH)")
    parser.add_argument("--engine", default="docker", help="the engine whose containers repair")
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=11)
    options = parser.parse_args()
    if os.geteuid() != 0:
        raise SystemExit("Needs root, to make files of others: sudo python bench/permissions.py")
    task = [options.deno, "task", "--config", str(ROOT / "deno.json"), "fix-permissions"]
    with tempfile.TemporaryDirectory() as folder:
        make_tree(Path(folder), options.files)
        seconds = measure(task, ["--engine", options.engine], Path(folder), options.rounds)
    median = {name: round(statistics.median(values), 3) for name, values in seconds.items()}
    result = {
        "made_by": f"python bench/permissions.py --engine {options.engine} --files {options.files} "
        f"--rounds {options.rounds}",
        "machine": describe_machine(),
        "files": options.files,
        "median_seconds": median,
        "limits_seconds": {
            "repair": round(1.5 * median["chown -R"] + 1, 3),
            "repair as root": round(1.5 * median["chown -R"] + 1, 3),
            "nothing to do": round(median["find"] + 0.3, 3),
        },
    }
    save_result(RESULT, result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
