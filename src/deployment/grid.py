"""A picture of inputs with what the model makes of them."""

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from src.deployment.prediction import Prediction

Font = ImageFont.ImageFont | ImageFont.FreeTypeFont

COLUMNS = 12
MOST = 60
MOST_WRONG = MOST // 2
SIDE = 72
CAPTION = 18
GAP = 10
TITLE = 34
INK, PAPER, WRONG = (30, 30, 30), (255, 255, 255), (200, 30, 30)


def choose(predictions: Sequence[Prediction]) -> list[int]:
    """Which to show: at most MOST, wrong ones first up to MOST_WRONG, then the others in order."""
    wrong = [i for i, p in enumerate(predictions) if p.correct is False][:MOST_WRONG]
    shown = set(wrong)
    return (wrong + [i for i in range(len(predictions)) if i not in shown])[:MOST]


def draw_grid(predictions: Sequence[Prediction], inputs: Sequence[Tensor], title: str) -> bytes:
    """A PNG: each input (C, H, W) in [0, 1] over its predicted class; wrong ones framed in red."""
    columns = min(COLUMNS, max(len(inputs), 5))
    rows = -(-len(inputs) // columns)
    cell = (SIDE + GAP, SIDE + CAPTION + GAP)
    picture = Image.new("RGB", (columns * cell[0] + GAP, rows * cell[1] + TITLE + GAP), PAPER)
    draw = ImageDraw.Draw(picture)
    draw.text((GAP, GAP), _fitted(draw, title, picture.width - 2 * GAP, _font(14)), INK, _font(14))
    for place, (prediction, pixels) in enumerate(zip(predictions, inputs, strict=True)):
        corner = (GAP + place % columns * cell[0], TITLE + place // columns * cell[1])
        _draw_cell(picture, draw, corner, prediction, pixels)
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG")
    return buffer.getvalue()


def _draw_cell(
    picture: Image.Image,
    draw: ImageDraw.ImageDraw,
    corner: tuple[int, int],
    prediction: Prediction,
    pixels: Tensor,
) -> None:
    left, top = corner
    wrong = prediction.correct is False
    picture.paste(_thumbnail(pixels), corner)
    if wrong:
        draw.rectangle((left - 3, top - 3, left + SIDE + 2, top + SIDE + 2), outline=WRONG, width=3)
    text = f"is {prediction.label}" if wrong else f"{prediction.top[0][1]:.0%}"
    text = f"{prediction.predicted}  {text}"
    draw.text(
        (left, top + SIDE + 3), _fitted(draw, text, SIDE, _font(12)), WRONG if wrong else INK, _font(12)
    )


def _thumbnail(pixels: Tensor) -> Image.Image:
    levels = (pixels * 255).round().clamp(0, 255).movedim(0, 2).numpy().astype(np.uint8)
    image = Image.fromarray(levels[:, :, 0] if levels.shape[2] == 1 else levels)
    small = max(image.size) < SIDE
    # Small inputs keep their hard pixels: this is what the model saw.
    return image.convert("RGB").resize(
        (SIDE, SIDE), Image.Resampling.NEAREST if small else Image.Resampling.BILINEAR
    )


def _fitted(draw: ImageDraw.ImageDraw, text: str, width: int, font: Font) -> str:
    """The text, cut with two dots where it is wider than `width` pixels."""
    while len(text) > 1 and draw.textlength(text, font) > width:
        text = text.removesuffix("..")[:-1] + ".."
        if text == "..":
            break
    return text


def _font(size: int) -> Font:
    return ImageFont.load_default(size)
