"""What PyTorch and the system raise when memory is full."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from src.common.failure import UnavailableError

# PyTorch raises a plain RuntimeError with these where the CPU's memory, or a library's on the GPU, is full.
SIGNS = ("DefaultCPUAllocator", "ALLOC_FAILED", "could not create a memory object", "out of memory")


def memory_was_short(error: BaseException) -> bool:
    """Whether the error means that less memory would have to be asked for."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in SIGNS)


@contextmanager
def enough_memory(otherwise: str) -> Iterator[None]:
    """Raises UnavailableError with the text `otherwise` where memory is full."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not memory_was_short(error):
            raise
        raise UnavailableError(otherwise) from error
