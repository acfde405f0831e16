"""Everything that one call predicted."""

from dataclasses import dataclass, field

from torch import Tensor

from src.deployment.prediction import Prediction
from src.deployment.samples import Unreadable
from src.deployment.selection import Selection
from src.modelling.confusion_matrix import ConfusionMatrix


@dataclass
class Outcome:
    """`inputs` are images (C, H, W) as the model saw them, by place; `total` counts labels."""

    predictions: list[Prediction] = field(default_factory=list)
    inputs: dict[int, Tensor] = field(default_factory=dict)
    skipped: list[Unreadable] = field(default_factory=list)
    correct: int = 0
    total: int = 0
    _selection: Selection = field(default_factory=Selection)

    def add(self, prediction: Prediction, pixels: Tensor) -> None:
        """Keeps the input only while the picture can want it: memory does not grow with images."""
        place = len(self.predictions)
        self.inputs[place] = pixels
        left_out = self._selection.offer(place, prediction)
        if left_out is not None:
            del self.inputs[left_out]
        self.predictions.append(prediction)
        self.total += prediction.correct is not None
        self.correct += prediction.correct is True

    def shown(self) -> list[int]:
        """Places of the predictions that the picture shows."""
        return self._selection.chosen()

    @property
    def accuracy(self) -> float | None:
        """In percent with two decimals, as printed; None where no label is known."""
        return round(100 * self.correct / self.total, 2) if self.total else None

    def confusions(self, classes: tuple[str, ...]) -> ConfusionMatrix:
        """Of the images whose label is known."""
        known = ((p.label, p.predicted) for p in self.predictions if p.label is not None)
        return ConfusionMatrix.count(known, classes)
