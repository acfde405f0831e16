"""Image data sets with a fixed split.

Each source is one function that returns a `Split`. The digits come inside scikit-learn's wheel, so that
nothing is downloaded; a folder of images is a further function that fills the same dataclass.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from src.common.failure import UnavailableError
from src.images.normalization import Normalization

SPLIT_SEED = 23
DIGITS_LEVELS = 16
DIGITS_VALIDATION = 360


@dataclass(frozen=True)
class Images:
    """Labelled images: pixels (N, C, H, W), float64 in [0, 1]; labels (N,), int64.

    `index` (N,), int64, is each image's place in its source, so that a prediction can be traced back.
    """

    pixels: Tensor
    labels: Tensor
    index: Tensor

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Split:
    """A data set in two parts. The normalization is that of the training part."""

    source: str
    classes: tuple[str, ...]
    training: Images
    validation: Images
    normalization: Normalization

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(channels, height, width)."""
        channels, height, width = self.training.pixels.shape[1:]
        return channels, height, width


def digits() -> Split:
    """1,797 handwritten digits of 8x8 grey pixels: 1,437 for training, 360 for validation.

    From the UCI "Optical Recognition of Handwritten Digits" test set (Alpaydin and Kaynak 1998).
    """
    rows = np.loadtxt(_in_scikit_learn("datasets/data/digits.csv.gz"), delimiter=",")  # 64 pixels and a label
    pixels = torch.from_numpy(rows[:, :-1].reshape(-1, 1, 8, 8)) / DIGITS_LEVELS
    labels = torch.from_numpy(rows[:, -1].astype(np.int64))
    training, validation = split_indices(len(labels), DIGITS_VALIDATION)
    return Split(
        source="digits",
        classes=tuple(str(digit) for digit in range(10)),
        training=Images(pixels[training], labels[training], training),
        validation=Images(pixels[validation], labels[validation], validation),
        normalization=measure(pixels[training]),
    )


def _in_scikit_learn(file: str) -> Path:
    """A file of the installed package, whose import takes a second. Raises UnavailableError."""
    package = find_spec("sklearn")
    if package is None or package.origin is None:
        raise UnavailableError("Cannot load the digits: scikit-learn, which holds them, is not installed")
    return Path(package.origin).parent / file


SOURCES: dict[str, Callable[[], Split]] = {"digits": digits}


def load(source: str) -> Split:
    """The data set of this name. Raises ValueError with the names there are."""
    if source not in SOURCES:
        choices = ", ".join(sorted(SOURCES))
        raise ValueError(f'Cannot load data: source must be one of {choices}, current value is "{source}"')
    return SOURCES[source]()


def split_indices(total: int, validation: int, seed: int = SPLIT_SEED) -> tuple[Tensor, Tensor]:
    """Training and validation indices, each sorted; the same on every machine and in every run.

    RandomState is used because numpy promises never to change its stream, unlike the newer Generator's.
    """
    order = torch.from_numpy(np.random.RandomState(seed).permutation(total).astype(np.int64))
    return order[validation:].sort().values, order[:validation].sort().values


def measure(pixels: Tensor) -> Normalization:
    """Mean and standard deviation per channel, to 4 decimals: rounding makes them equal on all machines."""
    channels = pixels.transpose(0, 1).flatten(1)
    mean = [round(value, 4) for value in channels.mean(1).tolist()]
    std = [round(value, 4) for value in channels.std(1, correction=0).tolist()]
    return Normalization(tuple(mean), tuple(std))
