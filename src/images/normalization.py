"""Normalization of pixels; of 8 bits by table, so that every device gets the bits that a CPU computes."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

LEVELS = 256
LARGEST_LEVEL = 255


@dataclass(frozen=True)
class Normalization:
    """Per channel: what is subtracted from pixels in [0, 1], and what they are divided by then."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def apply(self, pixels: Tensor) -> Tensor:
        """(N, C, H, W) in [0, 1] -> the same shape and dtype, normalized."""
        mean = torch.tensor(self.mean, dtype=pixels.dtype, device=pixels.device)
        std = torch.tensor(self.std, dtype=pixels.dtype, device=pixels.device)
        return (pixels - mean[:, None, None]) / std[:, None, None]


# Of ImageNet's training images in RGB, as the published weights were trained [torchvision, resnet18 weights].
IMAGENET = Normalization(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))

Empty = Callable[..., Tensor]  # as torch.empty


class NormalizationTable:
    """The value of every level in every channel, (C, 256), as ToTensor and Normalize compute it.

    A GPU divides by a constant by multiplying with its reciprocal, which rounds differently: the table is
    made on the CPU, and the values are only looked up on the device.
    """

    def __init__(
        self, normalization: Normalization, device: str = "cpu", dtype: torch.dtype = torch.float32
    ) -> None:
        levels = torch.arange(LEVELS, dtype=torch.uint8).to(dtype).div(LARGEST_LEVEL)
        channels = len(normalization.mean)
        self.values = normalization.apply(levels.expand(1, channels, 1, LEVELS)).view(channels, LEVELS)
        self._flat = self.values.flatten().to(device)
        self._first = torch.arange(0, channels * LEVELS, LEVELS, dtype=torch.int32, device=device)

    def look_up(self, pixels: Tensor) -> Tensor:
        """(N, C, H, W) uint8 -> the same shape, normalized, contiguous, on the same device."""
        places = pixels.to(torch.int32, memory_format=torch.contiguous_format) + self._first[:, None, None]
        return self._flat.index_select(0, places.view(-1)).view(pixels.shape)

    def look_up_each(self, pixels: Tensor, rows: Tensor, empty: Empty = torch.empty) -> Tensor:
        """What `look_up(pixels[rows])` returns, for images on the CPU: faster, and without the copy.

        `empty` makes the tensor that is filled and returned.
        """
        normalized = empty((len(rows), *pixels.shape[1:]), dtype=self.values.dtype)
        levels, values, target = pixels.numpy(), self.values.numpy(), normalized.numpy()
        for place, row in enumerate(rows.tolist()):
            for channel, table in enumerate(values):
                # "clip" spares the check of bounds, which a byte can't leave.
                np.take(table, levels[row, channel], out=target[place, channel], mode="clip")
        return normalized
