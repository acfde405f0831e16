"""Measure `tasks/inside/judge.py`: what 500 claims on a run take, its start included.

Example:

    python bench/python_judge.py --claims 500 --rounds 15

Makes a throw-away run with that many claims on one JSON file and judges it. A Python that does nothing
runs in turn with it, so that a busy moment of the machine meets both. Writes bench/results/python_judge.json.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import describe_machine, save_result

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "bench" / "results" / "python_judge.json"
STEP = """
import json, sys
json.dump({f"v{n}": 100 * n / 540 for n in range(int(sys.argv[2]))}, open(sys.argv[1] + "/m.json", "w"))
"""


def make_run(deno: str, folder: Path, claims: int) -> Path:
    (folder / "make.py").write_text(STEP, encoding="utf-8")
    run = json.dumps(["python", "make.py", "{out}", str(claims)])
    lines = [
        f"  - {{ name: v{n}, from: make/m.json#/v{n}, value: {100 * (n % 540) / 540:.2f}, of: 540, "
        "tolerance: { samples: 1, because: threads } }"
        for n in range(claims)
    ]
    text = f"name: made\nsteps:\n  make: {{ run: {run} }}\nclaims:\n" + "\n".join(lines) + "\n"
    (folder / "experiment.yaml").write_text(text, encoding="utf-8")
    command = [deno, "task", "--config", str(ROOT / "deno.json"), "reproduce", str(folder)]
    environment = {**os.environ, "RUNS_DIR": str(folder / "runs"), "INIT_CWD": str(folder)}
    subprocess.run(command, cwd=folder, check=True, capture_output=True, env=environment)
    return next(path for path in (folder / "runs" / "made").iterdir() if not path.is_symlink())


def milliseconds(command: list[str]) -> tuple[float, float]:
    """By the clock, and of a processor."""
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    took, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return 1000 * took, 1000 * used


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--deno", default="deno", help="the deno that makes the run")
    parser.add_argument("--claims", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = make_run(options.deno, Path(folder), options.claims)
        judge = [sys.executable, str(ROOT / "tasks" / "inside" / "judge.py"), str(run)]
        nothing = [sys.executable, "-c", ""]
        times = [(milliseconds(judge), milliseconds(nothing)) for _ in range(options.rounds + 1)][1:]
    result = {
        "claims": options.claims,
        "judge_ms": round(statistics.median(ours for (ours, _), _ in times), 1),
        "judge_processor_ms": round(statistics.median(ours for (_, ours), _ in times), 1),
        "judge_least_ms": round(min(ours for (ours, _), _ in times), 1),
        "python_alone_ms": round(statistics.median(theirs for _, (theirs, _) in times), 1),
        "python_alone_processor_ms": round(statistics.median(theirs for _, (_, theirs) in times), 1),
        "rounds": options.rounds,
    }
    save_result(RESULT, {"machine": describe_machine(), **result})
    return 0


if __name__ == "__main__":
    sys.exit(main())
