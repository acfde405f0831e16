"""Batches of normalized images on the device that a model is on."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from src.images.cache import DecodedImages, open_images
from src.images.decoding import MixedSizes, Progress
from src.images.image_folder import ImageFolder
from src.images.normalization import IMAGENET, Normalization, NormalizationTable
from src.images.resize import resize_exact
from src.images.reused_memory import ReusedMemory

EDGE = 224  # pixels of the images that ImageNet's networks are trained on
HELD = 2**30  # bytes of resized images that a device holds; above, each batch is resized anew
RESIZED_AT_ONCE = 256


class Batches:
    """Images as float32 (n, 3, size, size), the same bits on every device, whatever `images` were kept as.

    On the CPU, batches are made from the mapped file. Another device holds the images as uint8, and nothing
    but row numbers travels after that: resized, where all together take less than `HELD`.
    """

    def __init__(
        self,
        images: DecodedImages,
        size: int = EDGE,
        normalization: Normalization = IMAGENET,
        device: str = "cpu",
    ) -> None:
        self.size = (size, size)
        self.device = device
        self.labels = images.labels.to(device)
        self._table = NormalizationTable(normalization, device)
        self._memory = ReusedMemory()
        self._images = images.pixels if device == "cpu" else hold(images.pixels, self.size, device)

    def __len__(self) -> int:
        return len(self.labels)

    def pixels(self, rows: Tensor) -> Tensor:
        """The resized images of these rows, uint8 (n, 3, size, size), on the device."""
        return resize_exact(self._select(rows), self.size)

    def batch(self, rows: Tensor) -> Tensor:
        """The images of these rows, normalized: float32 (n, 3, size, size), on the device, contiguous."""
        if self.device == "cpu" and self._images.shape[-2:] == self.size:
            return self._table.look_up_each(self._images, rows, self._memory.empty)
        return self._table.look_up(self.pixels(rows))

    def _select(self, rows: Tensor) -> Tensor:
        if self.device != "cpu":
            return self._images.index_select(0, rows.to(self.device))
        selected = self._memory.empty((len(rows), *self._images.shape[1:]), torch.uint8)
        return torch.index_select(self._images, 0, rows, out=selected)


def hold(pixels: Tensor, size: tuple[int, int], device: str) -> Tensor:
    """The images on the device, resized once for all epochs where there is room for that."""
    there = pixels.to(device)
    if len(pixels) * pixels.shape[1] * size[0] * size[1] > HELD:
        return there
    resized = torch.empty((*pixels.shape[:2], *size), dtype=torch.uint8, device=device)
    for share, target in zip(there.split(RESIZED_AT_ONCE), resized.split(RESIZED_AT_ONCE), strict=True):
        target.copy_(resize_exact(share, size))
    return resized


def open_batches(
    folder: ImageFolder,
    indices: Sequence[int] | np.ndarray,
    cache: Path,
    size: int = EDGE,
    normalization: Normalization = IMAGENET,
    device: str = "cpu",
    report: Callable[[str], None] = lambda line: None,
    progress: Progress = lambda done, total: None,
) -> Batches:
    """The images at these places of the folder, kept in `cache` as suits the device.

    Raises what `open_images` raises.
    """
    images = None
    if device != "cpu" and _enlarged(folder, indices, size):
        with suppress(MixedSizes):
            images = open_images(folder, indices, cache, None, report, progress)
    images = images or open_images(folder, indices, cache, size, report, progress)
    return Batches(images, size, normalization, device)


def _enlarged(folder: ImageFolder, indices: Sequence[int] | np.ndarray, size: int) -> bool:
    """Whether the first image grows, so that it is less to keep and to send before it is resized."""
    try:
        with Image.open(folder.paths(indices[:1])[0]) as image:
            return max(image.size) <= size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return False  # decoding will say why
