"""One part of the figures, in a process of its own; figures.py starts it.

What is known is written to FOLDER/PART.json as soon as it is, so that it stays when the part is stopped.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from experiments.gpu.device import describe, forward
from experiments.gpu.trainings import Workplace, first_batch, train, train_as_published, warm_up
from src.common.files import write_json

Save = Callable[[dict[str, Any]], None]


def peak(place: Workplace, seconds: float, save: Save) -> None:
    """What the device can do."""
    device = describe(place.device)
    save(device)
    save({**device, "forward": forward(place.device)})


def exact(place: Workplace, seconds: float, save: Save) -> None:
    """The whole training with an empty cache, and again with what that has cached."""
    framework = warm_up(place)
    first = train(place, "eurosat", "exact", "exact_first")
    save({"first": first})
    again = train(place, "eurosat", "exact", "exact")
    most = max(first["peak_anonymous_bytes"] or 0, again["peak_anonymous_bytes"] or 0)
    beyond = None if framework is None else max(0, most - framework)
    save({"first": first, "again": again, "anonymous_bytes_beyond_the_framework": beyond})


def published(place: Workplace, seconds: float, save: Save) -> None:
    warm_up(place)
    train_as_published(place, seconds, place.folder / "exact" / "model.safetensors", save)


def features(place: Workplace, seconds: float, save: Save) -> None:
    """The first batch of a process that finds the images in the cache; then feature mode."""
    batch = {"first_batch_seconds": first_batch(place)}
    save(batch)
    warm_up(place)
    save({**batch, "again": train(place, "eurosat", "features", "features")})


def digits(place: Workplace, seconds: float, save: Save) -> None:
    """Both modes on another data set."""
    warm_up(place)
    result: dict[str, Any] = {}
    for mode in ("exact", "features"):
        result[mode] = train(place, "digits", mode, f"digits_{mode}")
        save(result)


PARTS: dict[str, Callable[[Workplace, float, Save], None]] = {
    "peak": peak,
    "exact": exact,
    "published": published,
    "features": features,
    "digits": digits,
}


def main() -> None:
    parser = argparse.ArgumentParser(description="One part of the GPU figures; figures.py starts it.")
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--device", choices=("cuda", "cpu"), required=True)
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True, help="that are left")
    options = parser.parse_args()
    place = Workplace(options.folder, options.device, options.epochs)
    PARTS[options.part](
        place, options.seconds, lambda result: write_json(place.folder / f"{options.part}.json", result)
    )


if __name__ == "__main__":
    main()
