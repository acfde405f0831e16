"""What was found, as rows of tables."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from src.hardware.architectures import fit
from src.hardware.driver import Driver
from src.hardware.frameworks import Look
from src.hardware.stated_peaks import stated_peak

SERVED = {"code": "yes", "PTX": "by compiling at the first use", None: "no"}


@dataclass(frozen=True)
class Speed:
    """TFLOP/s of a matrix product; `stated` is what NVIDIA states for the card, where it is known."""

    framework: str
    place: str
    kind: str
    measured: float
    stated: float | None

    def row(self) -> list[object]:
        share = None if self.stated is None else f"{self.measured / self.stated:.0%}"
        return [self.framework, self.place, self.kind, f"{self.measured:.3g}", self.stated, share]


SPEED_HEADER = ("framework", "where", "type", "measured (TFLOP/s)", "stated peak", "share")


def driver_rows(driver: Driver) -> list[list[object]]:
    """A line for each card, and what CUDA the driver supports; or why there is none."""
    rows: list[list[object]] = [
        [f"GPU {index}", f"{card.name}{_memory(card.memory and card.memory * 2**20)}, driver {card.driver}"]
        for index, card in enumerate(driver.cards)
    ]
    rows += [["GPU", f"none: {driver.problem}"]] if driver.problem else []
    return [*rows, ["newest CUDA of the driver", driver.cuda or "no driver"]]


def framework_rows(look: Look) -> list[list[object]]:
    """Versions, what they were built for, and the devices."""
    if look.failure is not None:
        return [[look.name, "not installed" if look.missing else look.failure]]
    found = look.found
    allowed = ", ".join(f"{where}: {'on' if on else 'off'}" for where, on in found["tf32"].items())
    rows: list[list[object]] = [
        [f"{look.name}", found["version"]],
        ["built with CUDA", found["cuda"] or "no"],
        ["built with cuDNN", found["cudnn"] or "no"],
        ["built for", ", ".join(found["architectures"]) or None],
        ["TF32 by default", allowed],
    ]
    rows += [["GPU", f"none: {found['problem']}"]] if not found["devices"] else []
    return [*rows, *(_device_row(index, device, found) for index, device in enumerate(found["devices"]))]


def _device_row(index: int, device: dict[str, Any], found: dict[str, Any]) -> list[object]:
    built = found["architectures"]
    served = SERVED[fit(built, device["capability"])] if built else "not known"
    return [
        f"GPU {index}",
        f"{device['name']}{_memory(device['memory'])}, compute capability {device['capability']}, "
        f"built for it: {served}, bfloat16: {'yes' if device['bfloat16'] else 'no'}",
    ]


def _memory(size: int | None) -> str:
    return f", {size / 2**30:.1f} GiB" if size else ""


def speeds(looks: Iterable[Look]) -> list[Speed]:
    """Of every framework, on the CPU and on every GPU."""
    return [speed for look in looks if look.found for speed in _speeds_of(look)]


def _speeds_of(look: Look) -> list[Speed]:
    cpu = [Speed(look.name, "CPU", kind, speed, None) for kind, speed in look.found["cpu"]["speeds"].items()]
    return cpu + [
        Speed(look.name, device["name"], kind, speed, stated_peak(device["name"], kind))
        for device in look.found["devices"]
        for kind, speed in device["speeds"].items()
    ]
