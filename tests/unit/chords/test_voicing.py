"""Charts as notes: what sounds is the chart, beat by beat."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acestep_runtime.chords.read import read_chords
from acestep_runtime.chords.symbols import ChordName
from acestep_runtime.chords.voicing import chart_to_midi, voice_chord
from tests.support.charts import CHORDS


@given(CHORDS)
def test_a_voicing_has_the_notes_of_its_chord(chord: ChordName) -> None:
    pitches = voice_chord(chord)
    assert {pitch % 12 for pitch in pitches} == set(chord.pitch_classes)
    assert list(pitches) == sorted(set(pitches))
    assert all(55 <= pitch < 79 for pitch in pitches)


@pytest.mark.parametrize(("meter", "unit"), [(4, 4), (3, 4), (6, 8), (2, 4)])
@given(bpm=st.floats(40, 240), end_s=st.floats(0.5, 30))
def test_each_beat_has_its_chord_and_bass(meter: int, unit: int, bpm: float, end_s: float) -> None:
    chart = read_chords("| C G/B | N.C. | Am7 |")
    song = chart_to_midi(chart, bpm=bpm, beats_per_bar=meter, end_s=end_s, unit=unit)
    chords, bass = song.parts
    assert song.tempos[0].bpm == pytest.approx(bpm * 4 / unit)
    assert (song.meters[0].beats, song.meters[0].unit) == (meter, unit)
    assert all(note.start_s < note.end_s <= end_s for part in song.parts for note in part.notes)
    beat_s = 60 / bpm
    by_beat: dict[int, set[int]] = {}
    for note in chords.notes:
        by_beat.setdefault(round(note.start_s / beat_s), set()).add(note.pitch % 12)
    lowest = {round(note.start_s / beat_s): note.pitch % 12 for note in bass.notes}
    for beat in range(int(end_s / beat_s)):
        chord = chart.at(beat // meter, beat % meter, meter)
        assert by_beat.get(beat, set()) == set(chord.pitch_classes)
        assert lowest.get(beat) == (None if chord.is_silent else chord.lowest)
