"""Measure what a large repository and large outputs cost a run.

Examples:

    python bench/repository.py
    python bench/repository.py --outputs /mnt/xfs --gigabytes 5

Commits 20,000 small files, and reads them as a run records its code (read_code.ts, in a process of its own
for each round, so that nothing is remembered); runs a step that does nothing in them, and in a repository
of its own script alone, in the same rounds. Then it writes so many gigabytes of outputs into a folder of
the file system to measure, by the last step and by one that another follows, and takes them over as a run
does: take_outputs.ts. What the disk has not stored yet when a step ends, a reflink has to wait for; so that
is synchronized first, and timed by itself. Writes bench/results/repository.json.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from machine import describe_machine, save_result

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "bench" / "results" / "repository.json"
EXPERIMENT = "name: empty\nsteps:\n  nothing: { run: [python, nothing.py] }\n"


def make_repository(folder: Path, files: int) -> None:
    folder.mkdir()
    (folder / "experiment.yaml").write_text(EXPERIMENT)
    (folder / "nothing.py").write_text("")
    (folder / ".gitignore").write_text("runs\n")
    for number in range(files):
        place = folder / f"package{number // 200}" / f"module{number}.py"
        place.parent.mkdir(exist_ok=True)
        place.write_text(f"def f{number}(x):\n    return x + {number}\n" * 20)
    settings = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    for command in (["init", "-q"], ["add", "-A"], [*settings, "commit", "-qm", "made"]):
        subprocess.run(["git", *command], cwd=folder, check=True)


def read_code(deno: str, folder: Path) -> float:
    script = str(ROOT / "bench/read_code.ts")
    command = [deno, "run", "--no-check", "-A", script, str(folder)]
    ended = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(json.loads(ended.stdout)["seconds"])


def run_nothing(deno: str, folder: Path) -> float:
    """Seconds of the whole command."""
    command = [deno, "task", "--quiet", "--config", str(ROOT / "deno.json"), "reproduce", "--engine", "host"]
    begin = time.perf_counter()
    environment = {**os.environ, "INIT_CWD": str(folder)}
    subprocess.run([*command, "--json"], cwd=folder, check=True, capture_output=True, env=environment)
    return time.perf_counter() - begin


def take_outputs(deno: str, folder: Path, size: int) -> dict[str, float]:
    """Seconds to take outputs of so many bytes over, and to write them to the disk before."""
    found: dict[str, float] = {}
    for name in ("last step", "followed by another"):
        with tempfile.TemporaryDirectory(dir=folder) as temporary:
            command = [
                deno,
                "run",
                "--no-check",
                "-A",
                str(ROOT / "bench/take_outputs.ts"),
                temporary,
                str(size),
            ]
            ended = subprocess.run([*command, name], check=True, capture_output=True, text=True)
            taken = json.loads(ended.stdout)
            found[name] = taken["seconds"]
            found[f"{name}, synchronizing before"] = taken["synchronizing"]
    return found


def file_system(folder: Path) -> str:
    command = ["df", "--output=fstype", str(folder)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--deno", default="deno")
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--gigabytes", type=float, default=5, help="of outputs; 0 leaves these out")
    parser.add_argument("--outputs", type=Path, action="append", help="folder on a file system to measure")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        counts = {f"{args.files} files": args.files, "no other files": 0}
        places = {name: Path(temporary) / str(count) for name, count in counts.items()}
        for name, place in places.items():
            make_repository(place, counts[name])
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in places}
        for _ in range(args.rounds + 1):  # the first warms the caches, and is not counted
            for name, place in places.items():
                times[name].append((read_code(args.deno, place), run_nothing(args.deno, place)))
    size = int(args.gigabytes * 1e9)
    folders = args.outputs or [Path(tempfile.gettempdir())]
    taken = {file_system(folder): take_outputs(args.deno, folder, size) for folder in folders if size > 0}
    result = {
        "made_by": "python bench/repository.py",
        "machine": describe_machine(),
        "rounds": args.rounds,
        "seconds": {
            name: {
                "recording the code": round(statistics.median(recording for recording, _ in all[1:]), 3),
                "least": round(min(recording for recording, _ in all[1:]), 3),
                "whole command": round(statistics.median(whole for _, whole in all[1:]), 3),
            }
            for name, all in times.items()
        },
        "outputs_gigabytes": args.gigabytes,
        "taken_over_seconds": taken,
    }
    save_result(RESULT, result)


if __name__ == "__main__":
    main()
