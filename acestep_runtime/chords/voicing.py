"""Charts as notes: block chords and a bass in a steady pulse, which a neural engine can follow as it follows MIDI."""

from __future__ import annotations

from acestep_runtime.chords.chart import ChordChart
from acestep_runtime.chords.symbols import ChordName
from acestep_runtime.notes import Meter, MidiSong, Note, Part, Tempo

#: General MIDI programs, from 0: acoustic grand piano, electric bass (finger).
_PIANO, _BASS = 0, 33
#: The lowest note of the chords, of ninths and higher, and of the bass.
_CHORD_LOW, _COLOUR_LOW, _BASS_LOW = 55, 67, 31
#: Velocities on the first beat of a bar and on others.
_STRONG, _WEAK = 92, 76
#: Part of a beat that a note sounds, so that the next one is heard to begin.
_SOUNDING = 0.95
#: Notes of which more would blur; the first ones of a quality say most.
_MOST_NOTES = 6


def voice_chord(chord: ChordName) -> tuple[int, ...]:
    """Return the MIDI pitches of a chord without its bass, lowest first; none for N.C.

    Notes lie in one octave, so that neighbouring chords move by steps; ninths and higher lie above it.
    """
    classes = chord.pitch_classes[:_MOST_NOTES]
    near = {_at_or_above(pc, _CHORD_LOW) for pc in classes[:4]}
    return tuple(sorted(near | {_at_or_above(pc, _COLOUR_LOW) for pc in classes[4:]}))


def chart_to_midi(chart: ChordChart, *, bpm: float, beats_per_bar: int, end_s: float, unit: int = 4) -> MidiSong:
    """Return a song that plays a chart from its first bar on, again and again, until ``end_s`` seconds.

    A piano strikes the chord on each beat, a bass plays its lowest note. ``bpm`` counts the beats of the meter, which are
    ``beats_per_bar`` notes of 1/``unit``. The song's tempo is in quarter notes, as MIDI has it.
    """
    beat_s = 60.0 / bpm
    chords: list[Note] = []
    bass: list[Note] = []
    beats = max(1, round(end_s / beat_s + 0.49))
    for beat in range(beats):
        chord = chart.at(beat // beats_per_bar, beat % beats_per_bar, beats_per_bar)
        start_s, stop_s = beat * beat_s, min(end_s, (beat + _SOUNDING) * beat_s)
        if chord.is_silent or stop_s <= start_s:
            continue
        velocity = _WEAK if beat % beats_per_bar else _STRONG
        chords += [Note(start_s, stop_s, pitch, velocity) for pitch in voice_chord(chord)]
        bass.append(Note(start_s, stop_s, _at_or_above(chord.lowest, _BASS_LOW), velocity))
    parts = (Part("Chords", tuple(chords), _PIANO), Part("Bass", tuple(bass), _BASS))
    return MidiSong(parts, (Tempo(0, bpm * 4 / unit),), (Meter(0, beats_per_bar, unit),), end_s)


def _at_or_above(pitch_class: int, low: int) -> int:
    return low + (pitch_class - low) % 12
