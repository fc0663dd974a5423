"""The colours of tracks, the same on the page and in the project, as people know them from other tools."""

from __future__ import annotations

TRACK_COLOURS = {
    "drums": "#ef4444",
    "bass": "#f97316",
    "guitar": "#eab308",
    "keyboard": "#22c55e",
    "percussion": "#14b8a6",
    "strings": "#06b6d4",
    "synth": "#3b82f6",
    "fx": "#8b5cf6",
    "brass": "#a855f7",
    "woodwinds": "#d946ef",
    "backing_vocals": "#ec4899",
    "vocals": "#f43f5e",
}
#: Outputs that are no track: whole songs, remainders and repainted regions.
SONG, OTHER, REPAINT = "#64748b", "#94a3b8", "#0ea5e9"


def colour_of(role: str) -> str:
    """Return the colour of a role as ``#rrggbb``."""
    return TRACK_COLOURS.get(role, OTHER)
