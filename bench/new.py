"""Measure `deno task new --plan` on 1,000 files with 100 notebooks, and on 100,000 files; beside calkit.

Example:

    python bench/new.py --beside …/calkit --repository …/micrograd

`calkit xr --dry-run` is what its users type. Makes both repositories, and looks at each in turn, so that a
busy moment of the machine meets all. Beside the wall times stand the processor's own
seconds, which a busy machine changes less. Writes bench/results/new.json.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from machine import describe_machine, save_result

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "bench" / "results" / "new.json"
FUNCTION = """
def f{n}(values, least={n}):
    kept = [value * {n} for value in values if value > least]
    return np.sum(kept) / (len(kept) + 1)
"""
MAIN = """
if __name__ == "__main__":
    print(f0([1, 2, 3]))
"""


def make_sources(folder: Path) -> None:
    """400 Python files of 100 lines, of which one in ten is a script; 100 notebooks; 498 small data files."""
    body = "import numpy as np\nimport torch\n" + "".join(FUNCTION.format(n=n) for n in range(25))
    for number in range(400):
        place = folder / f"package{number % 20}" / f"module{number}.py"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(body + (MAIN if number % 10 == 0 else ""))
    lines = [f"epoch {epoch}: loss {1 / epoch:.3f}, accuracy {90 + epoch:.2f} %\n" for epoch in range(1, 11)]
    cells = [
        {
            "cell_type": "code",
            "execution_count": number,
            "metadata": {},
            "source": [f"x{number} = {number}\n", "print(x)\n"] * 5,
            "outputs": [{"output_type": "stream", "name": "stdout", "text": lines}] if number == 0 else [],
        }
        for number in range(20)
    ]
    notebook = json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    (folder / "notebooks").mkdir()
    for number in range(100):
        (folder / "notebooks" / f"analysis{number}.ipynb").write_text(notebook)
    (folder / "data").mkdir()
    for number in range(498):
        (folder / "data" / f"{number}.csv").write_text("1,2\n" * 100)
    (folder / "requirements.txt").write_text("numpy\ntorch==2.9.1\n")
    (folder / "README.md").write_text("# A study\n\nSee notebooks/.\n")


def make_data(folder: Path) -> None:
    """100,000 files of images, and one script."""
    for number in range(100_000):
        place = folder / "data" / f"{number // 1000}" / f"{number}.jpg"
        if number % 1000 == 0:
            place.parent.mkdir(parents=True)
        place.touch()
    (folder / "train.py").write_text("open('result.txt', 'w').write('1')\n")


def look(command: list[str], folder: Path) -> tuple[float, float]:
    """Wall time, and the processor's own seconds, of a whole command with all that it starts."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.perf_counter()
    environment = {**os.environ, "INIT_CWD": str(folder)}
    subprocess.run(command, cwd=folder, check=True, capture_output=True, env=environment)
    wall = time.perf_counter() - begin
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--deno", default="deno")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--beside", help="path of calkit, to compare with `calkit xr --dry-run`")
    parser.add_argument("--repository", type=Path, help="a clone to look at with both, e.g. of micrograd")
    args = parser.parse_args()
    new = [args.deno, "task", "--quiet", "--config", str(ROOT / "deno.json"), "new", "--plan", "--json"]
    with tempfile.TemporaryDirectory() as temporary:
        places = {"1000 files": Path(temporary) / "sources", "100000 files": Path(temporary) / "data"}
        make_sources(places["1000 files"])
        make_data(places["100000 files"])
        commands = {name: (new, place) for name, place in places.items()}
        if args.repository is not None:
            for name, command in {"new": new, "calkit": [args.beside, "xr", "--dry-run"]}.items():
                if command[0] is not None:
                    copy = Path(temporary) / f"copy-{name}"
                    shutil.copytree(args.repository, copy)
                    commands[f"repository, {name}"] = (command, copy)
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for _ in range(args.rounds + 1):  # the first warms the caches, and is not counted
            for name, (command, place) in commands.items():
                times[name].append(look(command, place))
    result = {
        "made_by": "python bench/new.py",
        "machine": describe_machine(),
        "rounds": args.rounds,
        "seconds": {
            name: {
                "wall": round(statistics.median(wall for wall, _ in all[1:]), 3),
                "least": round(min(wall for wall, _ in all[1:]), 3),
                "processor": round(statistics.median(own for _, own in all[1:]), 3),
            }
            for name, all in times.items()
        },
    }
    save_result(RESULT, result)


if __name__ == "__main__":
    main()
