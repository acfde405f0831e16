"""A picture of inputs with what the model makes of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from src.deployment.drawing import INK, PAPER, WRONG, fitted, font, png
from src.deployment.prediction import Prediction

FEWEST_COLUMNS = 5  # so that the title has room
GAP = 10
TITLE = 34
LINE = 15


@dataclass(frozen=True)
class Layout:
    """How many cells are in a row, how wide each is in pixels, and the lines of text below its image."""

    columns: int
    side: int
    lines: int

    @property
    def cell(self) -> tuple[int, int]:
        return self.side + GAP, self.side + GAP + 3 + self.lines * LINE


SMALL = Layout(columns=12, side=72, lines=1)
LARGE = Layout(columns=8, side=172, lines=2)


def draw_grid(predictions: Sequence[Prediction], inputs: Sequence[Tensor], title: str) -> bytes:
    """A PNG: each input (C, H, W) over its predicted class; wrong ones framed in red.

    Inputs are uint8, or floating-point in [0, 1].
    """
    layout = SMALL if max(inputs[0].shape) < SMALL.side else LARGE
    columns = min(layout.columns, max(len(inputs), FEWEST_COLUMNS))
    rows = -(-len(inputs) // columns)
    width, height = layout.cell
    picture = Image.new("RGB", (columns * width + GAP, rows * height + TITLE + GAP), PAPER)
    draw = ImageDraw.Draw(picture)
    draw.text((GAP, GAP), fitted(draw, title, picture.width - 2 * GAP, font(14)), INK, font(14))
    for place, (prediction, pixels) in enumerate(zip(predictions, inputs, strict=True)):
        corner = (GAP + place % columns * width, TITLE + place // columns * height)
        picture.paste(_thumbnail(pixels, layout.side), corner)
        _caption(draw, corner, layout, prediction)
    return png(picture)


def _caption(
    draw: ImageDraw.ImageDraw, corner: tuple[int, int], layout: Layout, prediction: Prediction
) -> None:
    (left, top), side = corner, layout.side
    wrong = prediction.correct is False
    if wrong:
        draw.rectangle((left - 3, top - 3, left + side + 2, top + side + 2), outline=WRONG, width=3)
    label, probability = f"is {prediction.label}", f"{prediction.top[0][1]:.0%}"
    if layout.lines == 1:
        lines = [f"{prediction.predicted}  {label if wrong else probability}"]
    else:
        lines = [f"{prediction.predicted}  {probability}", label if wrong else ""]
    for number, line in enumerate(lines):
        place = (left, top + side + 3 + number * LINE)
        draw.text(place, fitted(draw, line, side, font(12)), WRONG if wrong else INK, font(12))


def _thumbnail(pixels: Tensor, side: int) -> Image.Image:
    if pixels.dtype != torch.uint8:
        pixels = (pixels * 255).round().clamp(0, 255).to(torch.uint8)
    levels = pixels.movedim(0, 2).numpy().astype(np.uint8)
    image = Image.fromarray(levels[:, :, 0] if levels.shape[2] == 1 else levels)
    small = max(image.size) < side
    # Small inputs keep their hard pixels: this is what the model saw.
    return image.convert("RGB").resize(
        (side, side), Image.Resampling.NEAREST if small else Image.Resampling.BILINEAR
    )
