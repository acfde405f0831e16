"""What PyTorch sees, as JSON: `python -m src.hardware.pytorch_look SECONDS`, so many for each speed."""

import json
import sys
import warnings
from typing import Any

import torch

from src.hardware.speed import CPU_EDGE, GPU_EDGE, teraflops

KINDS = {  # name: type, precision of float32's products, least compute capability
    "float32": (torch.float32, "highest", (0, 0)),
    "TF32": (torch.float32, "high", (8, 0)),
    "bfloat16": (torch.bfloat16, "highest", (8, 0)),
    "float16": (torch.float16, "highest", (7, 0)),
}
SMALL = 256  # rows and columns of the product that is checked


def look(seconds: float) -> dict[str, Any]:
    """Versions, devices and speeds; see frameworks.py for the keys."""
    cuda = torch.version.cuda
    return {
        "version": str(torch.__version__),
        "cuda": cuda,
        "cudnn": _cudnn(torch.backends.cudnn.version()) if cuda else None,
        # AMD's, which its ROCm build lists here, follow other rules.
        "architectures": [name for name in torch.cuda.get_arch_list() if not name.startswith("gfx")],
        "tf32": {"matmul": torch.backends.cuda.matmul.allow_tf32, "cudnn": torch.backends.cudnn.allow_tf32},
        "problem": _problem(),
        "devices": [_device(index, seconds) for index in range(torch.cuda.device_count())],
        "cpu": {"threads": torch.get_num_threads(), "speeds": _cpu_speeds(seconds)},
    }


def _cudnn(number: int | None) -> str | None:
    """91002 -> "9.10.2"; before version 9, 8907 -> "8.9.7"."""
    if number is None:
        return None
    unit = 10_000 if number >= 90_000 else 1000
    return f"{number // unit}.{number % unit // 100}.{number % 100}"


def _problem() -> str | None:
    """Why PyTorch can't use CUDA, in its own words."""
    if torch.cuda.is_available():
        return None
    try:
        torch.cuda.init()
    except (RuntimeError, AssertionError) as error:
        return str(error).splitlines()[0]
    return "it finds no GPU"


def _device(index: int, seconds: float) -> dict[str, Any]:
    found = torch.cuda.get_device_properties(index)
    device = {
        "name": found.name,
        "capability": f"{found.major}.{found.minor}",
        "memory": found.total_memory,
        "multiprocessors": found.multi_processor_count,
        "bfloat16": (found.major, found.minor) >= (8, 0),
    }
    try:
        right = _multiplies_rightly(f"cuda:{index}")
        kinds = [name for name, (*_, least) in KINDS.items() if (found.major, found.minor) >= least]
        speeds = {name: _speed(name, f"cuda:{index}", GPU_EDGE, seconds) for name in kinds}
    except RuntimeError as error:  # no code for this card, no memory left, a driver that fails
        return {**device, "speeds": {}, "problem": str(error).splitlines()[0]}
    return {**device, "speeds": speeds, "problem": None if right else "its product of two matrices is wrong"}


def _multiplies_rightly(device: str) -> bool:
    """Whole numbers so small that every sum of their products is exact, in whatever order."""
    matrix = torch.arange(SMALL * SMALL, dtype=torch.float32).remainder(7).view(SMALL, SMALL)
    there = matrix.to(device)
    return torch.equal((there @ there).cpu(), matrix @ matrix)


def _speed(kind: str, device: str, edge: int, seconds: float) -> float:
    dtype, precision, _ = KINDS[kind]
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision)
    matrix = torch.full((edge, edge), 0.5, dtype=dtype, device=device)
    product = torch.empty_like(matrix)
    wait = (lambda: torch.cuda.synchronize(device)) if device.startswith("cuda") else (lambda: None)
    try:
        return teraflops(lambda: torch.mm(matrix, matrix, out=product), wait, edge, seconds)
    finally:
        torch.set_float32_matmul_precision(before)


def _cpu_speeds(seconds: float) -> dict[str, float]:
    return {"float32": _speed("float32", "cpu", CPU_EDGE, seconds)}


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a card without code is told below, in words
        print(json.dumps(look(float(sys.argv[1]))))
