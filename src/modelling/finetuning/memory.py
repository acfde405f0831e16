"""A clear end where memory is not enough."""

from contextlib import AbstractContextManager

from src import memory
from src.modelling.finetuning.settings import FinetuneSettings


def enough_memory(settings: FinetuneSettings) -> AbstractContextManager[None]:
    """Turns what the system or PyTorch raise when memory is full into an UnavailableError with remedies."""
    free = "Free the GPU's memory, use --device cpu" if settings.device == "cuda" else "Free memory"
    return memory.enough_memory(
        f"Cannot go on training on {settings.device}: its memory is not enough for batches of "
        f"{settings.batch_size} images. {free} and go on with --resume, or start anew with a lower "
        "--batch-size, which is another experiment than the published one"
    )
