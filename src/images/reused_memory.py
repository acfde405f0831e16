"""Memory for one batch after another: fresh memory costs more than what is put into it, for it is zeroed."""

from math import prod
from weakref import ref

import numpy as np
import torch
from torch import Tensor

PIECES = 2  # the next batch is made while a variable still holds the last


class ReusedMemory:
    """Tensors on the CPU, in the memory of earlier ones that nobody holds any more.

    Each tensor is made on an array of its own over a piece of memory. The tensor, its views and what autograd
    saves of it keep that array alive, so that its end tells that the piece is free.
    """

    def __init__(self) -> None:
        self._pieces: list[tuple[np.ndarray, ref[np.ndarray]]] = []

    def empty(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """A tensor whose values are whatever the memory holds, as `torch.empty` makes it."""
        if 0 in shape:
            return torch.empty(shape, dtype=dtype)
        size = prod(shape) * dtype.itemsize
        piece = self._take(size)
        user = piece[:size]
        self._pieces = [(piece, ref(user)), *self._pieces][:PIECES]
        return torch.frombuffer(user, dtype=dtype).view(shape)

    def _take(self, size: int) -> np.ndarray:
        """A piece that nobody uses, out of the list; or a new one."""
        for place, (piece, user) in enumerate(self._pieces):
            if user() is None and len(piece) >= size:
                del self._pieces[place]
                return piece
        return torch.empty(size, dtype=torch.uint8).numpy()  # aligned as PyTorch's own
