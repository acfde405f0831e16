"""What the pictures have in common: colours, and text that fits."""

import io

from PIL import Image, ImageDraw, ImageFont

Font = ImageFont.ImageFont | ImageFont.FreeTypeFont

INK, PAPER, FAINT, WRONG = (30, 30, 30), (255, 255, 255), (225, 225, 225), (200, 30, 30)


def font(size: int) -> Font:
    """Pillow's own, so that every machine draws the same."""
    return ImageFont.load_default(size)


def fitted(draw: ImageDraw.ImageDraw, text: str, width: float, font: Font) -> str:
    """The text, cut with two dots where it is wider than `width` pixels."""
    while len(text) > 1 and draw.textlength(text, font) > width:
        text = text.removesuffix("..")[:-1] + ".."
        if text == "..":
            break
    return text


def png(picture: Image.Image) -> bytes:
    """The picture as a file's content."""
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG")
    return buffer.getvalue()
