"""Files of chords: ChordPro, links of iReal Pro, and plain text, told apart by what is in them."""

from __future__ import annotations

from acestep_runtime.chords.chordpro import is_chordpro, read_chordpro
from acestep_runtime.chords.ireal import is_ireal, read_ireal
from acestep_runtime.chords.read import FIELD, read_chords
from acestep_runtime.chords.sheet import ChordSheet
from acestep_runtime.values import Key


def read_chord_file(text: str, key: Key | None = None, field_name: str = FIELD) -> ChordSheet:
    """Return what the text of a file says; ``key`` is that of degrees in plain text.

    Raises `InvalidValue`, which names ``field_name``, for what none of the formats is.
    """
    if is_ireal(text):
        return read_ireal(text, field_name)
    if is_chordpro(text):
        return read_chordpro(text, field_name)
    return ChordSheet(read_chords(text, key, field_name))
