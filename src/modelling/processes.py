"""One training by several processes, as `torchrun` starts them on one machine or several.

Each process takes its share of every batch, and all hold the same weights at all times. A batch is what all
together take in one step, so that the recipe, and what is claimed of it, does not depend on their number.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn

from src.common.command import Report
from src.common.failure import RequestError, UnavailableError
from src.modelling.synchronized_norm import synchronize_norms


@dataclass(frozen=True)
class Processes:
    """This process among those of a training: its rank, from 0, and their count. By itself, if not said."""

    rank: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this is the one that writes files and tells of progress."""
        return self.rank == 0

    def reporting(self, report: Report) -> Report:
        """Reports in the first process, is silent in the others."""
        return report if self.is_first else lambda line: None

    def require_shares(self, batch_size: int, images: int) -> None:
        """Raises RequestError where some batch of an epoch leaves a process without an image."""
        smallest = images % batch_size or batch_size
        if smallest < self.count:
            raise RequestError(
                f"Cannot train in {self.count} processes: each batch must have an image for each, but of "
                f"{images:,} images in batches of {batch_size} the smallest has {smallest}. "
                "Choose another --batch-size, or fewer processes"
            )

    def share(self, batch: Tensor) -> Tensor:
        """The consecutive part of a whole batch that is this process's; sizes differ by one at most."""
        return batch.tensor_split(self.count)[self.rank]

    def scale(self, share: Tensor, batch: Tensor) -> float:
        """What a share's mean loss is multiplied with, so that the processes' mean is that of the batch."""
        return len(share) * self.count / len(batch)

    def synchronize(self, model: nn.Module) -> None:
        """Lets batch norms take the statistics of the whole batch; before the optimizer is made or after.

        With the statistics of each share, several processes would train another network than one does.
        """
        if self.count > 1:
            synchronize_norms(model)

    def average_gradients(self, model: nn.Module) -> None:
        """After a backward pass: in all processes, each gradient becomes the processes' mean.

        In one piece, in the order of the parameters. PyTorch's DistributedDataParallel moves gradients to
        other buckets after its first step, and with the place of a number in a bucket changes the order in
        which three or more processes add it up: a resumed run would differ in the last bits.
        """
        if self.count == 1:
            return
        gradients = [weight.grad for weight in model.parameters() if weight.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        distributed.all_reduce(flat)
        flat /= self.count
        for gradient, mean in zip(gradients, flat.split([part.numel() for part in gradients]), strict=True):
            gradient.copy_(mean.view_as(gradient))

    def sum(self, values: Tensor) -> Tensor:
        """The sum over the processes, on the CPU, in the order of ranks: everywhere the same bits."""
        values = values.detach().cpu()
        if self.count == 1:
            return values
        gathered = [torch.empty_like(values) for _ in range(self.count)]
        distributed.all_gather(gathered, values)
        total = gathered[0]
        for share in gathered[1:]:
            total = total + share
        return total

    def largest(self, value: int) -> int:
        """The largest of the processes' values."""
        if self.count == 1:
            return value
        result = torch.tensor(value)
        distributed.all_reduce(result, distributed.ReduceOp.MAX)
        return int(result)

    @contextmanager
    def first_alone(self) -> Iterator[None]:
        """The first process does what follows, and then the others, who find what it has left."""
        if not self.is_first:
            self.wait()
        yield
        if self.is_first:
            self.wait()

    def wait(self) -> None:
        """Returns when all processes have come here."""
        self.largest(0)


ALONE = Processes()


@contextmanager
def join(device: str) -> Iterator[Processes]:
    """The processes that `torchrun` started, who then wait for each other; one by itself without it.

    Each has a GPU of its own where `device` is cuda. Raises RequestError or UnavailableError.
    """
    count = _variable("WORLD_SIZE", 1)
    if count <= 1:
        yield Processes()
        return
    rank, place = _variable("RANK"), _variable("LOCAL_RANK")
    if device == "cuda":
        if place >= torch.cuda.device_count():
            raise UnavailableError(
                f"Cannot train in {count} processes on cuda: each needs a GPU of its own, but here are "
                f"{torch.cuda.device_count()}. Lower --nproc-per-node, or use --device cpu"
            )
        torch.cuda.set_device(place)
    # NCCL moves what is on GPUs only; numbers about the run are on the CPU.
    distributed.init_process_group("cpu:gloo,cuda:nccl" if device == "cuda" else "gloo")
    try:
        yield Processes(rank, count)
    finally:
        distributed.destroy_process_group()


def _variable(name: str, default: int | None = None) -> int:
    text = os.environ.get(name)
    if text is None and default is not None:
        return default
    if text is None or not text.isdecimal():
        raise RequestError(
            f"Cannot join the processes of a training: {name} must be a whole number, as torchrun sets it, "
            f'current value is "{text or ""}"'
        )
    return int(text)
