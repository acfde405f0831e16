"""What every training run has in memory: what checkpoints, result files and progress are made of."""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from src.modelling.model_file import Description
from src.modelling.settings import Recipe


def _empty_history() -> dict[str, list[float]]:
    names = ("training_loss", "training_correct", "validation_loss", "validation_correct")
    return {name: [] for name in names}


@dataclass
class TrainingRun:
    """Model, optimizer and history, which has one entry for each finished epoch.

    A subclass that has more to save adds it to `state` and `load_state`.
    """

    settings: Recipe
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
