"""General MIDI: the voice that plays a program, and the piece of a kit that plays a drum note.

Source: the MIDI Association's General MIDI 1 sound set. Programs and notes count from 0.
"""

from __future__ import annotations

from typing import NamedTuple

DRUM_KIT = "acoustic"
#: The channel of drums, the tenth, counted from 0.
DRUM_CHANNEL = 9


class PlayedBy(NamedTuple):
    """A track and one of its voices, by their names in `acestep_runtime.dsp.voices`."""

    track: str
    voice: str


#: The voice of each family of eight programs, from 0 on.
_FAMILIES = (
    PlayedBy("keyboard", "piano"),
    PlayedBy("keyboard", "bell"),
    PlayedBy("keyboard", "organ"),
    PlayedBy("guitar", "guitar_clean"),
    PlayedBy("bass", "bass_finger"),
    PlayedBy("strings", "strings"),
    PlayedBy("strings", "strings"),
    PlayedBy("brass", "brass"),
    PlayedBy("woodwinds", "saxophone"),
    PlayedBy("woodwinds", "flute"),
    PlayedBy("synth", "synth_lead"),
    PlayedBy("synth", "pad"),
    PlayedBy("synth", "pad"),
    PlayedBy("guitar", "guitar_nylon"),
    PlayedBy("keyboard", "bell"),
    PlayedBy("synth", "pad"),
)
#: Voices of programs within a family that it does not fit.
_VOICES = {
    4: "epiano", 5: "epiano", 6: "synth_pluck", 7: "synth_pluck",
    21: "organ", 22: "organ", 24: "guitar_nylon", 25: "guitar_acoustic", 28: "guitar_muted", 29: "guitar_lead",
    30: "guitar_lead", 32: "bass_upright", 34: "bass_pick", 36: "bass_pick", 37: "bass_pick", 38: "bass_synth",
    39: "bass_synth", 45: "strings_short", 46: "guitar_nylon", 47: "bell", 52: "choir", 53: "choir", 54: "choir",
    55: "strings_short", 56: "trumpet", 59: "trumpet", 62: "supersaw", 63: "supersaw", 68: "clarinet", 69: "clarinet",
    70: "clarinet", 71: "clarinet", 80: "synth_lead", 84: "synth_lead", 85: "choir", 88: "bell", 90: "supersaw",
    98: "bell", 105: "guitar_acoustic", 108: "bell", 110: "strings", 111: "clarinet",
}  # fmt: skip
_TRACKS_OF_VOICES = {
    "choir": "backing_vocals",
    "strings": "strings",
    "strings_short": "strings",
    "clarinet": "woodwinds",
    "bell": "keyboard",
    "synth_pluck": "synth",
}
#: Piece of a kit by the note of the drum channel.
_PIECES = {
    35: "kick", 36: "kick", 37: "rim", 38: "snare", 39: "clap", 40: "snare", 41: "tom3", 42: "hat", 43: "tom3",
    44: "hat", 45: "tom2", 46: "open", 47: "tom2", 48: "tom1", 49: "crash", 50: "tom1", 51: "ride", 52: "crash",
    53: "ride", 54: "tambourine", 55: "crash", 56: "rim", 57: "crash", 58: "shaker", 59: "ride", 60: "bongo", 61: "bongo",
    62: "conga", 63: "conga", 64: "conga", 65: "tom1", 66: "tom2", 67: "rim", 68: "rim", 69: "shaker", 70: "shaker",
    71: "shaker", 72: "shaker", 73: "brush", 74: "brush", 75: "rim", 76: "rim", 77: "rim", 78: "conga", 79: "conga",
    80: "shaker", 81: "tambourine",
}  # fmt: skip
_USUAL_PIECE = "rim"
#: Note of the drum channel by the piece of a kit: the usual one of those that play it.
_NOTES = {"kick": 36, "snare": 38, "hat": 42, "open": 46, "tom2": 47, "crash": 49, "ride": 51}
#: Drum notes that belong to the track "percussion".
_PERCUSSION = frozenset((54, 56, 58, *range(60, 82)))


def voice_of_program(program: int) -> PlayedBy:
    """Return the track and the voice that play a program, 0 to 127."""
    usual = _FAMILIES[program // 8]
    voice = _VOICES.get(program, usual.voice)
    return PlayedBy(_TRACKS_OF_VOICES.get(voice, usual.track), voice)


def piece_of_note(pitch: int) -> PlayedBy:
    """Return the track, and the piece of its kit, that play a note of the drum channel."""
    return PlayedBy("percussion" if pitch in _PERCUSSION else "drums", _PIECES.get(pitch, _USUAL_PIECE))


def note_of_piece(piece: str) -> int:
    """Return the usual note of the drum channel for a piece: kick, snare, hat, open, tom2, crash or ride."""
    return _NOTES[piece]
