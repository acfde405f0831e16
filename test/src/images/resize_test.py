"""The resize in PyTorch makes exactly what Pillow makes."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from src.images.resize import resize_exact

LARGER = [(64, 224), (1, 5), (2, 3), (7, 224), (63, 64), (64, 65), (64, 127), (100, 224), (223, 224)]
SMALLER = [(224, 64), (225, 224), (300, 224), (256, 224), (97, 13), (5, 1), (1000, 3), (128, 64)]
SQUARE = [((source, source), (size, size)) for source, size in LARGER + SMALLER]
OBLONG = [
    ((64, 48), (224, 224)),
    ((37, 100), (224, 224)),
    ((5, 300), (11, 7)),
    ((9, 9), (9, 30)),
    ((1, 9), (7, 1)),
]


def images(height: int, width: int) -> Tensor:
    """(4, 3, height, width): noise, black, white, and black beside white, where sums are largest."""
    random = np.random.default_rng(height * 1000 + width)
    noise = random.integers(0, 256, (height, width, 3))
    edges = random.integers(0, 2, (height, width, 3)) * 255
    stack = np.stack([noise, np.zeros_like(noise), np.full_like(noise, 255), edges]).astype(np.uint8)
    return torch.from_numpy(stack).permute(0, 3, 1, 2)


def by_pillow(pixels: Tensor, size: tuple[int, int]) -> Tensor:
    height, width = size
    resized = [
        Image.fromarray(image.permute(1, 2, 0).contiguous().numpy()).resize(
            (width, height), Image.Resampling.BILINEAR
        )
        for image in pixels
    ]
    return torch.from_numpy(np.stack([np.asarray(image) for image in resized])).permute(0, 3, 1, 2)


@pytest.mark.parametrize(("source", "size"), SQUARE + OBLONG)
def test_images_are_resized_as_pillow_does(source: tuple[int, int], size: tuple[int, int]) -> None:
    pixels = images(*source)
    resized = resize_exact(pixels, size)
    assert resized.dtype == torch.uint8
    assert torch.equal(resized, by_pillow(pixels, size))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_a_gpu_resizes_images_as_pillow_does() -> None:
    for source, size in SQUARE + OBLONG:
        pixels = images(*source)
        assert torch.equal(resize_exact(pixels.to("cuda"), size).cpu(), by_pillow(pixels, size)), (
            source,
            size,
        )


def test_an_image_of_the_wanted_size_stays_as_it_is() -> None:
    pixels = images(64, 64)
    assert torch.equal(resize_exact(pixels, (64, 64)), pixels)


def test_sizes_for_which_versions_of_pillow_differ_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"must not lose height, current sizes are \(64, 64\) and \(20, 65\)"
    ):
        resize_exact(images(64, 64), (20, 65))
