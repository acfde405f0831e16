"""What NVIDIA's driver tells, without any framework."""

import ctypes
import os
import subprocess
from dataclasses import dataclass

QUERY = ("nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader,nounits")
PATIENCE = 20.0  # seconds; a driver that hangs keeps nvidia-smi waiting for ever
LIBRARIES = ("libcuda.so.1", "nvcuda.dll")


@dataclass(frozen=True)
class Card:
    """A GPU as nvidia-smi lists it; `memory` in MiB, None where it shares the processor's."""

    name: str
    memory: int | None
    driver: str


@dataclass(frozen=True)
class Driver:
    """What the driver tells.

    `cuda` is the newest CUDA that it supports, such as "12.9"; `problem` says why there are no cards, and
    `hidden` that this process may not use them.
    """

    cards: tuple[Card, ...] = ()
    cuda: str | None = None
    problem: str | None = None
    hidden: bool = False


def look_at_driver() -> Driver:
    """Asks nvidia-smi and the driver's library; never raises."""
    try:
        asked = subprocess.run(QUERY, capture_output=True, text=True, timeout=PATIENCE)
    except FileNotFoundError:
        return Driver(
            (), supported_cuda(), "there is no nvidia-smi, so no NVIDIA driver that serves this place"
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Driver((), supported_cuda(), f"nvidia-smi does not answer ({type(error).__name__})")
    cards = parse_cards(asked.stdout) if asked.returncode == 0 else ()
    said = (asked.stdout.strip() or asked.stderr.strip() or "nothing").splitlines()[0]
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1")
    return Driver(cards, supported_cuda(), None if cards else f"nvidia-smi says: {said}", hidden)


def parse_cards(text: str) -> tuple[Card, ...]:
    """The lines of QUERY: `NVIDIA A100-SXM4-80GB, 81920, 550.54.15`."""
    rows = [[cell.strip() for cell in line.split(",")] for line in text.splitlines()]
    return tuple(
        Card(row[0], int(row[1]) if row[1].isdigit() else None, row[2]) for row in rows if len(row) == 3
    )


def supported_cuda() -> str | None:
    """The newest CUDA that the driver supports; None without a driver. Touches no GPU."""
    version = ctypes.c_int(0)
    for name in LIBRARIES:
        try:
            library = ctypes.CDLL(name)
        except OSError:
            continue
        if library.cuDriverGetVersion(ctypes.byref(version)) == 0:
            return cuda_version(version.value)
    return None


def cuda_version(number: int) -> str:
    """12090 -> "12.9", as CUDA numbers its versions."""
    return f"{number // 1000}.{number % 1000 // 10}"
