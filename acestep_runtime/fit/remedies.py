"""What to change when a result does not fit: one sentence for each part."""

from __future__ import annotations

from collections.abc import Mapping

from acestep_runtime.certainty import is_reported
from acestep_runtime.dsp.musical import Analysis

#: Part → what to do, with the tempo and key of the source.
REMEDIES: Mapping[str, str] = {
    "silence": "Ask for another take, or describe what is to play in the caption.",
    "leakage": "Ask for another take, or for a lower strength.",
    "containment": "Ask for another take.",
    "tempo": "Ask for another take, or set the tempo: the source has {bpm:.0f} bpm.",
    "timing": "Move it in time, have its timing corrected, or ask for another take.",
    "key": "Ask for another take, or set the key: the source is in {key}.",
    "tuning": "Change its pitch by that much, or ask for another take.",
    "chords": "Ask for another take, or give the chords.",
    "start": "Ask for another take, or choose a region that begins where it is to start.",
    "density": "Ask for another take, or say in the caption how much it is to play.",
    "loudness": "Change its level in the mix.",
    "seams": "Ask for another take, or use a longer crossfade.",
}
#: The same for a source whose key is not heard clearly.
_KEY_UNHEARD = "Ask for another take, or set the key of the source."


def find_remedy(fault: str, source: Analysis) -> str:
    """Return what to change about a fault, the name of a part."""
    if fault == "key" and not is_reported("key", source.confidence):
        return _KEY_UNHEARD
    return REMEDIES[fault].format(bpm=source.grid.bpm, key=source.key)
