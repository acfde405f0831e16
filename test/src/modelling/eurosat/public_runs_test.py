"""The public runs, and how a run is checked against them."""

from pathlib import Path
from typing import Any

import pytest

from src.modelling.eurosat.public_runs import (
    IMAGES,
    departures,
    epoch_rows,
    incomparable,
    read_public_runs,
    signed,
)
from src.modelling.eurosat.settings import FinetuneSettings

FOLDER = Path(__file__).resolve().parents[4] / "experiments" / "eurosat" / "published"
RUNS = {run.name: run for run in read_public_runs(FOLDER)}


def as_if_run_here(name: str, **changed: Any) -> dict[str, Any]:
    """The metrics of a run here that came out as a public one did."""
    metrics: dict[str, Any] = {"epochs": 10, "settings": FinetuneSettings(**changed).as_dict()}
    for part, total in IMAGES.items():
        metrics[f"{part}_total"] = total
        metrics[f"{part}_accuracy"] = list(RUNS[name].accuracy[part])
        metrics[f"{part}_correct"] = [round(value * total / 100) for value in RUNS[name].accuracy[part]]
    return metrics


@pytest.mark.parametrize(
    ("name", "part", "off"),
    [
        ("first", "training", [0] * 10),
        ("second", "training", [1, 0, 1, 0, -1, 0, 1, 0, 0, 0]),
        ("second", "validation", [0] * 10),
        ("third", "training", [-1, 1, 0, 0, -2, -1, 0, 1, -1, 0]),
        ("third", "validation", [0, 0, 0, 0, 0, 0, 0, 1, 0, 0]),
    ],
)
def test_the_public_runs_depart_from_the_table_by_the_images_that_are_known(
    name: str, part: str, off: list[int]
) -> None:
    correct = as_if_run_here(name)[f"{part}_correct"]
    assert departures(correct, RUNS["first"].accuracy[part], IMAGES[part]) == off


def test_every_epoch_stands_beside_all_public_runs() -> None:
    rows = epoch_rows(as_if_run_here("third"), list(RUNS.values()), "training")
    assert len(rows) == 10
    assert rows[0] == [1, "21.99", 475, "22.04 (−1)", "22.08 (−2)", "21.99 (0)"]
    assert rows[4] == [5, "84.72", 1830, "84.81 (−2)", "84.77 (−1)", "84.72 (0)"]


def test_an_epoch_beyond_those_published_has_nothing_beside_it() -> None:
    metrics = as_if_run_here("first")
    metrics["epochs"] = 11
    for part in IMAGES:
        metrics[f"{part}_accuracy"].append(90.0)
        metrics[f"{part}_correct"].append(1)
    assert epoch_rows(metrics, list(RUNS.values()), "training")[10] == [11, "90.00", 1, None, None, None]


@pytest.mark.parametrize(
    ("changed", "totals", "reason"),
    [
        ({}, {}, None),
        ({"epochs": 3}, {}, None),
        ({"mode": "features"}, {}, "mode is features and not exact"),
        ({"seed": 7}, {}, "seed is 7 and not 23"),
        ({"batch_size": 8}, {}, "batch_size is 8 and not 256"),
        ({}, {"training_total": 24}, "it has 24 training images and not 2,160"),
    ],
)
def test_only_the_published_experiment_is_held_against_the_public_runs(
    changed: dict[str, Any], totals: dict[str, int], reason: str | None
) -> None:
    metrics = as_if_run_here("first", **changed) | totals
    assert incomparable(metrics) == reason
    cell = epoch_rows(metrics, [RUNS["first"]], "training")[0][3]
    assert cell == ("22.04 (0)" if reason is None else "22.04")


def test_departures_carry_their_sign() -> None:
    assert [signed(count) for count in (2, 0, -1)] == ["+2", "0", "−1"]
