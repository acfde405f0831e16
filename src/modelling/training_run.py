"""What every training run has in memory: what checkpoints, result files and progress are made of."""

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from src.common.failure import Failure
from src.modelling.model_file import Description
from src.modelling.processes import ALONE, Processes
from src.modelling.settings import Settings


def _empty_history() -> dict[str, list[float]]:
    names = ("training_loss", "training_correct", "validation_loss", "validation_correct")
    return {name: [] for name in names}


@dataclass
class Epoch:
    """An epoch under way: the order of its images (N,), and of each step the loss and the correct images.

    What `add` is given is this process's share. After `gather`, the first process has what all have together,
    and the others nothing, so that a checkpoint of the first is enough.
    """

    order: Tensor
    losses: list[Tensor] = field(default_factory=list)
    correct: list[Tensor] = field(default_factory=list)

    def batches_left(self, size: int) -> tuple[Tensor, ...]:
        """Places of images in `order`, a batch for each step that is still to be made."""
        return self.order.split(size)[len(self.losses) :]

    def add(self, loss: Tensor, correct: Tensor) -> None:
        """Takes note of a step, without a copy from the GPU, which would have to stand still for it."""
        self.losses.append(loss.detach())
        self.correct.append(correct)

    def gather(self, processes: Processes) -> tuple[list[float], int]:
        """The loss of each step, and the images that were correct in all of them."""
        if not self.losses:
            return [], 0
        losses, correct = (processes.sum(torch.stack(part)) for part in (self.losses, self.correct))
        self.losses, self.correct = list(losses.unbind()), list(correct.unbind())
        self.keep_if_first(processes)
        return losses.tolist(), int(correct.sum())

    def keep_if_first(self, processes: Processes) -> None:
        """Forgets what the steps gave, in all processes but the first."""
        if not processes.is_first:
            self.losses, self.correct = (
                [torch.zeros_like(value) for value in part] for part in (self.losses, self.correct)
            )


@dataclass
class TrainingRun:
    """Model, optimizer and history, which has one entry for each finished epoch.

    `epoch` is the one under way, None between two; `processes` are those that train together.
    A subclass that has more to save adds it to `state` and `load_state`.
    """

    settings: Settings
    description: Description
    model: nn.Module
    optimizer: torch.optim.Optimizer
    history: dict[str, list[float]] = field(default_factory=_empty_history, kw_only=True)
    epoch: Epoch | None = field(default=None, kw_only=True)
    processes: Processes = field(default=ALONE, kw_only=True)

    @property
    def epochs_done(self) -> int:
        return len(self.history["training_loss"])

    def state(self) -> dict[str, Any]:
        """What a checkpoint saves beside settings, history and the global generators."""
        epoch = self.epoch and vars(self.epoch)
        return {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict(), "epoch": epoch}

    def load_state(self, saved: dict[str, Any]) -> None:
        """Puts back what `state` returned."""
        self.model.load_state_dict(saved["model"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.epoch = saved["epoch"] and Epoch(**saved["epoch"])
        if self.epoch is not None:
            self.epoch.keep_if_first(self.processes)

    def end_epoch(self) -> tuple[list[float], int]:
        """Ends the training part of an epoch; returns each step's loss, and the count of correct images."""
        assert self.epoch is not None
        result, self.epoch = self.epoch.gather(self.processes), None
        return result

    def record(self, part: str, loss: float, correct: int) -> None:
        """Adds an epoch of "training" or "validation" to the history. Raises Failure as `require_finite`."""
        self.history[f"{part}_loss"].append(self.require_finite(loss))
        self.history[f"{part}_correct"].append(correct)

    def require_finite(self, loss: float) -> float:
        """The loss. Raises Failure when it is infinite or no number, from which no step leads back."""
        if not math.isfinite(loss):
            epoch = len(self.history["validation_loss"]) + 1
            raise Failure(
                f"Cannot go on training: the loss must be finite, current value is {loss} in epoch {epoch}. "
                f"Lower --learning-rate (it is {self.settings.learning_rate})"
            )
        return loss
