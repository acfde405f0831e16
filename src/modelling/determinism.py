"""Random numbers and algorithms that are the same in every run."""

import os
import platform
import random
from typing import Any, cast

import numpy as np
import torch

from src.common.failure import UnavailableError


def make_deterministic(threads: int, tf32: bool = False) -> None:
    """Deterministic algorithms, no autotuning, no TF32, a fixed number of threads on the CPU.

    With `tf32`, CUDA's matrix products and convolutions round their inputs as PyTorch chooses.
    For the rest of the process, not for a while: what a step records about itself at its end is then what it
    ran with.
    """
    # cuBLAS reads this when CUDA starts; without it deterministic algorithms refuse to run there.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # The flag of use_deterministic_algorithms, without the compiler that it loads to tell it, too: 1.4 s.
    torch.set_deterministic_debug_mode("error")
    # New memory would be filled in case something reads it before writing: 5 to 9 % of a ResNet-18's time.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
    if not tf32:
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cuda.matmul.allow_tf32 = False
    torch.set_num_threads(threads)


def find_device(wanted: str, purpose: str) -> str:
    """cpu or cuda; "auto" takes the GPU if there is one. Raises UnavailableError, which names the purpose."""
    if wanted == "cuda" and not torch.cuda.is_available():
        raise UnavailableError(f"Cannot {purpose} on cuda: PyTorch finds no GPU here. Use --device cpu")
    return ("cuda" if torch.cuda.is_available() else "cpu") if wanted == "auto" else wanted


def seed_everything(seed: int) -> None:
    """Seeds the generators of Python, numpy and PyTorch on every device."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def random_state() -> dict[str, Any]:
    """The state of all global generators, made of what `torch.load(weights_only=True)` accepts."""
    name, keys, *position = cast(tuple[Any, ...], np.random.get_state())
    return {
        "python": random.getstate(),
        "numpy": [name, keys.tolist(), *position],  # its array would be refused by weights_only
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def set_random_state(state: dict[str, Any]) -> None:
    """Puts back what `random_state` returned."""
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal), gauss))
    name, keys, *position = state["numpy"]
    np.random.set_state((name, np.array(keys, dtype=np.uint32), *position))
    torch.set_rng_state(state["torch"])
    if len(state["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["cuda"])


def environment(device: str) -> dict[str, Any]:
    """What can change the last bits of a result: versions, threads, instruction set, device."""
    return {
        "torch": str(torch.__version__),
        "numpy": np.__version__,
        "processor": platform.machine(),
        "instruction set": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name() if device == "cuda" else device,
    }
