"""Pillow's bilinear resize in PyTorch, on any device, bit for bit.

Pillow resizes images of 8 bits with whole numbers [Pillow, src/libImaging/Resample.c]: weights with 22
fractional bits, first along rows, then along columns, each rounded to 8 bits. Whole numbers add up to the
same sum in whatever order, so that a GPU gets exactly what Pillow gets; `F.interpolate` is off by up to two
levels.
"""

from functools import cache, reduce
from operator import add

import torch
from torch import Tensor

FRACTIONAL_BITS = 32 - 8 - 2
ONE = 1 << FRACTIONAL_BITS
HALF = ONE >> 1


def resize_exact(pixels: Tensor, size: tuple[int, int]) -> Tensor:
    """(N, C, H, W) uint8 -> (N, C, *size) uint8: what Pillow's `resize` with BILINEAR makes of each image.

    Needs 8 bytes for each channel of each resized pixel while it works. Raises ValueError for images that
    lose height, unless from square to square: there Pillow 13 takes columns before rows if it likes.
    """
    height, width = size
    squares = pixels.shape[-2] == pixels.shape[-1] and height == width
    if height < pixels.shape[-2] and not squares:
        raise ValueError(
            "Cannot resize exactly: images must not lose height, "
            f"current sizes are {tuple(pixels.shape[-2:])} and {size}"
        )
    return _resize(_resize(pixels, -1, width), -2, height)


def _resize(pixels: Tensor, dimension: int, size: int) -> Tensor:
    if pixels.shape[dimension] == size:
        return pixels
    taps = _taps(pixels.shape[dimension], size)
    along = (-1,) if dimension == -1 else (-1, 1)
    wide = pixels.to(torch.int32)
    total: Tensor | int = HALF
    for places, weights in taps:
        picked = wide.index_select(dimension, torch.tensor(places, device=pixels.device))
        picked *= torch.tensor(weights, dtype=torch.int32, device=pixels.device).view(along)
        picked += total
        total = picked
    assert isinstance(total, Tensor)  # there is at least one tap
    return total.bitwise_right_shift_(FRACTIONAL_BITS).to(torch.uint8)


@cache
def _taps(source: int, size: int) -> tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]:
    """For each tap of the filter: which source pixel each target pixel takes, and with what weight."""
    windows = [_window(place, source, size) for place in range(size)]
    return tuple(
        (
            tuple(min(first + tap, source - 1) for first, _ in windows),
            tuple(weights[tap] if tap < len(weights) else 0 for _, weights in windows),
        )
        for tap in range(max(len(weights) for _, weights in windows))
    )


def _window(place: int, source: int, size: int) -> tuple[int, list[int]]:
    """The first source pixel that counts for a target pixel, and the weights from there on."""
    scale = source / size
    reach = max(scale, 1.0)  # of the filter on either side: a triangle, wider where the image shrinks
    centre = (place + 0.5) * scale
    first = max(int(centre - reach + 0.5), 0)
    end = min(int(centre + reach + 0.5), source)
    triangle = [max(1.0 - abs((pixel - centre + 0.5) * (1.0 / reach)), 0.0) for pixel in range(first, end)]
    total = reduce(add, triangle)  # `sum` compensates rounding errors from Python 3.12 on, Pillow doesn't
    weights = [int(0.5 + value / total * ONE) for value in triangle]
    while weights[-1] == 0:
        weights.pop()
    return first, weights
