"""A run beside the public runs of the published experiment, counted in images."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from src.modelling.eurosat.settings import FinetuneSettings

IMAGES = {"training": 2160, "validation": 540}  # of the published experiment


@dataclass(frozen=True)
class PublicRun:
    """`accuracy` in percent by part and epoch; `name` is that of the folder it was read from."""

    name: str
    accuracy: dict[str, tuple[float, ...]]


def read_public_runs(folder: Path) -> list[PublicRun]:
    """The runs in `folder`/NAME/train/history.csv, sorted by name."""
    return [_read(path) for path in sorted(folder.glob("*/train/history.csv"))]


def _read(path: Path) -> PublicRun:
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    accuracy = {part: tuple(float(row[f"{part}_accuracy"]) for row in rows) for part in IMAGES}
    return PublicRun(path.parents[1].name, accuracy)


def incomparable(metrics: dict[str, Any]) -> str | None:
    """Why a run can't be held against the public ones, as a phrase after "because"; None if it can."""
    recipe, settings = FinetuneSettings(), metrics["settings"]
    changed = [
        f"{name} is {settings[name]} and not {getattr(recipe, name)}"
        for name in ("mode", "seed", "learning_rate", "batch_size")
        if settings[name] != getattr(recipe, name)
    ]
    changed += [
        f"it has {metrics[f'{part}_total']:,} {part} images and not {total:,}"
        for part, total in IMAGES.items()
        if metrics[f"{part}_total"] != total
    ]
    return ", ".join(changed) or None


def departures(correct: Sequence[int], accuracy: Sequence[float], total: int) -> list[int]:
    """By how many correct images a run is off from percentages of `total`, as far as both go."""
    return [
        round(ours - round(theirs * total / 100)) for ours, theirs in zip(correct, accuracy, strict=False)
    ]


def epoch_rows(metrics: dict[str, Any], runs: Sequence[PublicRun], part: str) -> list[list[object]]:
    """For each epoch: its number, accuracy and correct images; then each run's accuracy and the departure."""
    comparable = incomparable(metrics) is None
    columns = [_cells(metrics, run, part, comparable) for run in runs]
    own = zip(metrics[f"{part}_accuracy"], metrics[f"{part}_correct"], strict=True)
    return [
        [epoch + 1, f"{accuracy:.2f}", correct, *(column[epoch] for column in columns)]
        for epoch, (accuracy, correct) in enumerate(own)
    ]


def _cells(metrics: dict[str, Any], run: PublicRun, part: str, comparable: bool) -> list[str | None]:
    """A cell for each epoch: "22.08 (−1)" where one image less is correct here; None beyond the end."""
    accuracy = run.accuracy[part]
    off = departures(metrics[f"{part}_correct"], accuracy, IMAGES[part])
    shown = [
        f"{theirs:.2f}" + (f" ({signed(count)})" if comparable else "")
        for theirs, count in zip(accuracy, off, strict=False)
    ]
    return [*shown, *[None] * (metrics["epochs"] - len(shown))]


def signed(count: int) -> str:
    """+2, 0, −1."""
    return f"{count:+d}".replace("-", "−") if count else "0"
