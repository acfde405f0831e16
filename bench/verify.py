"""Measure `deno task verify`: what it takes for a small run, and how fast it hashes beside openssl.

Example:

    python bench/verify.py --large 10 --small 50000

Makes three throw-away runs: one of a few bytes, one with a large file, one with many small ones. Programs are
run in turn, so that a busy moment of the machine meets all of them. Writes bench/results/verify.json.
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
RESULT = ROOT / "bench" / "results" / "verify.json"
STEP = """
import os, sys
out, kind, count = sys.argv[1:]
if kind == "large":
    block = os.urandom(1 << 20)
    with open(out + "/large.bin", "wb") as file:
        for _ in range(int(float(count) * 1000)):
            file.write(block[:1_000_000])
else:
    for number in range(int(count)):
        folder = f"{out}/{number // 1000:03d}"
        os.makedirs(folder, exist_ok=True)
        with open(f"{folder}/{number:06d}.bin", "wb") as file:
            file.write(os.urandom(4096))
"""


def make_run(deno: str, folder: Path, kind: str, count: float) -> Path:
    """A finished run of one step that left a large file, or so many small ones of 4 KiB."""
    folder.mkdir()
    (folder / "make.py").write_text(STEP)
    run = ["python", "make.py", "{out}", kind, f"{count:g}"]
    (folder / "experiment.yaml").write_text(
        f"name: made\nsteps:\n  make: {{ run: {json.dumps(run)} }}\n", encoding="utf-8"
    )
    command = [deno, "task", "--config", str(ROOT / "deno.json"), "reproduce", str(folder)]
    environment = {**os.environ, "RUNS_DIR": str(folder / "runs"), "INIT_CWD": str(folder)}
    subprocess.run(command, cwd=folder, check=True, capture_output=True, env=environment)
    return next(path for path in (folder / "runs" / "made").iterdir() if not path.is_symlink())


def verify_seconds(deno: str, run: Path) -> float:
    command = [deno, "task", "--config", str(ROOT / "deno.json"), "verify", str(run)]
    begin = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "INIT_CWD": str(run)})
    return time.perf_counter() - begin


def openssl_seconds(run: Path) -> float:
    """Hashing every file of the run, with as few processes as the length of a command line allows."""
    files = "\0".join(str(path) for path in sorted(run.rglob("*")) if path.is_file()).encode()
    begin = time.perf_counter()
    subprocess.run(
        ["xargs", "-0", "openssl", "dgst", "-sha256"], input=files, stdout=subprocess.DEVNULL, check=True
    )
    return time.perf_counter() - begin


def compare(deno: str, run: Path, rounds: int, start: float) -> dict[str, object]:
    """Verify beside openssl, in pairs; the first round warms the page cache and is not counted."""
    pairs = [(verify_seconds(deno, run), openssl_seconds(run)) for _ in range(rounds + 1)][1:]
    return {
        "verify_seconds": round(statistics.median(ours for ours, _ in pairs), 3),
        "openssl_seconds": round(statistics.median(theirs for _, theirs in pairs), 3),
        "hashing_speed_of_openssl": round(
            statistics.median(theirs / max(ours - start, 1e-3) for ours, theirs in pairs), 2
        ),
        "rounds": rounds,
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--deno", default="deno", help="the program to measure (default: deno on PATH)")
    parser.add_argument("--large", type=float, default=10, help="size of the large file in GB")
    parser.add_argument("--small", type=int, default=50_000, help="number of small files of 4 KiB")
    parser.add_argument("--rounds", type=int, default=5, help="rounds for the large runs")
    options = parser.parse_args()
    result: dict[str, object] = {
        "made_by": f"python bench/verify.py --large {options.large:g} --small {options.small}",
        "machine": describe_machine(),
    }
    with tempfile.TemporaryDirectory() as folder:
        run = make_run(options.deno, Path(folder) / "tiny", "small", 1)
        verify_seconds(options.deno, run)
        start = statistics.median(verify_seconds(options.deno, run) for _ in range(21))
        result["small_run_milliseconds"] = round(start * 1000, 1)
        run = make_run(options.deno, Path(folder) / "small", "small", options.small)
        result[f"{options.small} files of 4 KiB"] = compare(options.deno, run, options.rounds, start)
        run = make_run(options.deno, Path(folder) / "large", "large", options.large)
        result[f"a file of {options.large:g} GB"] = compare(options.deno, run, options.rounds, start)
    save_result(RESULT, result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
