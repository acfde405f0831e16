"""What the device can do, beside which a training is measured."""

import time
from collections.abc import Callable
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from src.common.failure import UnavailableError
from src.hardware.frameworks import FRAMEWORKS, look_at
from src.modelling.determinism import make_deterministic
from src.modelling.resnet import ResNet, resnet18

IMAGE = (3, 224, 224)
FORWARD_BATCH = {"cuda": 256, "cpu": 4}
MATMUL_SECONDS = {"cuda": 1.0, "cpu": 0.2}
FORWARD_SECONDS = {"cuda": 3.0, "cpu": 0.5}


def describe(device: str) -> dict[str, Any]:
    """PyTorch's versions, and the device with its speed in matrix products.

    Another process multiplies them, as PyTorch does by default: what `make_deterministic` sets in this one
    would slow them, and is only heeded before the first product. Raises UnavailableError.
    """
    look = look_at(FRAMEWORKS[0], MATMUL_SECONDS[device])
    told = look.found
    if look.failure is not None or (device == "cuda" and not told["devices"]):
        raise UnavailableError(f"Cannot measure on {device}: {look.failure or told['problem']}")
    found = told["devices"][0] if device == "cuda" else {"name": "CPU", **told["cpu"], "problem": None}
    if found["problem"] is not None:
        raise UnavailableError(f"Cannot measure on {found['name']}: {found['problem']}")
    return {"torch": told["version"], "cuda": told["cuda"], "cudnn": told["cudnn"], "device": found}


def forward(device: str) -> dict[str, float]:
    """The bare network in training mode, on images that lie ready."""
    make_deterministic(torch.get_num_threads(), tf32=True)
    model, size = network(device), FORWARD_BATCH[device]
    images = torch.randn(size, *IMAGE).to(device)
    seconds = fastest(lambda: model(images), device, FORWARD_SECONDS[device])
    return {"batch": size, "images_per_second": size / seconds, "gflop_per_image": gflop_per_image()}


def network(device: str) -> ResNet:
    """ResNet-18 with ten classes as it is in exact mode: all frozen but the classifier, in training mode."""
    model = resnet18(10)
    model.requires_grad_(False)
    model.fc.requires_grad_(True)
    return model.to(device).train()


def gflop_per_image() -> float:
    """Of a forward pass, counted: two for each multiplication with its addition, nothing for the rest."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        resnet18().eval()(torch.zeros(1, *IMAGE))
    return counter.get_total_flops() / 1e9


def fastest(work: Callable[[], object], device: str, seconds: float) -> float:
    """Seconds of the fastest of several calls, after one that is not counted."""
    work()
    synchronize(device)
    times: list[float] = []
    while sum(times) < seconds or len(times) < 3:
        begin = time.perf_counter()
        work()
        synchronize(device)
        times.append(time.perf_counter() - begin)
    return min(times)


def synchronize(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()
