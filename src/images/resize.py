"""Pillow's bilinear resize in PyTorch, on any device, bit for bit.

Pillow resizes images of 8 bits with integers [Pillow, src/libImaging/Resample.c]: weights with 22 fractional
bits, first along rows, then along columns, each rounded to 8 bits. Integers add up to the same sum in whatever
order, so that a GPU gets exactly what Pillow gets; `F.interpolate` is off by up to two levels.
"""

from functools import cache
from math import ceil

import torch
from torch import Tensor

FRACTIONAL_BITS = 32 - 8 - 2
ONE = 1 << FRACTIONAL_BITS
HALF = ONE >> 1
REACH = 1.0  # of the bilinear filter, in source pixels, on either side


def resize_exact(images: Tensor, size: tuple[int, int]) -> Tensor:
    """(N, C, H, W) uint8 -> (N, C, *size) uint8: what `Image.resize` with BILINEAR makes of each image.

    Works in int32: needs 8 bytes per resized pixel and channel beside the result.
    """
    height, width = size
    return _resize_last(_resize_last(images, width).mT, height).mT


def _resize_last(images: Tensor, size: int) -> Tensor:
    ...
