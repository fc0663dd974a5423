"""Draws the toolbar icons of the actions: ``make reaper-icons``.

REAPER takes toolbar icons from ``Data/toolbar_icons``: one PNG with three pictures side by side, for a button as it is, under
the mouse and pressed, 30 × 30 pixels each; the folders ``150`` and ``200`` beside it hold the same for larger screens. Each
picture is a tile of its own colour, so that it reads on light and on dark themes.

    python reaper_scripts/draw_icons.py [--into reaper_scripts/toolbar_icons]
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageDraw

FOLDER = Path(__file__).resolve().parent / "toolbar_icons"
#: Side of a picture, in pixels at 100 %; all coordinates below are in these.
SIDE = 30
#: Folder below `FOLDER` → scale.
SCALES = {"": 1.0, "150": 1.5, "200": 2.0}
#: (tile, rim, glyph, accent) of a button as it is, under the mouse and pressed.
STATES = (
    ("#2c3642", "#74889c", "#e8eef4", "#ffae3d"),
    ("#3f4f61", "#9fb4c8", "#ffffff", "#ffc065"),
    ("#171d24", "#ffae3d", "#c9d4de", "#ffae3d"),
)
_OVERSAMPLING = 8


class Pen:
    """Draws one picture in units of a pixel at 100 %."""

    def __init__(self, image: Image.Image, glyph: str, accent: str, unit: float) -> None:
        self._draw = ImageDraw.Draw(image)
        self.glyph, self.accent, self._unit = glyph, accent, unit

    def _points(self, *points: float) -> list[float]:
        return [value * self._unit for value in points]

    def bar(self, left: float, top: float, right: float, bottom: float, colour: str, radius: float = 0.8) -> None:
        """Fill a rectangle with round corners."""
        radius = min(radius, (right - left) / 2, (bottom - top) / 2)
        box = self._points(left, top, right, bottom)
        self._draw.rounded_rectangle(box, radius=radius * self._unit, fill=colour)

    def line(self, *points: float, colour: str, width: float = 2.0) -> None:
        """Draw a line through points x, y, x, y …, with round ends."""
        self._draw.line(self._points(*points), fill=colour, width=round(width * self._unit), joint="curve")
        for x, y in zip(points[::2], points[1::2], strict=True):
            self.dot(x, y, width / 2, colour)

    def dot(self, x: float, y: float, radius: float, colour: str) -> None:
        """Fill a circle."""
        self._draw.ellipse(self._points(x - radius, y - radius, x + radius, y + radius), fill=colour)

    def ring(self, x: float, y: float, radius: float, colour: str, *, start: float = 0, end: float = 360) -> None:
        """Draw an arc of 2 pixels, in degrees clockwise from the right."""
        box = self._points(x - radius, y - radius, x + radius, y + radius)
        self._draw.arc(box, start, end, fill=colour, width=round(2.2 * self._unit))

    def shape(self, *points: float, colour: str) -> None:
        """Fill a polygon."""
        self._draw.polygon(self._points(*points), fill=colour)

    def star(self, x: float, y: float, outer: float, inner: float, rays: int, colour: str) -> None:
        """Fill a star whose first ray points up."""
        points: list[float] = []
        for i in range(2 * rays):
            radius, angle = (inner if i % 2 else outer), math.pi * i / rays - math.pi / 2
            points += [x + radius * math.cos(angle), y + radius * math.sin(angle)]
        self.shape(*points, colour=colour)

    def wave(self, first: float, middle: float, heights: tuple[float, ...], colour: str) -> None:
        """Draw audio: bars of 2 pixels, 3 apart."""
        for i, height in enumerate(heights):
            left = first + 3 * i
            self.bar(left, middle - height / 2, left + 2, middle + height / 2, colour, 1)

    def plus(self, x: float, y: float, colour: str, reach: float = 4.0) -> None:
        """Draw a plus."""
        self.bar(x - reach, y - 1.25, x + reach, y + 1.25, colour, 0.5)
        self.bar(x - 1.25, y - reach, x + 1.25, y + reach, colour, 0.5)


def _repaint(pen: Pen) -> None:
    pen.wave(4, 15, (6, 10), pen.glyph)
    pen.bar(10, 5, 20, 25, pen.accent, 1.5)
    pen.wave(10.9, 15, (14, 10, 15), "#2c3642")
    pen.wave(21, 15, (12, 7), pen.glyph)


def _cover(pen: Pen) -> None:
    pen.wave(4, 10, (5, 10, 7, 4), pen.glyph)
    pen.wave(15, 20.5, (4, 9, 6, 10), pen.accent)
    pen.line(18, 8, 22.5, 8, colour=pen.glyph)
    pen.line(22.5, 8, 22.5, 10.5, colour=pen.glyph)
    pen.shape(19, 10, 26, 10, 22.5, 14, colour=pen.glyph)


def _add_layer(pen: Pen) -> None:
    pen.bar(5, 6, 25, 10, pen.glyph)
    pen.bar(5, 13, 14, 17, pen.glyph)
    pen.bar(5, 20, 14, 24, pen.accent)
    pen.plus(20.5, 19, pen.accent, 5)


def _complete(pen: Pen) -> None:
    pen.bar(5, 5, 25, 9, pen.glyph)
    for number, right in enumerate((25, 18, 22)):
        pen.bar(5, 11.5 + 5 * number, right, 14.8 + 5 * number, pen.accent)


def _extract(pen: Pen) -> None:
    pen.bar(4, 9, 9, 21, pen.glyph)
    for y in (7, 15, 23):
        pen.line(10, 15, 15, y, 19, y, colour=pen.glyph, width=1.6)
        pen.dot(22.5, y, 3, pen.accent)


def _generate(pen: Pen) -> None:
    pen.line(7, 5, 7, 25, colour=pen.glyph)
    pen.star(18, 15, 9.5, 2.8, 4, pen.accent)
    pen.star(11.5, 7.5, 3.4, 1.1, 4, pen.glyph)


def _compose(pen: Pen) -> None:
    for y, right in ((6, 18), (11, 14), (16, 11)):
        pen.bar(4.5, y, right, y + 2.4, pen.glyph)
    pen.line(16, 21.5, 16, 11, 24, 8.5, 24, 19, colour=pen.accent, width=2.2)
    pen.dot(13.8, 21.8, 3.1, pen.accent)
    pen.dot(21.8, 19.3, 3.1, pen.accent)


def _extend(pen: Pen) -> None:
    pen.wave(4, 15, (8, 16, 11), pen.glyph)
    pen.line(15, 15, 22, 15, colour=pen.accent, width=3)
    pen.shape(20, 8.5, 27, 15, 20, 21.5, colour=pen.accent)


def _prepend(pen: Pen) -> None:
    pen.wave(18, 15, (11, 16, 8), pen.glyph)
    pen.line(8, 15, 15, 15, colour=pen.accent, width=3)
    pen.shape(10, 8.5, 3, 15, 10, 21.5, colour=pen.accent)


def _join(pen: Pen) -> None:
    pen.bar(3.5, 8, 12, 22, pen.glyph)
    pen.bar(18, 8, 26.5, 22, pen.glyph)
    pen.line(10, 11, 20, 19, colour=pen.accent, width=2.6)
    pen.line(10, 19, 20, 11, colour=pen.accent, width=2.6)


def _analyse(pen: Pen) -> None:
    pen.wave(9.2, 12.5, (4, 9, 6), pen.accent)
    pen.ring(13.3, 12.5, 8.5, pen.glyph)
    pen.line(19.8, 19, 24.5, 24, colour=pen.glyph, width=3)


def _lyrics(pen: Pen) -> None:
    pen.bar(4.5, 5, 25.5, 9, pen.accent)
    pen.bar(4.5, 5, 6.8, 25, pen.accent)
    for y, right in ((12, 25), (17, 20), (22, 23)):
        pen.bar(9.5, y, right, y + 2.4, pen.glyph)


def _midi(pen: Pen) -> None:
    for left, y, right, colour in (
        (4.5, 20, 11, pen.glyph), (9.5, 14.5, 16, pen.accent), (14.5, 9, 20, pen.glyph), (19, 17, 25.5, pen.accent)
    ):  # fmt: skip
        pen.bar(left, y, right, y + 3.6, colour)


def _score(pen: Pen) -> None:
    pen.star(15, 15.6, 11, 4.6, 5, pen.accent)


def _another_take(pen: Pen) -> None:
    pen.bar(4.5, 5, 19, 13.5, pen.glyph, 1.5)
    pen.bar(4.5, 16, 13, 24.5, pen.accent, 1.5)
    pen.plus(20, 20, pen.accent, 5)


def _repeat(pen: Pen) -> None:
    pen.ring(15, 16, 8.5, pen.glyph, start=-20, end=260)
    pen.shape(12.5, 3.5, 20.5, 8.5, 12.5, 13.5, colour=pen.accent)


def _jobs(pen: Pen) -> None:
    for y, done in ((6, 21), (13, 16), (20, 9)):
        pen.bar(5, y, 25, y + 4, pen.glyph)
        pen.bar(5, y, done, y + 4, pen.accent)


def _cancel(pen: Pen) -> None:
    pen.line(8, 8, 22, 22, colour="#ff6b5e", width=4)
    pen.line(22, 8, 8, 22, colour="#ff6b5e", width=4)


def _settings(pen: Pen) -> None:
    for y, knob in ((8, 19), (15, 10), (22, 21)):
        pen.line(5, y, 25, y, colour=pen.glyph, width=1.8)
        pen.dot(knob, y, 3.2, pen.accent)


#: File → what draws it. `lib/toolbar.lua` says which action has which.
ICONS: dict[str, Callable[[Pen], None]] = {
    "repaint": _repaint, "cover": _cover, "add_layer": _add_layer, "complete": _complete, "extract": _extract,
    "generate": _generate, "compose": _compose, "extend": _extend, "prepend": _prepend, "join": _join, "analyse": _analyse,
    "lyrics": _lyrics, "midi": _midi, "score": _score,
    "another_take": _another_take, "repeat": _repeat, "jobs": _jobs, "cancel": _cancel,
    "settings": _settings,
}  # fmt: skip


def draw(name: str, scale: float) -> Image.Image:
    """Return an icon's three pictures side by side, ``3 × SIDE × scale`` wide. KeyError for a name that is not in `ICONS`."""
    side = round(SIDE * scale)
    strip = Image.new("RGBA", (3 * side, side))
    for number, (tile, rim, glyph, accent) in enumerate(STATES):
        large = side * _OVERSAMPLING
        unit = large / SIDE
        picture = Image.new("RGBA", (large, large))
        box = [unit, unit, large - 1 - unit, large - 1 - unit]
        ImageDraw.Draw(picture).rounded_rectangle(box, radius=5 * unit, fill=tile, outline=rim, width=round(unit))
        ICONS[name](Pen(picture, glyph, accent, unit))
        strip.paste(picture.resize((side, side), Image.Resampling.BOX), (number * side, 0))
    return strip


def files(folder: Path) -> dict[Path, tuple[str, float]]:
    """Return every file of ``folder`` → the icon's name and its scale."""
    return {
        folder / below / f"acebridge_{name}.png": (name, scale) for below, scale in SCALES.items() for name in ICONS
    }


def main() -> None:
    """Write all icons."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--into", type=Path, default=FOLDER, help="the folder of the icons (toolbar_icons here)")
    into = parser.parse_args().into
    for path, (name, scale) in files(into).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        draw(name, scale).save(path, optimize=True)
    print(f"{into}: {len(files(into))} icons")


if __name__ == "__main__":
    main()
