"""What a Live Set says about its music: tempo and key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from acestep_runtime.values import MAX_BPM, MIN_BPM

if TYPE_CHECKING:
    from ableton_extensions import Song
    from pydantic import JsonValue

#: Live's root notes, from 0.
ROOTS = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
#: Live's scales that are a key, each with its mode.
MODES = {"Major": "major", "Minor": "minor", "Harmonic Minor": "minor", "Melodic Minor": "minor"}


def keyscale_of(song: Song) -> str | None:
    """Return the key of a Live Set, such as "A minor"; ``None`` where its scale is off, as in a new Set, or is no key."""
    mode = MODES.get(song.scale_name) if song.scale_mode else None
    return None if mode is None else f"{ROOTS[song.root_note % 12]} {mode}"


def music_of(song: Song, values: Mapping[str, JsonValue], bpm: float | None) -> dict[str, JsonValue]:
    """Return the description of the music for a task; ``bpm`` of ``None`` is a tempo that changes."""
    known: dict[str, JsonValue] = {
        "caption": values.get("style"),
        "lyrics": values.get("lyrics"),
        "chords": values.get("chords"),
        "bpm": bpm if bpm is not None and MIN_BPM <= bpm <= MAX_BPM else None,
        "keyscale": keyscale_of(song),
    }
    return {name: value for name, value in known.items() if value not in (None, "")}
