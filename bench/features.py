"""Measure feature mode: ten epochs against one forward pass of the same network over the same decoded images.

Example:

    python bench/features.py

On one CPU thread, with made images of EuroSAT's shape and random weights. The bare pass is a loop of
`model(x)` without gradients; ours is the whole of `finetune` with decoded images in the cache: weights
checked and loaded, features, ten epochs with a checkpoint each, and the results written. Both in turns, in
one process. Writes bench/results/features.json.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch
from machine import describe_machine, save_result

from src.images.batches import Batches, open_batches
from src.images.image_folder import ImageFolder
from src.modelling.determinism import make_deterministic
from src.modelling.eurosat.settings import FinetuneSettings, Sources
from src.modelling.eurosat.train import finetune
from src.modelling.resnet import ResNet, resnet18
from src.reference.made_eurosat import COUNTS, make_eurosat
from src.reference.made_weights import make_weights

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "bench" / "results" / "features.json"
EPOCHS = 10
BATCHES = (64, 256)  # images; the faster bare pass is the one that counts


@torch.no_grad()
def forward(model: ResNet, batches: Batches, size: int) -> None:
    """The bare pass."""
    for rows in torch.arange(len(batches)).split(size):
        model(batches.batch(rows))


def timed(work: Callable[[], object]) -> np.ndarray:
    """Seconds of wall time, and of the CPU, which a busy machine does not lengthen as much."""
    begin = np.array([time.perf_counter(), time.process_time()])
    work()
    return np.array([time.perf_counter(), time.process_time()]) - begin


def measure(folder: Path, images: int, rounds: int) -> dict[str, object]:
    """Median seconds over the rounds, and their ratio. `images` is how many the network sees."""
    data = make_eurosat(folder, dict.fromkeys(COUNTS, images))
    sources = Sources(data, make_weights(folder), folder / "cache")
    settings = FinetuneSettings(mode="features", epochs=EPOCHS, device="cpu", threads=1)
    make_deterministic(1, tf32=True)
    read = ImageFolder.read(data)
    batches = open_batches(read, range(0, len(read), 10), sources.cache)
    model = resnet18().eval()
    finetune(sources, settings, folder / "out", report=lambda line: None)  # decodes
    works: dict[str, Callable[[], object]] = {
        f"bare pass, batches of {size}": partial(forward, model, batches, size) for size in BATCHES
    }
    works["ten epochs"] = partial(finetune, sources, settings, folder / "out", report=lambda line: None)
    seconds: dict[str, list[np.ndarray]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            seconds[name].append(timed(work))
    medians = {name: np.median(times, axis=0) for name, times in seconds.items()}
    ours = medians.pop("ten epochs")
    wall, cpu = ours / np.min(list(medians.values()), axis=0)
    return {
        "images": images,
        "wall_and_cpu_seconds": {
            name: [round(float(value), 2) for value in median]
            for name, median in {**medians, "ten epochs": ours}.items()
        },
        "ratio": round(float(wall), 3),
        "ratio_of_cpu_time": round(float(cpu), 3),
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=270, help="images that the network sees")
    parser.add_argument("--rounds", type=int, default=3, help="rounds, of which the median counts")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), options.images, options.rounds)
    result = {
        "made_by": f"python bench/features.py --images {options.images} --rounds {options.rounds}",
        "machine": {**describe_machine(), "torch": torch.__version__, "threads": 1},
        **figures,
    }
    save_result(RESULT, result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
