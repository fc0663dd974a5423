"""Curves of times over counts as SVG, written by hand: no package for plots is needed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape

_COLOURS = ("#c0392b", "#2f6f9f", "#7d8f3a")
_WIDTH, _HEIGHT, _LEFT, _TOP, _GAP = 250, 220, 60, 74, 62
#: The range of the axis of times, in seconds. Shorter times, also none, lie at its lower end.
_SHORTEST_S, _LONGEST_S = 0.1, 1000.0


class Curve(NamedTuple):
    """One colour: for each count a median and a late time, in seconds."""

    label: str
    points: Sequence[tuple[int, float, float]]


class Panel(NamedTuple):
    """Some curves with axes of their own. All have the same counts."""

    title: str
    curves: Sequence[Curve]


def draw_panels(title: str, counts: str, panels: Sequence[Panel]) -> str:
    """Return an SVG with panels side by side; times on a logarithmic axis, counts evenly spaced."""
    width = _LEFT + len(panels) * (_WIDTH + _GAP)
    height = _TOP + _HEIGHT + 50
    lines = [_text(_LEFT, 22, title, size=14)]
    for number, curve in enumerate(panels[0].curves):
        x = _LEFT + number * 110
        lines.append(
            f'<rect x="{x}" y="34" width="12" height="12" fill="{_COLOURS[number]}"/>{_text(x + 18, 44, curve.label)}'
        )
    for number, panel in enumerate(panels):
        lines += _draw_panel(panel, counts, _LEFT + number * (_WIDTH + _GAP))
    box = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12"'
    ground = f'<rect width="{width}" height="{height}" fill="white"/>'
    return "\n".join((f'<svg xmlns="http://www.w3.org/2000/svg" {box}>', ground, *lines, "</svg>\n"))


def _draw_panel(panel: Panel, counts: str, left: int) -> list[str]:
    bottom = _TOP + _HEIGHT
    lines = [_text(left, _TOP - 10, panel.title)]
    for power in range(round(math.log10(_SHORTEST_S)), round(math.log10(_LONGEST_S)) + 1):
        y = _height_of(10.0**power)
        lines.append(f'<path d="M{left} {y:.1f}h{_WIDTH}" stroke="#d5d9de"/>')
        at_most = "≤ " if y == bottom else ""
        lines.append(_text(left - 6, y + 4, f"{at_most}{10.0**power:g} s", "end", size=10))
    columns = [count for count, _, _ in panel.curves[0].points]
    places = {
        count: left + 12 + number * (_WIDTH - 24) / max(1, len(columns) - 1) for number, count in enumerate(columns)
    }
    lines += [_text(x, bottom + 16, str(count), "middle", size=10) for count, x in places.items()]
    lines.append(_text(left + _WIDTH / 2, bottom + 34, counts, "middle"))
    for curve, colour in zip(panel.curves, _COLOURS, strict=False):
        for column, dash in ((1, ""), (2, ' stroke-dasharray="5 4"')):
            path = " ".join(f"{places[point[0]]:.1f},{_height_of(point[column]):.1f}" for point in curve.points)
            lines.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
    return lines


def _height_of(seconds: float) -> float:
    """Return where a time lies, from the top."""
    within = min(max(seconds, _SHORTEST_S), _LONGEST_S)
    share = math.log(within / _SHORTEST_S) / math.log(_LONGEST_S / _SHORTEST_S)
    return _TOP + _HEIGHT * (1 - share)


def _text(x: float, y: float, text: str, anchor: str = "start", *, size: int = 12) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">{escape(text)}</text>'
