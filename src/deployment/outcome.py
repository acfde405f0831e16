"""Everything that one call predicted."""

from dataclasses import dataclass, field

from torch import Tensor

from src.deployment.grid import MOST, MOST_WRONG
from src.deployment.prediction import Prediction
from src.deployment.samples import Unreadable


@dataclass
class Outcome:
    """`inputs` are images (C, H, W) in [0, 1] as the model saw them, by place; `total` counts labels."""

    predictions: list[Prediction] = field(default_factory=list)
    inputs: dict[int, Tensor] = field(default_factory=dict)
    skipped: list[Unreadable] = field(default_factory=list)
    correct: int = 0
    total: int = 0

    def add(self, prediction: Prediction, pixels: Tensor) -> None:
        """Keeps the input only where `grid.choose` can want it, so that memory does not grow with images."""
        wrong = prediction.correct is False
        if len(self.predictions) < MOST or (wrong and self.total - self.correct < MOST_WRONG):
            self.inputs[len(self.predictions)] = pixels
        self.predictions.append(prediction)
        self.total += prediction.correct is not None
        self.correct += prediction.correct is True

    @property
    def accuracy(self) -> float | None:
        """In percent with two decimals, as printed; None where no label is known."""
        return round(100 * self.correct / self.total, 2) if self.total else None
