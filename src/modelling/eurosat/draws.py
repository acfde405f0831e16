"""The random numbers of the published experiment, in its order, from the global generators.

PyTorch's DataLoader draws a base seed whenever it is iterated, whatever it does with it, and its sampler a
seed of its own for the order: both are drawn here, too, so that the generator is where the published one was.
"""

import numpy as np
import torch
from torch import Tensor

from src.common.failure import RequestError

USED = 10  # one in ten images is used,
TRAINING_TENTHS = 8  # and of these eight in ten train
FEWEST = 20  # images of which one trains and one validates


def draw_split(images: int) -> tuple[Tensor, Tensor]:
    """Places of the training and the validation images among so many, in the published order, int64.

    Of 27,000 images: 2,160 and 540. Raises RequestError for fewer than FEWEST.
    """
    if images < FEWEST:
        raise RequestError(
            f"Cannot split the images: there must be at least {FEWEST}, of which one in ten is used, "
            f'current value is "{images}"'
        )
    used = torch.from_numpy(np.random.permutation(images)[: images // USED].astype(np.int64))
    order = torch.randperm(len(used))
    training = len(used) * TRAINING_TENTHS // 10
    return used[order[:training]], used[order[training:]]


def draw_training_order(images: int) -> Tensor:
    """The order of one epoch's training images (images,), as a shuffling DataLoader draws it."""
    draw()  # the loader's base seed
    return torch.randperm(images, generator=torch.Generator().manual_seed(draw()))


def draw_validation_order(images: int) -> Tensor:
    """The order of the validation images, which is theirs; a DataLoader nevertheless draws a base seed."""
    draw()
    return torch.arange(images)


def draw() -> int:
    """One int64 from PyTorch's global generator."""
    return int(torch.empty((), dtype=torch.int64).random_())
