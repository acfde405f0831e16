"""Normalization by table gives the bits of torchvision's ToTensor and Normalize."""

from types import ModuleType

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from src.images.normalization import IMAGENET, NormalizationTable

ALL = torch.arange(256, dtype=torch.uint8).repeat(3).view(1, 3, 16, 16)
CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")


@pytest.fixture
def published(torchvision: ModuleType) -> Tensor:
    """All 256 levels in all three channels, as the real transform normalizes them: (1, 3, 16, 16)."""
    transforms = torchvision.transforms
    transform = transforms.Compose(
        [transforms.ToTensor(), transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])]
    )
    image = Image.fromarray(np.ascontiguousarray(ALL[0].permute(1, 2, 0).numpy()))
    return transform(image).unsqueeze(0)


def bits(values: Tensor) -> list[int]:
    """Floats as whole numbers, for `equal` takes 0 and -0 for the same."""
    return values.cpu().contiguous().view(torch.int32).flatten().tolist()


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=CUDA)])
def test_every_level_of_every_channel_has_the_published_bits(device: str, published: Tensor) -> None:
    table = NormalizationTable(IMAGENET, device)
    assert bits(table.look_up(ALL.to(device))) == bits(published)


def test_rows_have_the_published_bits_too(published: Tensor) -> None:
    table = NormalizationTable(IMAGENET)
    assert bits(table.look_up_each(ALL, torch.tensor([0, 0]))) == bits(torch.cat([published] * 2))


def test_results_are_contiguous_for_pixels_in_any_layout() -> None:
    table = NormalizationTable(IMAGENET)
    pixels = torch.randint(0, 256, (3, 3, 5, 7), dtype=torch.uint8)
    channels_last = pixels.contiguous(memory_format=torch.channels_last)
    rows = torch.arange(3)
    for values in (table.look_up(channels_last), table.look_up_each(channels_last, rows)):
        assert values.is_contiguous()
        assert torch.equal(values, table.look_up(pixels))
