"""Beats and frames: against the integral of a tempo map, whatever it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acebridge.hosts.live.clock import Clock, beats_to_seconds, read_clock, seconds_to_beats

RATE_HZ = 44_100
BPM = st.floats(30, 300)
BEATS = st.floats(0, 400)


def never(_: float) -> int:
    raise AssertionError("a constant tempo is computed, not measured")


def test_a_beat_at_sixty_is_a_second() -> None:
    assert beats_to_seconds(4.0, 60.0) == 4.0
    assert seconds_to_beats(4.0, 120.0) == 8.0


@given(BPM, BEATS, st.floats(0.5, 64), st.floats(0, 1))
def test_a_constant_tempo_needs_no_measuring_and_anchors_are_exact(
    bpm: float, start: float, length: float, share: float
) -> None:
    end, mark = start + length, start + share * length
    frames = round(length * 60 / bpm * RATE_HZ)
    clock = read_clock(start, end, (mark,), bpm=bpm, frames=frames, rate_hz=RATE_HZ, measure=never)
    assert clock.bpm == bpm
    assert (clock.beat_at(0), clock.frames) == (start, frames)
    assert abs(clock.frame_at(mark) - (mark - start) * 60 / bpm * RATE_HZ) <= 0.5 + 1e-6
    assert clock.beat_at(clock.frame_at(start)) == start


@given(BPM, st.integers(-10 * RATE_HZ, 100 * RATE_HZ))
def test_any_frame_has_the_beat_of_its_time(bpm: float, frame: int) -> None:
    end = seconds_to_beats(100.0, bpm)
    clock = Clock(RATE_HZ, ((0, 0.0), (100 * RATE_HZ, end)), bpm)
    assert clock.beat_at(frame) == pytest.approx(frame / RATE_HZ * bpm / 60, abs=1e-9)


@given(BPM, BPM, st.floats(1, 20), st.floats(1, 20))
def test_a_tempo_that_changes_is_measured_at_each_mark(
    first: float, second: float, before: float, after: float
) -> None:
    """The first tempo lasts until the mark, the second from there on."""
    head, tail = (round(beats * 60 / bpm * RATE_HZ) for beats, bpm in ((before, first), (after, second)))
    asked: list[float] = []

    def measure(beat: float) -> int:
        asked.append(beat)
        return head

    end = before + after
    clock = read_clock(0.0, end, (before,), bpm=first, frames=head + tail, rate_hz=RATE_HZ, measure=measure)
    steady = abs((before + after) * 60 / first * RATE_HZ - head - tail) <= 2.5
    if clock.bpm is None:
        assert asked == [before]
        assert clock.frame_at(before) == head
        assert clock.beat_at(head // 2) == pytest.approx(before * (head // 2) / head)
    else:
        assert steady


def test_a_mark_at_the_edge_is_that_edge() -> None:
    clock = read_clock(4.0, 8.0, (4.0, 8.0), bpm=120, frames=2 * RATE_HZ, rate_hz=RATE_HZ, measure=never)
    assert clock.anchors == ((0, 4.0), (2 * RATE_HZ, 8.0))
    with pytest.raises(KeyError):
        clock.frame_at(5.0)
