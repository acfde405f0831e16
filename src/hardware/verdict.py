"""Whether a framework can use the GPU; if not, why, and what to do."""

from dataclasses import dataclass
from typing import Any

from src.hardware.architectures import fit
from src.hardware.driver import Driver
from src.hardware.frameworks import Look

DOCTOR = "`deno task doctor` looks at driver, card and container engine, and says what is missing"
NO_CARD = (
    "Use a machine with an NVIDIA GPU and its driver (`nvidia-smi` must list the card); `--gpus all` lets a "
    f"container or a task of this project have it. {DOCTOR}. Without a GPU all runs on the CPU, only slower"
)


@dataclass(frozen=True)
class Verdict:
    """One sentence, and a remedy where there is one."""

    usable: bool
    line: str
    remedy: str | None = None


def judge(look: Look, driver: Driver) -> Verdict:
    """Holds what the framework tells against what the driver tells."""
    name, found = look.name, look.found
    if look.missing:
        return Verdict(False, f"{name} is not installed in this Python")
    if look.failure is not None:
        return Verdict(False, f"{name} can't be asked: {look.failure}", f"Install {name} anew")
    if not found["devices"]:
        return _without_devices(name, found, driver)
    bad = [verdict for device in found["devices"] if (verdict := _bad(name, found, device)) is not None]
    if bad:
        return bad[0]
    cards = ", ".join(device["name"] for device in found["devices"])
    return Verdict(True, f"{name} can use the GPU: {cards}")


def _without_devices(name: str, found: dict[str, Any], driver: Driver) -> Verdict:
    if not driver.cards:
        return Verdict(False, f"No GPU for {name}: {driver.problem}", NO_CARD)
    cannot, cards = f"{name} can't use the GPU", ", ".join(card.name for card in driver.cards)
    if driver.hidden:
        why = f"the variable CUDA_VISIBLE_DEVICES hides it ({cards})"
        return Verdict(False, f"{cannot}: {why}", "Unset it; in a task of this project, add --gpus optional")
    if found["cuda"] is None:
        why = f"{name} {found['version']} is built without CUDA, although there is a GPU ({cards})"
        return Verdict(
            False, f"{cannot}: {why}", f"Install a build of {name} with CUDA, or use the GPU image"
        )
    if driver.cuda is not None and _generation(driver.cuda) < _generation(found["cuda"]):
        why = f"it is built with CUDA {found['cuda']}, and the driver supports CUDA {driver.cuda} at most"
        return Verdict(False, f"{cannot}: {why}", f"Update the driver, or take an older image. {DOCTOR}")
    return Verdict(False, f"{cannot} ({cards}): {found['problem']}", DOCTOR)


def _generation(cuda: str) -> int:
    """Within one major version, drivers run later minor ones [CUDA compatibility guide]."""
    return int(cuda.split(".")[0])


def _bad(name: str, found: dict[str, Any], device: dict[str, Any]) -> Verdict | None:
    built, capability = found["architectures"], device["capability"]
    if built and fit(built, capability) is None:
        why = f"{device['name']} has compute capability {capability}, and its code is for {', '.join(built)}"
        return Verdict(
            False, f"{name} can't use the GPU: {why}", f"Install a build of {name} for this card. {DOCTOR}"
        )
    if device["problem"] is not None:
        return Verdict(False, f"{name} can't use the GPU: {device['name']}: {device['problem']}", DOCTOR)
    return None
