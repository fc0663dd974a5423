"""Bars of measured figures as SVG, written by hand: no package for plots is needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

_COLOURS = ("#9aa5b1", "#2f6f9f", "#c0392b", "#7d8f3a")
_LABEL_WIDTH, _BAR_WIDTH, _BAR_HEIGHT, _GAP = 260, 420, 14, 12


def draw_bars(title: str, series: Sequence[str], rows: Sequence[tuple[str, Mapping[str, float]]], unit: str) -> str:
    """Return an SVG: for each row one bar per series that it has a figure of. Each row is as wide as its longest bar."""
    lines, y = [], 56
    for label, figures in rows:
        longest = max(figures.values(), default=0.0)
        lines.append(_text(_LABEL_WIDTH - 10, y + _BAR_HEIGHT - 2, label, "end"))
        for colour, name in zip(_COLOURS, series, strict=False):
            if name not in figures:
                continue
            width = _BAR_WIDTH * figures[name] / longest if longest else 0.0
            lines.append(
                f'<rect x="{_LABEL_WIDTH}" y="{y}" width="{width:.1f}" height="{_BAR_HEIGHT}" fill="{colour}"/>'
            )
            lines.append(_text(_LABEL_WIDTH + width + 6, y + _BAR_HEIGHT - 2, f"{figures[name]:.3g} {unit}"))
            y += _BAR_HEIGHT + 2
        y += _GAP
    legend, x = [], _LABEL_WIDTH
    for colour, name in zip(_COLOURS, series, strict=False):
        legend.append(f'<rect x="{x}" y="32" width="12" height="12" fill="{colour}"/>{_text(x + 18, 42, name)}')
        x += 130
    width = _LABEL_WIDTH + _BAR_WIDTH + 100
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y + 8}" font-family="sans-serif" font-size="12">'
    return "\n".join((head, _text(12, 20, title), *legend, *lines, "</svg>\n"))


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'
