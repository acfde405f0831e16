"""What every training run has in memory: what checkpoints, result files and progress are made of."""

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from src.common.failure import Failure
from src.modelling.model_file import Description
from src.modelling.settings import Settings


def _empty_history() -> dict[str, list[float]]:
    names = ("training_loss", "training_correct", "validation_loss", "validation_correct")
    return {name: [] for name in names}


@dataclass
class TrainingRun:
    """Model, optimizer and history, which has one entry for each finished epoch.

    A subclass that has more to save adds it to `state` and `load_state`.
    """

    settings: Settings
    description: Description
    model: nn.Module
    optimizer: torch.optim.Optimizer
    history: dict[str, list[float]] = field(default_factory=_empty_history, kw_only=True)

    @property
    def epochs_done(self) -> int:
        return len(self.history["training_loss"])

    def state(self) -> dict[str, Any]:
        """What a checkpoint saves beside settings, history and the global generators."""
        return {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict()}

    def load_state(self, saved: dict[str, Any]) -> None:
        """Puts back what `state` returned."""
        self.model.load_state_dict(saved["model"])
        self.optimizer.load_state_dict(saved["optimizer"])

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
