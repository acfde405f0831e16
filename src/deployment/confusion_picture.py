"""A picture of a confusion matrix, readable for 2 classes and for 200."""

from dataclasses import dataclass

from PIL import Image, ImageDraw

from src.deployment.drawing import FAINT, INK, PAPER, fitted, font, png
from src.modelling.confusion_matrix import ConfusionMatrix

RIGHT, WRONG = (8, 81, 156), (179, 20, 30)  # of a whole row
GAP = 14
TITLE = 44
WIDEST_NAME = 220
LEGIBLE = 12  # pixels that a line of text needs
COUNTED = 24  # pixels that a cell needs for a count
CONTRAST = 0.6  # below 1, rare mistakes are seen, too
WIDEST = 3000  # pixels of the matrix, unless each class had less than one


@dataclass(frozen=True)
class Layout:
    """Where things are, in pixels: the matrix begins at `left` and `top`; its cells are squares."""

    cell: int
    name: int  # width of the longest name that is shown
    recall: int  # width of the two columns on the right
    share: int
    size: int  # of the text
    top: int = TITLE + GAP

    @property
    def left(self) -> int:
        return GAP + self.name + GAP // 2

    def corner(self, row: int, column: int) -> tuple[int, int]:
        return self.left + column * self.cell, self.top + row * self.cell


def draw_confusion_matrix(matrix: ConfusionMatrix, title: str) -> bytes:
    """A PNG: a row for each label with its recall, a column for each prediction, colours by share of row."""
    layout = _layout(matrix)
    edge = len(matrix.classes) * layout.cell
    width = layout.left + edge + layout.recall + layout.share + 2 * GAP
    height = layout.top + edge + layout.name + 2 * GAP + layout.size
    picture = Image.new("RGB", (max(width, 420), height), PAPER)
    draw = ImageDraw.Draw(picture)
    draw.text((GAP, GAP), fitted(draw, title, picture.width - 2 * GAP, font(16)), INK, font(16))
    _draw_cells(draw, layout, matrix)
    _draw_rows(draw, layout, matrix)
    _draw_columns(picture, draw, layout, matrix)
    return png(picture)


def _layout(matrix: ConfusionMatrix) -> Layout:
    draw = ImageDraw.Draw(Image.new("RGB", (1, 1)))
    count = len(matrix.classes)
    cell = 48 if count <= 12 else 32 if count <= 40 else min(16, max(1, WIDEST // count))
    size = 13 if cell >= COUNTED else 11
    if cell >= COUNTED:
        largest = max(max(row) for row in matrix.counts)
        cell = max(cell, round(draw.textlength(f"{largest:,}", font(size))) + 8)
    longest = max(draw.textlength(name, font(size)) for name in (*matrix.classes, "label"))
    columns = zip(*(_summary(matrix, row) for row in range(count)), strict=True)
    recall, share = (max(round(draw.textlength(text, font(size))) for text in column) for column in columns)
    return Layout(cell, min(WIDEST_NAME, round(longest) + 2), recall, share, size)


def _draw_cells(draw: ImageDraw.ImageDraw, layout: Layout, matrix: ConfusionMatrix) -> None:
    line = FAINT if layout.cell > 4 else None
    for row, counts in enumerate(matrix.counts):
        whole = matrix.images(row)
        for column, count in enumerate(counts):
            left, top = layout.corner(row, column)
            strength = (count / whole) ** CONTRAST if count else 0.0
            colour = _blend(RIGHT if row == column else WRONG, strength)
            draw.rectangle((left, top, left + layout.cell, top + layout.cell), colour, line)
            if count and layout.cell >= COUNTED:
                middle = (left + layout.cell / 2, top + layout.cell / 2)
                ink = PAPER if strength > 0.5 else INK
                draw.text(middle, f"{count:,}", ink, font(layout.size), anchor="mm")


def _blend(colour: tuple[int, int, int], strength: float) -> tuple[int, int, int]:
    red, green, blue = (round(255 + (level - 255) * strength) for level in colour)
    return red, green, blue


def _draw_rows(draw: ImageDraw.ImageDraw, layout: Layout, matrix: ConfusionMatrix) -> None:
    edge = len(matrix.classes) * layout.cell
    write = font(layout.size)
    heading = layout.top - GAP
    draw.text((layout.left - GAP // 2, heading), "label", INK, write, anchor="rm")
    draw.text((layout.left + edge + GAP // 2, heading), "recall", INK, write, anchor="lm")
    for row in _shown(layout, matrix):
        middle = layout.top + (row + 0.5) * layout.cell
        name = fitted(draw, matrix.classes[row], layout.name, write)
        draw.text((layout.left - GAP // 2, middle), name, INK, write, anchor="rm")
        recall, share = _summary(matrix, row)
        draw.text((layout.left + edge + GAP // 2 + layout.recall, middle), recall, INK, write, anchor="rm")
        draw.text((layout.left + edge + GAP + layout.recall, middle), share, INK, write, anchor="lm")


def _draw_columns(
    picture: Image.Image, draw: ImageDraw.ImageDraw, layout: Layout, matrix: ConfusionMatrix
) -> None:
    bottom = layout.top + len(matrix.classes) * layout.cell
    write = font(layout.size)
    for column in _shown(layout, matrix):
        name = fitted(draw, matrix.classes[column], layout.name, write)
        upright = Image.new("RGB", (layout.name, layout.size + 4), PAPER)
        ImageDraw.Draw(upright).text((layout.name, upright.height // 2), name, INK, write, anchor="rm")
        middle = layout.left + round((column + 0.5) * layout.cell)
        picture.paste(upright.rotate(90, expand=True), (middle - upright.height // 2, bottom + GAP // 2))
    centre = layout.left + len(matrix.classes) * layout.cell / 2
    draw.text((centre, bottom + layout.name + GAP), "predicted", INK, write, anchor="mt")


def _shown(layout: Layout, matrix: ConfusionMatrix) -> range:
    """The places of the classes whose names are written: all, unless their lines would overlap."""
    return range(0, len(matrix.classes), -(-LEGIBLE // layout.cell))


def _summary(matrix: ConfusionMatrix, row: int) -> tuple[str, str]:
    recall = matrix.recall(row)
    if recall is None:
        return "", "no images"
    return f"{recall:.1f} %", f"{matrix.correct(row):,} of {matrix.images(row):,}"
