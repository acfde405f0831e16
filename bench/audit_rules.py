"""Measure `audit` on a made repository: 200 Python files and 50 notebooks.

Example:

    python bench/audit_rules.py --deno deno --rounds 5

The files are as long and as mixed as those of public training repositories: 150 lines of classes, loops and
calls, notebooks of 41 cells with outputs. Measured is the whole command, Deno's and Python's start included,
and beside it what Python alone takes to compile the 200 files (`python -m compileall`), which runs no rule.
Both in turn, in the same rounds; seconds of wall time, and of processors, which a busy machine does not
lengthen as much. Writes bench/results/audit_rules.json.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import describe_machine, save_result

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "bench" / "results" / "audit_rules.json"
FILES, NOTEBOOKS = 200, 50

MODULE = '''
class Block{n}(nn.Module):
    """One block of the network."""

    def __init__(self, width: int, depth: int = 2) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(width, width) for _ in range(depth)])
        self.norm = nn.LayerNorm(width)

    def forward(self, x):
        for layer in self.layers:
            x = torch.relu(layer(x)) + x
        return self.norm(x)


def evaluate{n}(model, loader, device):
    right, seen = 0, 0
    with torch.no_grad():
        for images, labels in loader:
            found = model(images.to(device)).argmax(1).cpu().numpy()
            right += int(np.sum(found == labels.numpy()))
            seen += len(labels)
    table = [{{"class": index, "count": count}} for index, count in enumerate(np.bincount(found))]
    with open(os.path.join("results", "table{n}.json"), "w") as file:
        json.dump(sorted(table, key=lambda row: row["count"]), file)
    return right / max(1, seen)
'''

HEAD = "import json\nimport os\n\nimport numpy as np\nimport torch\nfrom torch import nn\n\n{imports}\n"


def make_repository(folder: Path) -> None:
    package = folder / "package"
    package.mkdir()
    for number in range(FILES):
        imports = "\n".join(f"from package import module{(number + step) % FILES}" for step in (1, 7))
        text = HEAD.format(imports=imports) + "".join(MODULE.format(n=part) for part in range(5))
        (package / f"module{number}.py").write_text(text)
    for number in range(NOTEBOOKS):
        cells = [
            {
                "cell_type": "code",
                "execution_count": count,
                "source": f"from package import module{count}\nvalue = np.mean([{count}, 2.0])\nprint(value)",
                "outputs": [{"output_type": "stream", "name": "stdout", "text": "0.9375\n" * 20}],
            }
            for count in range(1, 41)
        ]
        cells.insert(
            0, {"cell_type": "code", "execution_count": 1, "source": "import numpy as np", "outputs": []}
        )
        (folder / f"notebook{number}.ipynb").write_text(json.dumps({"cells": cells, "metadata": {}}))
    (folder / "requirements.txt").write_text("numpy==2.3.1\ntorch==2.9.1\n")


def seconds(command: list[str], folder: Path) -> tuple[float, float]:
    """Of wall time and of processors."""
    begin, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        command, cwd=folder, capture_output=True, env={**os.environ, "INIT_CWD": str(folder)}
    )
    if done.returncode not in (0, 1):
        raise SystemExit(done.stderr.decode())
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - begin, cpu


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--deno", default="deno")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    audit = [options.deno, "task", "--quiet", "--config", str(ROOT / "deno.json"), "audit", "--json"]
    compiling = [sys.executable, "-m", "compileall", "-q", "package"]
    times: dict[str, list[tuple[float, float]]] = {"audit": [], "compileall, the Python files alone": []}
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        make_repository(folder)
        seconds(audit, folder)  # compiles the rules
        for _ in range(options.rounds):
            times["audit"].append(seconds(audit, folder))
            shutil.rmtree(folder / "package" / "__pycache__", ignore_errors=True)
            times["compileall, the Python files alone"].append(seconds(compiling, folder))
            shutil.rmtree(folder / "package" / "__pycache__", ignore_errors=True)
    save_result(
        RESULT,
        {
            "made_by": " ".join(["python", "bench/audit_rules.py", *sys.argv[1:]]),
            "machine": describe_machine(),
            "python_files": FILES,
            "notebooks": NOTEBOOKS,
            "median_wall_and_cpu_seconds": {
                name: [round(statistics.median(part), 2) for part in zip(*one, strict=True)]
                for name, one in times.items()
            },
            "least_wall_and_cpu_seconds": {
                name: [round(min(part), 2) for part in zip(*one, strict=True)] for name, one in times.items()
            },
        },
    )


if __name__ == "__main__":
    main()
