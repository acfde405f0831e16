"""Measure inference on JPEG files beside a bare loop of the model: images per second on this processor.

Example:

    python bench/inference.py --rounds 3

ResNet-18 at 224x224 on made JPEG files of EuroSAT's shape. The bare loop is `model(x)` on normalized float32
tensors that are in memory, with the batch size that is fastest for it. Ours is what the command does
between its first image and its last: reading, decoding, resizing, normalizing, finding the batch size, the
model, and collecting predictions. "Whole call" also has what comes before and after: listing the folder,
loading the model, warming up, and writing tables and pictures; importing is in neither. Each round runs both,
in turn; the ratio is the median over rounds of paired ratios.
Writes bench/results/inference.json.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
from machine import describe_machine
from made_eurosat import COUNTS, make_eurosat, some

from src.deployment.image_files import find_images
from src.deployment.predicting import Request, run
from src.deployment.samples import read_image
from src.images.normalization_table import IMAGENET, NormalizationTable
from src.modelling.determinism import make_deterministic
from src.modelling.model_file import Description, build, save_model
from src.modelling.resnet import ResNet

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "bench" / "results" / "inference.json"
SHAPE = (3, 224, 224)
BATCH_SIZES = (2, 4, 8, 16, 32, 64, 256)
TRIED = 64  # images of each batch size, at least one batch
TARGET = 0.9


def bare_loop(model: ResNet, inputs: torch.Tensor, batch_size: int) -> float:
    """Seconds for all inputs (N, 3, 224, 224)."""
    begin = time.perf_counter()
    with torch.inference_mode():
        for batch in inputs.split(batch_size):
            model(batch).argmax(1)
    return time.perf_counter() - begin


def fastest_batch_size(model: ResNet, inputs: torch.Tensor) -> tuple[int, dict[int, float]]:
    """For the bare loop, and images per second of each size."""
    rates = {}
    for size in BATCH_SIZES:
        some_inputs = inputs[: max(size, TRIED)]
        seconds = min(bare_loop(model, some_inputs, size) for _ in range(2))
        rates[size] = round(len(some_inputs) / seconds, 2)
    return max(rates, key=lambda size: rates[size]), rates


def command(request: Request) -> tuple[float, float, str]:
    """Seconds for all images as the command counts them, those of the whole call, and its batch size."""
    lines: list[str] = []
    begin = time.perf_counter()
    run(request, lines.append)
    whole = time.perf_counter() - begin
    speed = next(line for line in lines if "images per second" in line)
    size = next((line for line in lines if line.startswith("Batch size")), "")
    return float(speed.split(" in ")[1].split(" s ")[0]), whole, size


def prepare(folder: Path, share: float) -> tuple[Request, ResNet, torch.Tensor]:
    """The files, a model with random weights, and the files as normalized tensors."""
    images = make_eurosat(folder, some(share))
    description = Description("resnet18", tuple(COUNTS), SHAPE, IMAGENET, "float32", "made")
    model = build(description).eval()
    save_model(folder / "model.safetensors", model, description)
    levels = torch.stack([read_image(path, SHAPE) for path in find_images([images])])
    request = Request([images], folder / "model.safetensors", folder / "out", device="cpu")
    return request, model, NormalizationTable(IMAGENET).look_up(levels)


def measure(rounds: int, request: Request, bare: Callable[[], float]) -> dict[str, list[float]]:
    """Seconds of each round."""
    seconds: dict[str, list[float]] = {"bare": [], "ours": [], "ours, whole call": []}
    for number in range(rounds):
        # Another one goes first each time, so that a busy moment meets both.
        if number % 2:
            seconds["bare"].append(bare())
        ours, whole, size = command(request)
        seconds["ours"].append(ours)
        seconds["ours, whole call"].append(whole)
        if number % 2 == 0:
            seconds["bare"].append(bare())
        ratio = seconds["bare"][-1] / ours
        print(f"round {number + 1}: {ratio:.3f} of the bare loop's throughput; {size}", flush=True)
    return seconds


def main() -> None:
    make_deterministic(torch.get_num_threads())  # as the command does, for both
    parser = argparse.ArgumentParser(description="Time inference on files beside a bare loop of the model.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--share", type=float, default=0.02, help="of EuroSAT's 27,000 images (default 0.02)")
    parser.add_argument("--out", type=Path, default=RESULT, help="JSON file for the result")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        request, model, inputs = prepare(Path(name), options.share)
        size, rates = fastest_batch_size(model, inputs)
        print(f"bare loop, images per second by batch size: {rates}", flush=True)
        seconds = measure(options.rounds, request, lambda: bare_loop(model, inputs, size))

    def ratio(part: str) -> float:
        pairs = zip(seconds["bare"], seconds[part], strict=True)
        return round(statistics.median(bare / ours for bare, ours in pairs), 3)

    result = {
        "machine": describe_machine(),
        "torch": str(torch.__version__),
        "threads": torch.get_num_threads(),
        "images": len(inputs),
        "rounds": options.rounds,
        "bare_loop_images_per_second_by_batch_size": rates,
        "bare_loop_batch_size": size,
        "images_per_second": {
            part: round(len(inputs) / statistics.median(times), 2) for part, times in seconds.items()
        },
        "throughput_over_bare_loop": ratio("ours"),
        "whole_call_over_bare_loop": ratio("ours, whole call"),
        "target_throughput_over_bare_loop": TARGET,
        "seconds": {part: [round(value, 3) for value in times] for part, times in seconds.items()},
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(f"throughput over the bare loop: {result['throughput_over_bare_loop']}; written: {options.out}")


if __name__ == "__main__":
    main()
