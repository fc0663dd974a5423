"""Pro Tools' colours: tracks take a number of its palette, not a colour."""

from __future__ import annotations

import re
from collections.abc import Sequence

from acebridge.hosts.protools.connection import ProTools
from acebridge.hosts.protools.faults import without_unknown

#: The last six digits are red, green, blue; what is before them is opacity.
_COLOUR = re.compile(r"#?(?:[0-9a-fA-F]{2})?([0-9a-fA-F]{6})")


def track_palette(pro: ProTools) -> list[str]:
    """Return the palette of tracks; an empty one where Pro Tools does not tell it."""
    with without_unknown():
        return list(pro.ask("GetColorPalette", {"color_palette_target": "CPTarget_Tracks"}).color_list)
    return []


def nearest(palette: Sequence[str], colour: str) -> int:
    """Return the number, from 0, of the colour in a palette that is closest to ``colour``, such as ``#ff8800``."""
    wanted = _channels(colour)

    def distance(number: int) -> float:
        return sum((a - b) ** 2 for a, b in zip(wanted, _channels(palette[number]), strict=True))

    return min(range(len(palette)), key=distance)


def _channels(colour: str) -> tuple[float, float, float]:
    """Return red, green and blue, 0 to 255; far from all others for what is no colour."""
    found = _COLOUR.fullmatch(colour.strip())
    if found is None:
        return (1e6, 1e6, 1e6)
    return tuple(int(found[1][at : at + 2], 16) for at in (0, 2, 4))  # type: ignore[return-value]
