"""The committed measurement of the spread: it belongs to the shipped recipe and bears out its claim."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import torch

from bench.spread import Variation, _add_noise, _add_one_ulp, compared, summary, variations
from src.common.files import sha256
from src.modelling.digits.settings import DigitsSettings

ROOT = Path(__file__).resolve().parents[2]
DEPLOYED = ROOT / "src" / "deployment" / "model.safetensors"


@pytest.fixture(scope="module")
def published() -> dict[str, Any]:
    return json.loads((ROOT / "published" / "spread.json").read_text())


def _last_counts(published: dict[str, Any], groups: Iterable[str]) -> list[int]:
    return [row["last_epoch_correct"] for row in published["runs"] if row["group"] in groups]


def test_the_spread_was_measured_with_the_shipped_recipe(published: dict[str, Any]) -> None:
    assert published["settings"] == DigitsSettings().as_dict()
    assert [row["variation"] for row in published["runs"]] == [v.name for v in variations()]


def test_the_deployed_model_is_the_published_recipes(published: dict[str, Any]) -> None:
    assert sha256(DEPLOYED) == published["runs"][0]["weights_sha256"]


def test_every_seed_reaches_98_5_percent(published: dict[str, Any]) -> None:
    counts = _last_counts(published, ["seeds"])
    assert len(counts) == 10
    assert min(counts) / published["validation_total"] >= 0.985


def test_no_machine_variation_moves_the_claim_by_more_than_one_image(published: dict[str, Any]) -> None:
    counts = _last_counts(published, ["machine"])
    assert max(counts) - counts[0] <= 1
    assert counts[0] - min(counts) <= 1


def test_a_row_counts_images_more_or_less_than_the_reference() -> None:
    reference = {"training_correct": [5, 8], "validation_correct": [3, 4], "weights_sha256": "a"}
    found = {"training_correct": [9, 8], "validation_correct": [1, 5], "weights_sha256": "b"}
    row = compared(Variation("other", "machine"), found, reference)
    assert row["validation_difference_last_epoch"] == 1
    assert row["validation_difference_largest"] == -2
    assert row["training_difference_largest"] == 4
    assert not row["same_weights"]
    assert summary([row])["machine"]["validation_difference_largest"] == 2


def test_one_ulp_moves_one_element_to_the_next_number() -> None:
    weight = torch.nn.Parameter(torch.ones(3, 2, dtype=torch.float64))
    _add_one_ulp(weight)
    assert (weight[0, 0] - 1).item() == 2**-52
    assert (weight == 1).sum() == 5


def test_noise_moves_every_element_by_at_most_its_share() -> None:
    weight = torch.nn.Parameter(torch.full((100,), 2.0, dtype=torch.float64))
    _add_noise([weight], 1e-6)
    departure = (weight.detach() / 2 - 1).abs()
    assert 0 < departure.min() < departure.max() <= 1e-6
