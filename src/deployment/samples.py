"""What is predicted on: images from files, or the validation images of a built-in data set."""

import stat
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from src.command import printable
from src.failure import RequestError
from src.modelling.data import SOURCES, load
from src.modelling.model_file import Description

LARGEST_8_BIT = 255
LARGEST_16_BIT = 65535
MOST_PIXELS = 2 * (Image.MAX_IMAGE_PIXELS or 0)  # where Pillow refuses; it warns from half of that on


@dataclass(frozen=True)
class Sample:
    """One image as the model sees it: pixels (C, H, W), float64 in [0, 1]. An unknown label is None."""

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


def find_images(paths: Sequence[Path], ignore: Iterable[Path] = ()) -> list[Path]:
    """Files as they are named; of folders, everything below with an image's suffix, sorted.

    Raises RequestError when a path is not there or is no file (reading a pipe could take forever), or when
    there is no image.
    """
    ignored = {path.resolve() for path in ignore}
    found: list[Path] = []
    for path in paths:
        try:
            mode = path.stat().st_mode
        except FileNotFoundError as error:
            raise RequestError(f"Cannot read {path}: there is no such file or folder") from error
        except OSError as error:
            raise RequestError(f"Cannot read {path}: {error.strerror}") from error
        if stat.S_ISDIR(mode):
            found += [image for image in _images_below(path) if image.resolve() not in ignored]
        elif stat.S_ISREG(mode):
            found.append(path)
        else:
            raise RequestError(f"Cannot read {path}: it must be a file or a folder, but is a pipe or device")
    if not found:
        raise RequestError(f"Cannot find images: {', '.join(map(str, paths))} holds no image file")
    return found


def _images_below(folder: Path) -> list[Path]:
    suffixes = Image.registered_extensions()
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in suffixes and not _hidden(path.relative_to(folder)) and path.is_file()
    )


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def read_samples(paths: Iterable[Path], description: Description) -> Iterator[Sample | Unreadable]:
    """Reads one image at a time. A folder named like a class labels the images in it."""
    for path in paths:
        name, label = printable(str(path)), printable(path.resolve().parent.name)
        try:
            pixels = read_image(path, description.image_shape)
        except UnidentifiedImageError:
            yield Unreadable(name, "not an image that can be read")
        except Image.DecompressionBombError:
            yield Unreadable(name, f"too large: it must have at most {MOST_PIXELS:,} pixels")
        except (OSError, ValueError, SyntaxError) as error:
            yield Unreadable(name, printable(str(error)))
        else:
            yield Sample(name, pixels, label if label in description.classes else None)


def read_image(path: Path, shape: tuple[int, int, int]) -> Tensor:
    """An image file as (C, H, W), float64 in [0, 1]: made grey or RGB, and resized, as the model needs.

    Transparent parts become black, which is the background of the digits.
    """
    channels, height, width = shape
    with _no_warnings(), Image.open(path) as image:
        if image.mode.startswith("I") or image.mode == "F":
            plane = _resized_16_bit(image, (width, height))
            return torch.from_numpy(np.stack([plane] * channels))
        flat = _without_transparency(image).convert("L" if channels == 1 else "RGB")
    levels = np.asarray(flat.resize((width, height), Image.Resampling.BILINEAR), dtype=np.float64)
    return torch.from_numpy(levels.reshape(height, width, channels) / LARGEST_8_BIT).movedim(2, 0)


@contextmanager
def _no_warnings() -> Iterator[None]:
    """Pillow warns of large images and odd metadata, with a line of code; the image is used nevertheless."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _without_transparency(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image
    pixels = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", pixels.size, "black"), pixels)


def _resized_16_bit(image: Image.Image, size: tuple[int, int]) -> np.ndarray:
    """Grey levels of 16 bits as (H, W) in [0, 1]. Converting them to 8 bits would cut off all above 255."""
    levels = np.asarray(image, dtype=np.float64)
    if image.mode == "F" or levels.min() < 0 or levels.max() > LARGEST_16_BIT:
        raise ValueError("its levels must be whole numbers of 8 or 16 bits")
    scaled = Image.fromarray((levels / LARGEST_16_BIT).astype(np.float32))
    return np.asarray(scaled.resize(size, Image.Resampling.BILINEAR), dtype=np.float64)
