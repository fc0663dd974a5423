"""Times in the metadata of takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from acestep_runtime.lyrics import lrc

#: Metadata that holds times in seconds: lists of times, or of objects with ``start_s``, ``end_s`` or both.
_TIMED = ("beats", "downbeats", "chords", "lines", "sections", "changes")


def shift_times(metadata: Mapping[str, Any], by_s: float) -> dict[str, Any]:
    """Return metadata with all times in it later by ``by_s``."""
    out = {name: _shift(value, by_s) if name in _TIMED else value for name, value in metadata.items()}
    if "lrc" in metadata:
        out["lrc"] = lrc.to_lrc(line.moved(by_s) for line in lrc.from_lrc(metadata["lrc"]))
    return out


def _shift(values: list[Any], by_s: float) -> list[Any]:
    """Return times later by ``by_s``, to the millisecond, also those of the words in a line."""
    return [
        {
            **value,
            **{end: round(value[end] + by_s, 3) for end in ("start_s", "end_s") if end in value},
            **({"words": _shift(value["words"], by_s)} if "words" in value else {}),
        }
        if isinstance(value, dict)
        else round(value + by_s, 3)
        for value in values
    ]
