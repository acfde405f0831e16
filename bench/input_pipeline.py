"""Measure the input pipeline beside the published one: seconds per epoch after the first, on the same images.

Example:

    python bench/input_pipeline.py --images 2700 27000

The published side is torchvision's ImageFolder and transform in a real DataLoader without workers; ours reads
images that were decoded once. One thread each, in the same rounds, another side first each time. Epochs are
measured twice: as uint8 batches (resized, not normalized), and as the model gets them. Needs torchvision.
Writes bench/results/input_pipeline.json.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor
from torch.utils.data import DataLoader

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from machine import describe_machine

from src.common.files import write_json
from src.images.batches import EDGE, Batches, open_batches
from src.images.decoding import decoder
from src.images.image_folder import ImageFolder
from src.images.normalization import IMAGENET
from src.reference.made_eurosat import COUNTS, make_eurosat, some
from src.reference.real_torchvision import import_torchvision

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "bench" / "results" / "input_pipeline.json"
BATCH = 256
TARGETS = {
    "epoch of uint8 batches, published over ours": 10,
    "seconds to the first batch": 2,
    "anonymous megabytes beyond the framework's": 1000,
}

# A process of its own: how long until it has a batch, and how much memory an epoch takes beside PyTorch's.
FRESH = """
import json, sys, time
begin = time.perf_counter()
import torch
from pathlib import Path
from src.images.batches import open_batches
from src.images.image_folder import ImageFolder

def anonymous():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1000

torch.set_num_threads(1)
torch.rand(8, 8) @ torch.rand(8, 8)
imported, before = time.perf_counter(), anonymous()
folder = ImageFolder.read(Path(sys.argv[1]))
batches = open_batches(folder, range(len(folder)), Path(sys.argv[2]))
rows = torch.randperm(len(folder)).split(256)
batch = batches.batch(rows[0])
first, first_at, processor = time.perf_counter(), time.time(), time.process_time()
largest = anonymous()
for share in rows:
    batch = batches.batch(share)
    largest = max(largest, anonymous())
print(json.dumps({
    "seconds_of_imports": imported - begin,
    "seconds_to_first_batch_after_imports": first - imported,
    "first_batch_at": first_at,
    "processor_seconds_to_first_batch_from_start": processor,
    "anonymous_megabytes_of_imports": before,
    "anonymous_megabytes_beyond": largest - before,
}))
"""


def published(root: Path, normalize: bool, torchvision: ModuleType) -> Callable[[], Iterator[Tensor]]:
    """The published loop's input: every image is opened, decoded and resized again in every epoch."""
    transforms = torchvision.transforms
    last = (
        [transforms.ToTensor(), transforms.Normalize(IMAGENET.mean, IMAGENET.std)]
        if normalize
        else [transforms.PILToTensor()]
    )
    transform = transforms.Compose([transforms.Resize((EDGE, EDGE)), *last])
    data = torchvision.datasets.ImageFolder(str(root), transform=transform)
    # audit: ignore R103 only the time that it takes is measured
    loader = DataLoader(data, batch_size=BATCH, shuffle=True, num_workers=0)
    return lambda: (images for images, _ in loader)


def ours(batches: Batches, normalize: bool) -> Callable[[], Iterator[Tensor]]:
    """Batches in a random order from decoded images."""
    take = batches.batch if normalize else batches.pixels
    return lambda: map(take, torch.randperm(len(batches)).split(BATCH))


def seconds_of_epoch(batches: Iterator[Tensor]) -> tuple[float, float]:
    """Seconds to make every batch: by the clock, and of the processor, which a busy machine changes less."""
    begin, begin_processor = time.perf_counter(), time.process_time()
    for _ in batches:
        pass
    return time.perf_counter() - begin, time.process_time() - begin_processor


def side_by_side(sides: dict[str, Callable[[], Iterator[Tensor]]], rounds: int) -> dict[str, object]:
    """Seconds per epoch of each side, an epoch before not counted; ratios are medians of the rounds'."""
    measured: dict[str, list[tuple[float, float]]] = {name: [] for name in sides}
    for epoch in sides.values():
        seconds_of_epoch(epoch())
    for round_number in range(rounds):
        for name in sorted(sides, reverse=bool(round_number % 2)):
            measured[name].append(seconds_of_epoch(sides[name]()))
    return {kind: _summary(measured, place) for place, kind in enumerate(("seconds", "processor_seconds"))}


def _summary(measured: dict[str, list[tuple[float, float]]], place: int) -> dict[str, object]:
    seconds = {name: [round(values[place], 3) for values in rounds] for name, rounds in measured.items()}
    ratios = [a / b for a, b in zip(seconds["published"], seconds["ours"], strict=True)]
    return {"published_over_ours": round(statistics.median(ratios), 1), **seconds}


def fresh_process(root: Path, cache: Path) -> dict[str, float]:
    """What a new process with decoded images at hand takes, from Python's start on."""
    command = [sys.executable, "-c", FRESH, str(root), str(cache)]
    begin = time.time()
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    values = json.loads(done.stdout)
    values["seconds_to_first_batch_from_start"] = values.pop("first_batch_at") - begin
    return {name: round(value, 3) for name, value in values.items()}


def measure(number: int, rounds: int, folder: Path, torchvision: ModuleType) -> dict[str, object]:
    """Everything about this many images."""
    root = make_eurosat(folder / "made", some(number / sum(COUNTS.values())))
    images, cache = ImageFolder.read(root), folder / "cache"
    begin = time.perf_counter()
    batches = open_batches(images, range(len(images)), cache)
    first_decode = time.perf_counter() - begin
    epochs = {
        what: side_by_side(
            {"published": published(root, normalize, torchvision), "ours": ours(batches, normalize)}, rounds
        )
        for what, normalize in {"uint8 batches": False, "normalized batches": True}.items()
    }
    return {
        "images": len(images),
        "seconds_of_first_decode": round(first_decode, 2),
        "megabytes_on_disk": round(sum(file.stat().st_size for file in cache.iterdir()) / 1e6, 1),
        "epochs": epochs,
        "fresh_process": [fresh_process(root, cache) for _ in range(rounds)],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the input pipeline beside the published one.")
    parser.add_argument("--images", type=int, nargs="+", default=[2700], help="how many are made")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=RESULT, help="JSON file for the result")
    options = parser.parse_args()
    torchvision = import_torchvision()
    if torchvision is None:
        sys.exit("Cannot measure: the published side needs torchvision, which is not installed")
    torch.set_num_threads(1)
    measured = []
    for number in options.images:
        with tempfile.TemporaryDirectory() as name:
            measured.append(measure(number, options.rounds, Path(name), torchvision))
        print(json.dumps(measured[-1], indent=2), flush=True)
    write_json(
        options.out,
        {
            "made_by": f"python bench/input_pipeline.py --images {' '.join(map(str, options.images))} "
            f"--rounds {options.rounds}",
            "machine": describe_machine(),
            "versions": {
                "torch": torch.__version__,
                "torchvision": torchvision.__version__,
                "decoder": decoder(),
            },
            "threads": 1,
            "targets": TARGETS,
            "measured": measured,
        },
    )
    print(f"written: {options.out}")


if __name__ == "__main__":
    main()
