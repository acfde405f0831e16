"""Measure containers: what the task adds to `docker run`, and how long a rebuild of the image takes.

Example:

    python bench/containers.py --deno deno --wheelhouse wheelhouse

Needs a Docker Engine and the image of `deno task build --cpu`. The task, its plan and the bare `docker run`
of the same step are measured in turn, so that a busy moment of the machine meets all; the step reads an
option and writes a file, as the smallest script does, and what is left is what the task adds. With --beside
another checkout of this repository is measured in turn with this one. Writes bench/results/containers.json,
or containers-buildkit.json where the engine builds by BuildKit.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from machine import describe_machine, save_result

from tasks import ROOT, wall

RESULTS = ROOT / "bench" / "results"
STEP = """
import argparse, json
parser = argparse.ArgumentParser()
parser.add_argument("--out")
with open(parser.parse_args().out + "/metrics.json", "w") as file:
    json.dump({}, file)
"""
EXPERIMENT = 'name: bench\nsteps:\n  train:\n    run: [python, train.py, --out, "{out}"]\n'


def overhead(
    deno: str, image: str, rounds: int, folder: Path, checkouts: dict[str, Path]
) -> dict[str, dict[str, object]]:
    """`deno task train` and its plan beside the same `docker run`, after one turn that is not counted."""
    (folder / "experiment.yaml").write_text(EXPERIMENT)
    (folder / "train.py").write_text(STEP)
    out = folder / "bare"
    out.mkdir()
    user = f"{os.getuid()}:{os.getgid()}"
    mount = f"type=bind,source={folder},target={folder}"
    bare = ["docker", "run", "--rm", "--user", user, "--group-add", "100", "--mount", mount]
    bare += ["--workdir", str(folder), "--entrypoint", "python", image, "train.py", "--out", str(out)]

    def task(checkout: Path, *options: str) -> list[str]:
        config = str(checkout / "deno.json")
        return [deno, "task", "--config", config, "train", "--engine", "docker", "--image", image, *options]

    def turn() -> tuple[float, dict[str, tuple[float, float]]]:
        measured = {
            name: (wall(task(path), folder), wall(task(path, "--plan"), folder))
            for name, path in checkouts.items()
        }
        return wall(bare, folder), measured

    turns = [turn() for _ in range(rounds + 1)][1:]
    results: dict[str, dict[str, object]] = {}
    for name in checkouts:
        runs = [(measured[name][0], seconds) for seconds, measured in turns]
        results[name] = {
            "task_seconds": round(statistics.median(run for run, _ in runs), 3),
            "bare_seconds": round(statistics.median(bare for _, bare in runs), 3),
            "difference_milliseconds": round(statistics.median(run - bare for run, bare in runs) * 1000),
            "plan_milliseconds": round(statistics.median(measured[name][1] for _, measured in turns) * 1000),
            "pairs": rounds,
        }
    return results


def rebuild(deno: str, wheelhouse: Path, rounds: int, folder: Path) -> dict[str, object]:
    """Building the CPU image again, and after a change of one source file, in a clone of this repository."""
    clone = folder / "clone"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    command = [deno, "task", "build", "--cpu", "--tag", "bench-rebuild:cpu", "--wheelhouse", str(wheelhouse)]
    wall(command, clone)
    unchanged, changed = [], []
    for number in range(rounds):
        unchanged.append(wall(command, clone))
        with open(clone / "src" / "common" / "files.py", "r+") as source:
            source.seek(0, os.SEEK_END)
            source.write(f"# {number}\n")
        changed.append(wall(command, clone))
    size = subprocess.run(
        ["docker", "image", "inspect", "--format", "{{.Size}}", "bench-rebuild:cpu"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    subprocess.run(["docker", "image", "rm", "bench-rebuild:cpu"], check=True, stdout=subprocess.DEVNULL)
    return {
        "unchanged_seconds": round(statistics.median(unchanged), 1),
        "rebuild_seconds": round(statistics.median(changed), 1),
        "rounds": rounds,
        "image_gigabytes": round(int(size) / 1e9, 2),
    }


def engine() -> dict[str, str]:
    """What runs the containers and builds the images."""

    def said(*words: str) -> str:
        ended = subprocess.run(["docker", *words], capture_output=True, text=True)
        return ended.stdout.strip().splitlines()[0] if ended.returncode == 0 else "none"

    return {
        "docker": said("version", "--format", "{{.Server.Version}}"),
        "image_store": said("info", "--format", "{{.Driver}}"),
        "buildx": said("buildx", "version"),
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--deno", default="deno", help="the program to measure (default: deno on PATH)")
    parser.add_argument("--image", default="digits-resnet:cpu", help="image that both run in")
    parser.add_argument("--wheelhouse", type=Path, default=ROOT / "wheelhouse", help="wheels for the rebuild")
    parser.add_argument("--rounds", type=int, default=15, help="pairs of runs")
    parser.add_argument("--rebuilds", type=int, default=5)
    parser.add_argument("--beside", type=Path, help="another checkout to measure in turn with this one")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    try:
        result: dict[str, object] = {
            "made_by": f"python bench/containers.py --rounds {options.rounds} --rebuilds {options.rebuilds}",
            "machine": describe_machine(),
            "engine": engine(),
        }
        checkouts = {"train_beside_docker_run": ROOT}
        if options.beside is not None:
            checkouts["train_beside_docker_run_before"] = options.beside.resolve()
        result |= overhead(options.deno, options.image, options.rounds, folder, checkouts)
        if options.rebuilds > 0:
            result["image"] = rebuild(options.deno, options.wheelhouse.resolve(), options.rebuilds, folder)
    finally:
        shutil.rmtree(folder)
    by_buildkit = engine()["buildx"] != "none"
    save_result(RESULTS / f"containers{'-buildkit' if by_buildkit else ''}.json", result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
