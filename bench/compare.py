"""Measure how long `deno task compare` takes for two checkpoints of a ResNet-18: 45 MB, 122 tensors each.

Example:

    python bench/compare.py --deno deno

Every float32 of the second checkpoint is one unit in the last place away from the first one's, so that all
11.7 million elements are looked at. `sha256sum` in the same rounds says what hashing both files takes.
Writes bench/results/compare.json.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from machine import describe_machine, save_result

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "bench" / "results" / "compare.json"
EXPERIMENT = """
name: checkpoints
parameters: { which: first }
steps:
  train:
    run: [python, copy.py, "{which}.safetensors", "{out}"]
"""
COPY = "import shutil, sys\nshutil.copy(sys.argv[1], sys.argv[2] + '/model.safetensors')\n"
DIFFERENT = 1
"""Exit code of `compare` where something differs."""


def resnet18() -> Iterator[tuple[str, str, list[int]]]:
    """Name, type and shape of every tensor in torchvision's ResNet-18."""
    yield "conv1.weight", "F32", [64, 3, 7, 7]
    yield from batch_norm("bn1", 64)
    width = 64
    for layer, channels in enumerate((64, 128, 256, 512), start=1):
        for block in range(2):
            name = f"layer{layer}.{block}"
            yield f"{name}.conv1.weight", "F32", [channels, width, 3, 3]
            yield from batch_norm(f"{name}.bn1", channels)
            yield f"{name}.conv2.weight", "F32", [channels, channels, 3, 3]
            yield from batch_norm(f"{name}.bn2", channels)
            if width != channels:
                yield f"{name}.downsample.0.weight", "F32", [channels, width, 1, 1]
                yield from batch_norm(f"{name}.downsample.1", channels)
            width = channels
    yield "fc.weight", "F32", [1000, 512]
    yield "fc.bias", "F32", [1000]


def batch_norm(name: str, channels: int) -> Iterator[tuple[str, str, list[int]]]:
    for part in ("weight", "bias", "running_mean", "running_var"):
        yield f"{name}.{part}", "F32", [channels]
    yield f"{name}.num_batches_tracked", "I64", []


def write_checkpoints(folder: Path) -> dict[str, int]:
    """Write first.safetensors and second.safetensors; return the number of their tensors and parameters."""
    header: dict[str, object] = {}
    end = tensors = parameters = 0
    first, second = bytearray(), bytearray()
    one_ulp = bytes(byte ^ 1 for byte in range(256))
    for name, dtype, shape in resnet18():
        elements = 1
        for length in shape:
            elements *= length
        size = elements * (4 if dtype == "F32" else 8)
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [end, end + size]}
        end += size
        data = bytearray(random.Random(name).randbytes(size) if dtype == "F32" else struct.pack("<q", 450))
        other = bytearray(data)
        if dtype == "F32":
            data[3::4] = other[3::4] = b"\x3c" * elements  # all are numbers between 0.007 and 0.032
            other[0::4] = data[0::4].translate(one_ulp)
            parameters += 0 if "running" in name else elements
        first += data
        second += other
        tensors += 1
    text = json.dumps(header).encode()
    for path, data in (("first", first), ("second", second)):
        (folder / f"{path}.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)
    return {"tensors": tensors, "parameters": parameters, "bytes": 8 + len(text) + end}


def make_run(deno: str, project: Path, which: str) -> Path:
    """Make a run whose only output is that checkpoint."""
    runs = project / which
    command = [deno, "task", "--config", str(ROOT / "deno.json"), "train", "--which", which]
    subprocess.run(
        [*command, "--runs", str(runs), str(project / "experiment.yaml")],
        cwd=project,
        check=True,
        capture_output=True,
        env={**os.environ, "INIT_CWD": str(project)},
    )
    return next(path for path in (runs / "checkpoints").iterdir() if path.is_dir())


@dataclass
class Measured:
    wall: float
    """Seconds."""
    processor: float
    """Seconds on all cores together: what a busy machine does not lengthen."""
    size: int
    """Largest resident set in bytes."""


def measure(command: list[str], expected: int) -> Measured:
    """Run a command that ends with the expected code."""
    # A process of its own measures, since the maximum over ended children never goes down again.
    script = (
        "import json, resource, subprocess, sys, time\n"
        "begin = time.perf_counter()\n"
        "done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)\n"
        "wall = time.perf_counter() - begin\n"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "processor = used.ru_utime + used.ru_stime\n"
        "print(json.dumps([done.returncode, wall, processor, used.ru_maxrss * 1024]))\n"
    )
    output = subprocess.run(
        [sys.executable, "-c", script, *command], cwd=ROOT, check=True, capture_output=True
    )
    code, wall, processor, size = json.loads(output.stdout)
    if code != expected:
        raise SystemExit(f"{' '.join(command)} ended with code {code}: {output.stderr.decode()}")
    return Measured(wall, processor, size)


def median_milliseconds(seconds: Iterable[float]) -> float:
    return round(statistics.median(seconds) * 1000, 1)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--deno", default="deno", help="the program to measure (default: deno on PATH)")
    parser.add_argument("--rounds", type=int, default=11, help="rounds; one more warms the caches")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        checkpoint = write_checkpoints(project)
        (project / "experiment.yaml").write_text(EXPERIMENT)
        (project / "copy.py").write_text(COPY)
        first, second = (str(make_run(options.deno, project, which)) for which in ("first", "second"))
        files = [f"{run}/train/model.safetensors" for run in (first, second)]
        commands = {
            "deno task compare, every element differs": (
                [options.deno, "task", "compare", first, second],
                DIFFERENT,
            ),
            "deno task compare, nothing differs": ([options.deno, "task", "compare", first, first], 0),
            "sha256sum of both": (["sha256sum", *files], 0),
        }
        rounds: dict[str, list[Measured]] = {name: [] for name in commands}
        for number in range(options.rounds + 1):
            for name, (command, expected) in commands.items():
                measured = measure(command, expected)
                if number > 0:
                    rounds[name].append(measured)
    result = {
        "made_by": f"python bench/compare.py --rounds {options.rounds}",
        "machine": describe_machine(),
        "checkpoint": checkpoint,
        "commands": {
            name: {
                "median_milliseconds": median_milliseconds(one.wall for one in measured),
                "fastest_milliseconds": round(min(one.wall for one in measured) * 1000, 1),
                "processor_milliseconds": median_milliseconds(one.processor for one in measured),
                "largest_process_megabytes": round(max(one.size for one in measured) / 1e6, 1),
            }
            for name, measured in rounds.items()
        },
    }
    save_result(RESULT, result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
