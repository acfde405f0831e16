"""What a model makes of images."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from src.modelling.model_file import DTYPES, Description

DECIMALS = 6


@dataclass(frozen=True)
class Prediction:
    """The likeliest classes of one image with their probabilities, likeliest first."""

    image: str
    label: str | None
    top: tuple[tuple[str, float], ...]

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


@torch.no_grad()
def predict_batch(
    model: nn.Module, description: Description, pixels: Sequence[Tensor], top: int, device: str
) -> list[tuple[tuple[str, float], ...]]:
    """For each image (C, H, W) in [0, 1] its `top` likeliest classes with probabilities in [0, 1]."""
    normalized = description.normalization.apply(torch.stack(list(pixels)))
    logits = model(normalized.to(device=device, dtype=DTYPES[description.dtype]))
    best = logits.double().cpu().softmax(1).topk(min(top, len(description.classes)))
    return [
        tuple((description.classes[i], round(p, DECIMALS)) for p, i in zip(row, places, strict=True))
        for row, places in zip(best.values.tolist(), best.indices.tolist(), strict=True)
    ]
