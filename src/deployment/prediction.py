"""What a model makes of images."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor

DECIMALS = 6

Top = tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Prediction:
    """The likeliest classes of one image with their probabilities, likeliest first."""

    image: str
    label: str | None
    top: Top

    @property
    def predicted(self) -> str:
        return self.top[0][0]

    @property
    def correct(self) -> bool | None:
        """None where the label is unknown."""
        return None if self.label is None else self.predicted == self.label

    def as_dict(self) -> dict[str, Any]:
        return {
            "image": self.image,
            "label": self.label,
            "predicted": self.predicted,
            "probability": self.top[0][1],
            "top": [{"class": name, "probability": probability} for name, probability in self.top],
        }


def likeliest(logits: Tensor, classes: tuple[str, ...], top: int) -> list[Top]:
    """For each row of logits (N, classes) its `top` likeliest classes with probabilities in [0, 1]."""
    best = logits.softmax(1).topk(min(top, len(classes)))
    return [
        tuple((classes[i], round(p, DECIMALS)) for p, i in zip(row, places, strict=True))
        for row, places in zip(best.values.tolist(), best.indices.tolist(), strict=True)
    ]
