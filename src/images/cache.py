"""Images decoded once, and kept for all later epochs and runs."""

import hashlib
import itertools
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from src.common.failure import RequestError, UnavailableError
from src.images.decoding import Decoded, Progress, decode_all, decoder, digests
from src.images.image_folder import ImageFolder
from src.images.pixel_file import Damaged, read_pixels, write_pixels

FORMAT = 1  # of what is cached, for a change that neither Pillow's version nor the files' content would show


@dataclass(frozen=True)
class DecodedImages:
    """Levels (N, 3, H, W), uint8, mapped from `path` and so not in anonymous memory; labels (N,), int64.

    Channels come first, as models take them: a batch is then copied image by image, without a transposition.
    """

    pixels: Tensor
    labels: Tensor
    path: Path

    def __len__(self) -> int:
        return len(self.labels)


def open_images(
    folder: ImageFolder,
    indices: Sequence[int] | np.ndarray,
    cache: Path,
    size: int | None = None,
    report: Callable[[str], None] = lambda line: None,
    progress: Progress = lambda done, total: None,
) -> DecodedImages:
    """The images at these places of the folder, in this order; resized to `size` x `size`, or as they are.

    What the folder `cache` holds of these very bytes, decoded by these very versions, is used after a check
    of every pixel; a damaged file there is reported and made again. Raises RequestError naming all files that
    can't be decoded, MixedSizes if there is no `size` and theirs differ, and UnavailableError.
    """
    paths = folder.paths(indices)
    if not paths:
        raise ValueError("Cannot open images: there must be at least one")
    contents = digests(paths)
    key = _key(contents, size)
    path = cache / f"{size or 'source'}-{key[:32]}.pixels"
    pixels = _read(path, key, report)
    if pixels is None:
        report(f"Decoding {len(paths):,} images into {path}")
        _make(path, key, decode_all(paths, size, progress), contents)
        pixels = read_pixels(path, key)
    labels = torch.from_numpy(folder.labels[np.asarray(indices)])
    return DecodedImages(torch.from_numpy(pixels), labels, path)


def _key(contents: Iterable[bytes], size: int | None) -> str:
    made_by = f"format {FORMAT}, {decoder()}, size {size}\n"
    return hashlib.sha256(made_by.encode() + b"".join(contents)).hexdigest()


def _read(path: Path, key: str, report: Callable[[str], None]) -> np.ndarray | None:
    try:
        return read_pixels(path, key)
    except FileNotFoundError:
        return None
    except (Damaged, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        report(f"Cannot use {path}: {reason}. It is made again")
        return None


def _make(path: Path, key: str, images: Iterator[Decoded], contents: Sequence[bytes]) -> None:
    first = next(images)
    shape = (len(contents), 3, first.height, first.width)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _require_space(path.parent, int(np.prod(shape)))
        unchanged = _unchanged(itertools.chain([first], images), contents)
        write_pixels(path, key, unchanged, shape)
    except OSError as error:
        raise UnavailableError(
            f"Cannot keep decoded images in {path.parent}: {error.strerror}. Name another --cache"
        ) from error


def _require_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise UnavailableError(
            f"Cannot keep decoded images in {folder}: {needed / 1e6:,.0f} MB are needed, "
            f"{free / 1e6:,.0f} MB are free. Make space, or name another --cache"
        )


def _unchanged(images: Iterable[Decoded], contents: Sequence[bytes]) -> Iterator[bytes]:
    """The levels; the files are read for the key and again here, and must not have changed between."""
    for image, digest in zip(images, contents, strict=True):
        if image.digest != digest:
            raise RequestError(f"Cannot decode {image.path}: it changed while it was read. Start again")
        yield image.levels
