"""What is predicted on: images from files, or the validation images of a built-in data set."""

import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from src.common.command import printable
from src.common.failure import RequestError
from src.deployment.reading import read_ahead
from src.modelling.digits.data import SOURCES, load
from src.modelling.model_file import Description

AHEAD_BYTES = 128 * 2**20  # of images that wait for the model
LARGEST_8_BIT = 255
LARGEST_16_BIT = 65535
MOST_PIXELS = 2 * (Image.MAX_IMAGE_PIXELS or 0)  # where Pillow refuses; it warns from half of that on


@dataclass(frozen=True)
class Sample:
    """One image as the model sees it. An unknown label is None.

    Pixels are (C, H, W): uint8 if it comes from a file, float64 in [0, 1] if from a built-in data set.
    """

    name: str
    pixels: Tensor
    label: str | None


@dataclass(frozen=True)
class Unreadable:
    """An image file that could not be used, and why."""

    name: str
    reason: str


def validation_samples(description: Description) -> Iterator[Sample]:
    """The validation images of the data set that the model was trained on, if it is a built-in one."""
    if description.source not in SOURCES:
        raise RequestError(
            f"Cannot choose images: the model was trained on {description.source}, which is not built in. "
            "Name image files or a folder"
        )
    split = load(description.source)
    rows = split.validation
    for pixels, label, index in zip(rows.pixels, rows.labels.tolist(), rows.index.tolist(), strict=True):
        yield Sample(str(index), pixels, split.classes[label])


def read_samples(paths: Sequence[Path], description: Description) -> Iterator[Sample | Unreadable]:
    """Reads images ahead of their use. A folder named like a class labels the images in it."""
    shape, classes = description.image_shape, frozenset(description.classes)
    with warnings.catch_warnings():
        # Pillow warns of large images and odd metadata, with a line of code; the image is used nevertheless.
        # Here, and not where it is opened: filters are the whole process's, and threads would mix them up.
        warnings.filterwarnings("ignore", module=r"PIL\.")
        Image.init()  # which threads must not do at the same time
        yield from read_ahead(paths, partial(_read_sample, shape=shape, classes=classes), _ahead(shape))


def _ahead(shape: tuple[int, int, int]) -> int:
    return max(1, AHEAD_BYTES // math.prod(shape))


def _read_sample(path: Path, shape: tuple[int, int, int], classes: frozenset[str]) -> Sample | Unreadable:
    name, label = printable(str(path)), printable(path.absolute().parent.name)
    try:
        return Sample(name, read_image(path, shape), label if label in classes else None)
    except UnidentifiedImageError:
        return Unreadable(name, "not an image that can be read")
    except Image.DecompressionBombError:
        return Unreadable(name, f"too large: it must have at most {MOST_PIXELS:,} pixels")
    except MemoryError:
        return Unreadable(name, "too large for the memory that is free")
    except (OSError, ValueError, SyntaxError) as error:
        return Unreadable(name, printable(str(error)))


def read_image(path: Path, shape: tuple[int, int, int]) -> Tensor:
    """An image file as (C, H, W), uint8: made grey or RGB, and resized, as the model needs.

    RGB of 8 bits has the levels that `src.images.decoding` makes for training. In grey, transparent parts
    become black, which is the background of the digits.
    """
    channels, height, width = shape
    with Image.open(path) as image:
        if image.mode.startswith("I") or image.mode == "F":
            plane = _resized_16_bit(image, (width, height))
            return torch.from_numpy(np.stack([plane] * channels))
        flat = image.convert("RGB") if channels == 3 else _on_black(image).convert("L")
    levels = np.asarray(flat.resize((width, height), Image.Resampling.BILINEAR))
    # Copied, for PyTorch wants memory that may be written to, and a model wants channels first.
    return torch.from_numpy(np.array(levels.reshape(height, width, channels).transpose(2, 0, 1), order="C"))


def _on_black(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image
    pixels = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", pixels.size, "black"), pixels)


def _resized_16_bit(image: Image.Image, size: tuple[int, int]) -> np.ndarray:
    """Grey levels of 16 bits as (H, W), uint8. Pillow's own conversion would cut off all above 255."""
    levels = np.asarray(image, dtype=np.float64)
    if image.mode == "F" or levels.min() < 0 or levels.max() > LARGEST_16_BIT:
        raise ValueError("its levels must be whole numbers of 8 or 16 bits")
    scaled = Image.fromarray((levels / LARGEST_16_BIT * LARGEST_8_BIT).astype(np.float32))
    return np.asarray(scaled.resize(size, Image.Resampling.BILINEAR)).round().astype(np.uint8)
