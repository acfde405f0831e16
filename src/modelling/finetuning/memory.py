"""A clear end where memory is not enough."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from src.failure import UnavailableError
from src.modelling.finetuning.settings import FinetuneSettings

# PyTorch raises a plain RuntimeError with these where the CPU's memory, or a library's on the GPU, is full.
SIGNS = ("DefaultCPUAllocator", "ALLOC_FAILED", "could not create a memory object", "out of memory")


@contextmanager
def enough_memory(settings: FinetuneSettings) -> Iterator[None]:
    """Turns what the system or PyTorch raise when memory is full into an UnavailableError with remedies."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise _too_little(settings) from error
    except RuntimeError as error:
        if not any(sign in str(error) for sign in SIGNS):
            raise
        raise _too_little(settings) from error


def _too_little(settings: FinetuneSettings) -> UnavailableError:
    free = "Free the GPU's memory, use --device cpu" if settings.device == "cuda" else "Free memory"
    return UnavailableError(
        f"Cannot go on training on {settings.device}: its memory is not enough for batches of "
        f"{settings.batch_size} images. {free} and go on with --resume, or start anew with a lower "
        "--batch-size, which is another experiment than the published one"
    )
