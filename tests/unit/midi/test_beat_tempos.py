"""Tempos and meters: beats that were measured are whole beats of the score."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acestep_runtime.dsp.musical import Analysis, Grid
from acestep_runtime.midi.beat_tempos import is_steady, tempos_of_beats
from acestep_runtime.midi.write import TICKS_PER_BEAT, TickMap, write_midi
from acestep_runtime.notes import Meter, MidiSong, Tempo
from acestep_runtime.values import Key

SURE = {"tempo": 0.9, "beats": 0.9, "meter": 0.9, "key": 0.9}


def analysis(beats_s: list[float], bpm: float, downbeat: int = 0, per_bar: int = 4, **confidence: float) -> Analysis:
    downbeats = tuple(beats_s[downbeat::per_bar])
    first = downbeats[0] if downbeats else 0.0
    return Analysis(Grid(bpm, first, per_bar), Key.parse("C major"), tuple(beats_s), downbeats, (), 30.0, -20.0,
                    {**SURE, **confidence})  # fmt: skip


def assert_whole_beats(song: Analysis, beats_s: list[float], from_beat: int = 1) -> TickMap:
    """Beats are multiples of a quarter, and those are where the beats are to 2 µs, less than a sample."""
    ticks = TickMap(tempos_of_beats(song)[0])
    places = [ticks.s_to_tick(beat) for beat in beats_s[from_beat:]]
    assert all(place % TICKS_PER_BEAT == 0 for place in places)
    assert (np.diff(places) == TICKS_PER_BEAT).all()
    assert [ticks.tick_to_s(place) for place in places] == pytest.approx(beats_s[from_beat:], abs=2e-6)
    return ticks


@given(
    st.floats(60, 200), st.floats(0, 3), st.lists(st.floats(-0.08, 0.08), min_size=24, max_size=24), st.integers(0, 3)
)
def test_beats_that_drift_are_whole_beats(bpm: float, first: float, drift: list[float], downbeat: int) -> None:
    lengths = [60 / bpm * (1 + each) for each in drift]
    beats_s = np.cumsum([first, *lengths]).tolist()
    song = analysis(beats_s, bpm, downbeat)
    if not is_steady(song):
        assert_whole_beats(song, beats_s)
        tempos, meters = tempos_of_beats(song)
        assert write_midi(MidiSong((), tempos, meters))


@pytest.mark.parametrize("first", [0.0, 0.1, 0.3, 0.5, 1.0, 1.3])
def test_a_steady_song_has_one_tempo_after_its_first_beat(first: float) -> None:
    beats_s = [first + 0.5 * k for k in range(32)]
    tempos, _ = tempos_of_beats(analysis(beats_s, 120.0))
    assert tempos[-1].bpm == 120.0
    assert len(tempos) <= 2
    assert all(72 <= tempo.bpm <= 205 for tempo in tempos)
    assert_whole_beats(analysis(beats_s, 120.0), beats_s)


def test_small_errors_of_measured_beats_are_no_drift() -> None:
    rng = np.random.default_rng(1)
    beats_s = [0.5 * k + float(rng.uniform(-0.008, 0.008)) for k in range(1, 30)]
    song = dataclasses.replace(analysis(beats_s, 120.0), grid=Grid(120.0, 0.5, 4))
    assert tempos_of_beats(song)[0] == (Tempo(0, 120.0),)


def test_a_short_first_bar_leads_to_the_first_downbeat() -> None:
    beats_s = [0.5 * k for k in range(1, 30)]
    song = analysis(beats_s, 120.0, downbeat=2)  # three quarters before it
    assert tempos_of_beats(song)[1] == (Meter(0.0, 3, 4), Meter(1.5, 4, 4))
    whole = analysis(beats_s, 120.0, downbeat=3)
    assert tempos_of_beats(whole)[1] == (Meter(0.0, 4, 4),)
    waltz = analysis(beats_s, 120.0, downbeat=2, per_bar=3)
    assert tempos_of_beats(waltz)[1] == (Meter(0.0, 3, 4),)


def test_an_uncertain_beat_has_the_default_tempo() -> None:
    beats_s = [0.5 * k for k in range(1, 30)]
    assert tempos_of_beats(analysis(beats_s, 97.0, beats=0.0)) == ((Tempo(0.0, 120.0),), (Meter(0.0, 4, 4),))
    assert tempos_of_beats(analysis(beats_s, 97.0, beats=0.0, tempo=1.0))[0] == (Tempo(0.0, 97.0),)
    assert tempos_of_beats(analysis(beats_s, 120.0, meter=0.0, per_bar=3))[1] == (Meter(0.0, 4, 4),)
