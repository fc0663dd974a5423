"""What listening has found, in lines that a musician reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acestep_runtime.errors import printable

if TYPE_CHECKING:
    from acebridge.hosts.jobfolder.documents import ResultFile

_NAMES = {
    "bpm": "Tempo",
    "keyscale": "Key",
    "timesignature": "Meter",
    "language": "Language",
    "duration_s": "Length in seconds",
    "caption": "Description",
    "lyrics": "Lyrics",
}


def lines_of(result: ResultFile) -> list[str]:
    """Return what a result says about the music; a line that nothing was found where it says nothing."""
    metadata = result["parts"][0]["takes"][0]["metadata"]
    found = [f"{name}: {printable(str(metadata[key]), 600)}" for key, name in _NAMES.items() if metadata.get(key)]
    certainty = metadata.get("certainty")
    if isinstance(certainty, dict):
        doubts = [about for about, how in certainty.items() if how == "perhaps"]
        found.extend([f"Perhaps, not surely: {', '.join(doubts)}."] if doubts else [])
    return found or ["Nothing was found: the selection may be silent."]
