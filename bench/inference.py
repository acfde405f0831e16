"""Measure inference on JPEG files beside a bare loop of the model: images per second on this processor.

Example:

    python bench/inference.py --rounds 3

ResNet-18 at 224x224 on made JPEG files of EuroSAT's shape. The bare loop is `model(x)` on normalized float32
tensors that are in memory, with the batch size that is fastest for it. Ours is what the command does
between its first image and its last: reading, decoding, resizing, normalizing, finding the batch size, the
model, and collecting predictions. "Whole call" also has what comes before and after: listing the folder,
loading the model, warming up, and writing tables and pictures; importing is in neither. Each round runs both,
in turn; ratios are medians over rounds of paired ratios. The processor's time is compared, too, from the call
to the last prediction: on a busy machine it tells more than the clock.
Writes bench/results/inference.json.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
from machine import describe_machine

from src.deployment.image_files import find_images
from src.deployment.predicting import Request, run
from src.deployment.samples import read_image
from src.images.normalization import IMAGENET, NormalizationTable
from src.modelling.determinism import make_deterministic
from src.modelling.model_file import Description, build, save_model
from src.modelling.resnet import ResNet
from src.reference.made_eurosat import COUNTS, make_eurosat, some

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "bench" / "results" / "inference.json"
SHAPE = (3, 224, 224)
BATCH_SIZES = (2, 4, 8, 16, 32, 64, 256)
TRIED = 64  # images of each batch size, at least one batch
TARGET = 0.9


@dataclass(frozen=True)
class Cost:
    """Seconds by the clock, for the images alone and for the whole call, and of the processor."""

    wall: float
    whole: float
    cpu: float


def bare_loop(model: ResNet, inputs: torch.Tensor, batch_size: int) -> Cost:
    """Predicts all inputs (N, 3, 224, 224)."""
    begin, begin_cpu = time.perf_counter(), time.process_time()
    with torch.inference_mode():
        for batch in inputs.split(batch_size):
            model(batch).argmax(1)
    wall = time.perf_counter() - begin
    return Cost(wall, wall, time.process_time() - begin_cpu)


def fastest_batch_size(model: ResNet, inputs: torch.Tensor) -> tuple[int, dict[int, float]]:
    """For the bare loop, and images per second of each size."""
    rates = {}
    for size in BATCH_SIZES:
        some_inputs = inputs[: max(size, TRIED)]
        seconds = min(bare_loop(model, some_inputs, size).wall for _ in range(2))
        rates[size] = round(len(some_inputs) / seconds, 2)
    return max(rates, key=lambda size: rates[size]), rates


def command(request: Request) -> tuple[Cost, str]:
    """Predicts all files, and what is said of the batch size."""
    lines: list[str] = []
    cpu: list[float] = []

    def report(line: str) -> None:
        lines.append(line)
        if "images per second" in line:
            cpu.append(time.process_time() - begin_cpu)

    begin, begin_cpu = time.perf_counter(), time.process_time()
    run(request, report)
    whole = time.perf_counter() - begin
    speed = next(line for line in lines if "images per second" in line)
    size = next((line for line in lines if line.startswith("Batch size")), "")
    return Cost(float(speed.split(" in ")[1].split(" s ")[0]), whole, cpu[0]), size


def prepare(folder: Path, share: float) -> tuple[Request, ResNet, torch.Tensor]:
    """The files, a model with random weights, and the files as normalized tensors."""
    images = make_eurosat(folder, some(share))
    description = Description("resnet18", tuple(COUNTS), SHAPE, IMAGENET, "float32", "made")
    model = build(description).eval()
    save_model(folder / "model.safetensors", model, description)
    levels = torch.stack([read_image(path, SHAPE) for path in find_images([images])])
    request = Request([images], folder / "model.safetensors", folder / "out", device="cpu")
    return request, model, NormalizationTable(IMAGENET).look_up(levels)


def measure(rounds: int, request: Request, bare: Callable[[], Cost]) -> list[tuple[Cost, Cost]]:
    """The bare loop's and our cost of each round."""
    costs = []
    for number in range(rounds):
        # Another one goes first each time, so that a busy moment meets both.
        before = bare() if number % 2 else None
        ours, size = command(request)
        costs.append((before or bare(), ours))
        print(f"round {number + 1}: {costs[-1][0].wall / ours.wall:.3f} of the bare loop; {size}", flush=True)
    return costs


def summarize(costs: list[tuple[Cost, Cost]], images: int) -> dict[str, object]:
    """Throughputs, and ours over that of the bare loop."""

    def ratio(of: Callable[[Cost], float]) -> float:
        return round(statistics.median(bare.wall / of(ours) for bare, ours in costs), 3)

    def rate(seconds: Iterable[float]) -> float:
        return round(images / statistics.median(seconds), 2)

    cpu = statistics.median(bare.cpu / ours.cpu for bare, ours in costs)
    return {
        "bare_loop_images_per_second": rate(bare.wall for bare, _ in costs),
        "images_per_second": rate(ours.wall for _, ours in costs),
        "throughput_over_bare_loop": ratio(lambda cost: cost.wall),
        "whole_call_over_bare_loop": ratio(lambda cost: cost.whole),
        "per_processor_second_over_bare_loop": round(cpu, 3),
        "target_throughput_over_bare_loop": TARGET,
        "rounds": [{"bare": asdict(bare), "ours": asdict(ours)} for bare, ours in costs],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Time inference on files beside a bare loop of the model.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--share", type=float, default=0.02, help="of EuroSAT's 27,000 images (default 0.02)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of the model")
    parser.add_argument("--out", type=Path, default=RESULT, help="JSON file for the result")
    options = parser.parse_args()
    make_deterministic(options.threads)  # as the command does, for both
    with tempfile.TemporaryDirectory() as name:
        request, model, inputs = prepare(Path(name), options.share)
        size, rates = fastest_batch_size(model, inputs)
        print(f"bare loop, images per second by batch size: {rates}", flush=True)
        costs = measure(options.rounds, request, lambda: bare_loop(model, inputs, size))
    result = {
        "machine": describe_machine(),
        "torch": str(torch.__version__),
        "threads": options.threads,
        "images": len(inputs),
        "bare_loop_images_per_second_by_batch_size": rates,
        "bare_loop_batch_size": size,
        **summarize(costs, len(inputs)),
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(f"throughput over the bare loop: {result['throughput_over_bare_loop']}; written: {options.out}")


if __name__ == "__main__":
    main()
