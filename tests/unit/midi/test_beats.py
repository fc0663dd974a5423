"""Quarter notes, seconds and bars of a tempo map: closed forms, and round trips."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acestep_runtime.midi.beats import TempoMap, bars_of, split_meter
from acestep_runtime.notes import Meter, MidiSong, Note, Part, Tempo

NOTE = Part("a", (Note(0, 1, 60, 90),))
MAPS = st.lists(st.tuples(st.floats(0.05, 20), st.floats(20, 400)), max_size=8)


def map_of(steps: list[tuple[float, float]]) -> TempoMap:
    now, tempos = 0.0, [Tempo(0, 120)]
    for length_s, bpm in steps:
        now += length_s
        tempos.append(Tempo(now, bpm))
    return TempoMap(tuple(tempos))


@given(steps=MAPS, time_s=st.floats(-5, 200))
def test_there_and_back(steps: list[tuple[float, float]], time_s: float) -> None:
    tempos = map_of(steps)
    assert tempos.quarter_to_s(tempos.s_to_quarter(time_s)) == pytest.approx(time_s, abs=1e-6)


def test_a_step_and_a_ramp() -> None:
    step = TempoMap((Tempo(0, 120), Tempo(2.0, 60)))
    assert [step.s_to_quarter(t) for t in (-1, 0, 1, 2, 3)] == [-2, 0, 2, 4, 5]
    assert [step.quarter_to_s(q) for q in (-2, 0, 4, 5)] == [-1, 0, 2, 3]
    # A ramp in 1000 steps against its integral: bpm = 60 + 6 t, so quarters = t + t² / 20.
    ramp = TempoMap(tuple(Tempo(n / 100, 60 + 6 * (n + 0.5) / 100) for n in range(1000)))
    assert ramp.s_to_quarter(10) == pytest.approx(15.0, abs=1e-3)


def test_the_usual_tempo_is_that_of_half_of_the_time() -> None:
    tempos = TempoMap((Tempo(0, 90), Tempo(1, 140), Tempo(9, 200)))
    assert tempos.usual_bpm(10) == pytest.approx(140)
    assert tempos.usual_bpm(0.5) == pytest.approx(90)


@pytest.mark.parametrize("beats", range(2, 40))
def test_long_meters_are_made_of_bars_that_rhythms_have(beats: int) -> None:
    parts = split_meter(beats)
    assert sum(parts) == beats
    assert all(2 <= part <= 7 for part in parts)


def bars(meters: tuple[Meter, ...], end_s: float) -> list[tuple[float, int, int]]:
    return [(bar.start, bar.beats, bar.unit) for bar in bars_of(MidiSong((NOTE,), meters=meters), end_s)]


def test_bars_follow_the_meters() -> None:
    assert bars((Meter(0, 4, 4), Meter(4.0, 3, 4), Meter(5.5, 6, 8)), 7.0) == [
        (0, 4, 4), (4, 4, 4), (8, 3, 4), (11, 6, 8),
    ]  # fmt: skip
    assert bars((Meter(0, 12, 8),), 3.0) == [(0, 6, 8), (3, 6, 8)]
    assert bars((Meter(0, 1, 4),), 1.0) == [(0, 2, 8), (1, 2, 8)]


def test_a_meter_that_changes_within_a_bar_cuts_it_short() -> None:
    assert bars((Meter(0, 4, 4), Meter(1.5, 4, 4)), 3.5) == [(0, 3, 4), (3, 4, 4)]
    assert bars((Meter(0, 4, 4), Meter(0.5, 4, 4)), 2.5) == [(0, 2, 8), (1, 4, 4)]


@given(
    changes=st.lists(
        st.tuples(st.floats(0.05, 9), st.integers(1, 17), st.sampled_from((2, 4, 8, 16))), max_size=5
    ),
    end_s=st.floats(0.1, 40),
)  # fmt: skip
def test_bars_cover_any_song(changes: list[tuple[float, int, int]], end_s: float) -> None:
    now, meters = 0.0, [Meter(0, 4, 4)]
    for length_s, beats, unit in changes:
        now += length_s
        meters.append(Meter(now, beats, unit))
    found = bars_of(MidiSong((NOTE,), meters=tuple(meters)), end_s)
    assert [bar.number for bar in found] == list(range(len(found)))
    assert all(2 <= bar.beats <= 7 for bar in found)
    assert all(later.start > earlier.start for earlier, later in pairwise(found))
    assert found[0].start == 0
