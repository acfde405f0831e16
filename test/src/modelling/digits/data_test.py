"""The data sets and their fixed split."""

import pytest
import torch

from src.common.failure import UnavailableError
from src.modelling.digits.data import SOURCES, Images, Split, digits, load, measure, split_indices


def test_digits_are_split_into_1437_and_360_images() -> None:
    split = digits()
    assert (len(split.training), len(split.validation)) == (1437, 360)
    assert split.image_shape == (1, 8, 8)
    assert split.classes == tuple("0123456789")


def test_the_digits_are_those_that_scikit_learn_loads() -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    loaded, split = datasets.load_digits(), digits()
    for part in (split.training, split.validation):
        assert torch.equal(part.pixels, torch.from_numpy(loaded.images).unsqueeze(1)[part.index] / 16)
        assert torch.equal(part.labels, torch.from_numpy(loaded.target)[part.index])
    assert split.classes == tuple(map(str, loaded.target_names))


def test_without_scikit_learn_it_is_said_what_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("src.modelling.digits.data.find_spec", lambda _: None)
    with pytest.raises(UnavailableError, match="scikit-learn, which holds them, is not installed"):
        digits()


def test_every_digit_is_in_exactly_one_part() -> None:
    split = digits()
    both = torch.cat([split.training.index, split.validation.index])
    assert torch.equal(both.sort().values, torch.arange(1797))


def test_the_split_is_the_published_one() -> None:
    training, validation = split_indices(1797, 360)
    assert training[:6].tolist() == [0, 1, 3, 4, 5, 6]
    assert validation[:6].tolist() == [2, 18, 19, 25, 26, 28]
    assert int((validation * torch.arange(1, 361)).sum()) == 77_759_435


def test_the_split_depends_on_no_global_generator() -> None:
    torch.manual_seed(1)
    first = split_indices(1797, 360)[1]
    torch.manual_seed(2)
    assert torch.equal(first, split_indices(1797, 360)[1])


def test_pixels_are_float64_from_0_to_1() -> None:
    pixels = digits().training.pixels
    assert pixels.dtype == torch.float64
    assert (pixels.min(), pixels.max()) == (0, 1)


def test_normalized_training_pixels_have_mean_0_and_deviation_1() -> None:
    split = digits()
    normalized = split.normalization.apply(split.training.pixels)
    assert normalized.mean().abs() < 1e-3
    assert (normalized.std() - 1).abs() < 1e-3


def test_normalization_is_measured_for_each_channel() -> None:
    pixels = torch.stack([torch.zeros(4, 4), torch.ones(4, 4), torch.eye(4)]).repeat(2, 1, 1, 1)
    assert measure(pixels).mean == (0.0, 1.0, 0.25)
    assert measure(pixels).std == (0.0, 0.0, 0.433)


def test_an_unknown_source_is_refused_with_the_choices() -> None:
    with pytest.raises(ValueError, match='source must be one of digits, current value is "digit"'):
        load("digit")


def test_another_source_is_one_more_function(monkeypatch: pytest.MonkeyPatch) -> None:
    part = Images(torch.rand(4, 3, 16, 16, dtype=torch.float64), torch.arange(4), torch.arange(4))
    colours = Split("colours", ("a", "b", "c", "d"), part, part, measure(part.pixels))
    monkeypatch.setitem(SOURCES, "colours", lambda: colours)
    assert load("colours").image_shape == (3, 16, 16)
