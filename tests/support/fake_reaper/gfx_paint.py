"""What a gfx window draws: fonts with real widths, the calls of a frame, and the picture that they make.

Fonts are DejaVu Sans where the system has it, else the one that Pillow brings; a size is the height of a line, as for REAPER.
Font 0, which a window begins with, is as wide for every character.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from PIL import Image, ImageDraw, ImageFont

CHAR_WIDTH, LINE_HEIGHT = 8, 14
_EM = 1.17  # the height of a line in ems
_FINE = 4  # edges are drawn that much larger, then shrunk
_SHAPES = ("rect", "roundrect", "circle", "line", "triangle")


@dataclass(frozen=True)
class Font:
    """A font; a size of 0 is the font that a window begins with."""

    size: int = 0
    is_bold: bool = False

    @property
    def height(self) -> int:
        """The height of a line in pixels."""
        return self.size or LINE_HEIGHT

    def measure(self, text: str) -> tuple[int, int]:
        """Return the width and height of a text in pixels."""
        lines = text.split("\n")
        if not self.size:
            return CHAR_WIDTH * max(map(len, lines)), LINE_HEIGHT * len(lines)
        return max(_width(self, line) for line in lines), self.height * len(lines)


@lru_cache(maxsize=64)
def _load(font: Font) -> Any:
    size = (font.size or LINE_HEIGHT) / _EM
    try:
        return ImageFont.truetype("DejaVuSans-Bold.ttf" if font.is_bold else "DejaVuSans.ttf", size)
    except OSError:
        return ImageFont.load_default(size)


@lru_cache(maxsize=20_000)
def _width(font: Font, line: str) -> int:
    return round(_load(font).getlength(line))


@dataclass(frozen=True)
class Stroke:
    """A call that draws: its name and arguments, the colour (red, green, blue, alpha: 0 to 1), a text and its font."""

    name: str
    numbers: tuple[float, ...]
    ink: tuple[float, float, float, float]
    text: str = ""
    font: Font = Font()


def picture(strokes: list[Stroke], size: tuple[int, int], clear: int) -> Image.Image:
    """Return what these calls draw, RGB. ``clear``: the background, blue first, as gfx.clear has it; -1: black.

    Raises NotImplementedError for a call that has no picture here.
    """
    background = (clear & 255, clear >> 8 & 255, clear >> 16 & 255) if clear >= 0 else (0, 0, 0)
    image = Image.new("RGB", size, background)
    for stroke in strokes:
        if stroke.name == "drawstr":
            _draw_text(image, stroke)
        elif stroke.name in _SHAPES:
            _draw_shape(image, stroke)
        else:
            raise NotImplementedError(f"gfx.{stroke.name} is drawn, but has no picture here")
    return image


def _paste(image: Image.Image, mask: Image.Image, at: tuple[int, int], ink: tuple[float, ...]) -> None:
    colour = tuple(round(255 * part) for part in ink[:3])
    if ink[3] < 1:
        mask = mask.point(lambda value: round(value * ink[3]))
    image.paste(Image.new("RGB", mask.size, colour), at, mask)


def _draw_text(image: Image.Image, stroke: Stroke) -> None:
    x, y = stroke.numbers
    font = _load(stroke.font)
    w, h = stroke.font.measure(stroke.text)
    mask = Image.new("L", (w + 8, h + 8), 0)
    draw = ImageDraw.Draw(mask)
    for i, line in enumerate(stroke.text.split("\n")):
        draw.text((0, i * stroke.font.height), line, font=font, fill=255, anchor="la")
    _paste(image, mask, (int(x), int(y)), stroke.ink)


def _corners(stroke: Stroke) -> tuple[float, float, float, float]:
    """Return the left, top, right and bottom of a shape, right and bottom not included."""
    numbers = stroke.numbers
    if stroke.name in ("rect", "roundrect"):
        x, y, w, h = numbers[:4]
        return x, y, x + w, y + h
    if stroke.name == "circle":
        x, y, radius = numbers[:3]
        return x - radius, y - radius, x + radius + 1, y + radius + 1
    points = numbers if stroke.name == "triangle" else numbers[:4]
    return min(points[::2]), min(points[1::2]), max(points[::2]) + 1, max(points[1::2]) + 1


def _draw_shape(image: Image.Image, stroke: Stroke) -> None:
    left, top, right, bottom = _corners(stroke)
    left, top = int(left // 1), int(top // 1)
    w, h = int(right - left + 0.999), int(bottom - top + 0.999)
    if w <= 0 or h <= 0 or w * h > 64_000_000 / _FINE**2:
        return
    fine = 1 if stroke.name == "rect" else _FINE
    mask = Image.new("L", (w * fine, h * fine), 0)
    draw = ImageDraw.Draw(mask)
    numbers = stroke.numbers
    whole = (0, 0, w * fine - 1, h * fine - 1)
    if stroke.name == "rect":
        draw.rectangle(whole, fill=255 if numbers[4] else None, outline=255)
    elif stroke.name == "roundrect":
        draw.rounded_rectangle(whole, numbers[4] * fine, outline=255, width=fine)
    elif stroke.name == "circle":
        is_filled = len(numbers) > 3 and numbers[3]
        draw.ellipse(whole, fill=255 if is_filled else None, outline=255, width=1 if is_filled else fine)
    else:
        points = [
            ((x - left + 0.5) * fine, (y - top + 0.5) * fine)
            for x, y in zip(numbers[0::2], numbers[1::2], strict=False)
        ]
        if stroke.name == "line":
            draw.line(points[:2], fill=255, width=fine)
        else:
            draw.polygon(points, fill=255)
    _paste(image, mask.resize((w, h), Image.Resampling.BOX) if fine > 1 else mask, (left, top), stroke.ink)
