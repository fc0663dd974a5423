"""Line alignment and agreement on synthesised singing with known times, solo and in a mix."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acestep_runtime.dsp.alignment import agreement, align, space_lines
from acestep_runtime.dsp.vocals import Voice, detect_voice
from acestep_runtime.lyrics.text import Line
from acestep_runtime.lyrics.timed import TimedLine
from tests.support import band, signals, singer

RATE_HZ = 48_000


def lyric_lines_of(lyric_rows: list[tuple[float, int]]) -> list[Line]:
    return [Line(f"line {n}", ("la",) * syllables) for n, (_, syllables) in enumerate(lyric_rows)]


def song(seed: int, *, pauses_s: tuple[float, float] = (0.3, 1.5)) -> tuple[list[tuple[float, int]], float]:
    """Ten lines of four to ten syllables with an interlude in the middle: (start, syllables) and the length."""
    rng = np.random.default_rng(seed)
    at_s, lyric_rows = 1.7, []
    for line in range(10):
        at_s += 5.0 if line == 5 else 0.0
        syllables = int(rng.integers(4, 11))
        lyric_rows.append((at_s, syllables))
        at_s += 0.3 * (syllables + 1) + rng.uniform(*pauses_s)
    return lyric_rows, at_s + 2


def errors_s(lyric_rows: list[tuple[float, int]], voice: Voice) -> np.ndarray:
    found = align(lyric_lines_of(lyric_rows), voice)
    assert found is not None
    assert [row.text for row in found] == [line.text for line in lyric_lines_of(lyric_rows)]
    assert all(row.start_s < row.end_s for row in found)
    assert all(one.end_s <= other.start_s for one, other in pairwise(found))
    return np.abs([row.start_s - start for row, (start, _) in zip(found, lyric_rows, strict=True)])


@pytest.mark.parametrize("vibrato_cents", [0.0, 30.0])
@pytest.mark.parametrize("pauses_s", [(0.3, 1.5), (0.05, 0.2)])
def test_lines_of_a_solo_voice(vibrato_cents: float, pauses_s: tuple[float, float]) -> None:
    lyric_rows, length_s = song(1, pauses_s=pauses_s)
    alone = singer.sing(lyric_rows, length_s, vibrato_cents=vibrato_cents)
    off = errors_s(lyric_rows, detect_voice(alone.samples, RATE_HZ))
    assert np.median(off) < 0.15
    assert off.max() < 0.6


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3])
def test_lines_in_a_mix(seed: int) -> None:
    lyric_rows, length_s = song(seed)
    voice = singer.sing(lyric_rows, length_s, seed=seed).samples
    players = band.play(bpm=100, bars=int(length_s / 2.4) + 1, singing=False).mix[: len(voice)]
    off = errors_s(lyric_rows, detect_voice(voice + 0.8 * players, RATE_HZ))
    assert np.median(off) < 0.25
    assert np.quantile(off, 0.8) < 0.5


def test_voice_activity_matches_the_vocal_notes() -> None:
    lyric_rows = [(1.0, 6), (5.0, 6)]
    alone = singer.sing(lyric_rows, 9)
    voice = detect_voice(alone.samples, RATE_HZ)
    time_s = np.arange(len(voice.sounding)) * 9 / len(voice.sounding)
    sings = np.any([(time_s > a) & (time_s < b) for a, b in zip(alone.starts_s, alone.ends_s, strict=True)], axis=0)
    assert voice.sounding[sings].mean() > 0.9
    assert voice.sounding[~sings].mean() < 0.1
    assert len(voice.onsets_s) == pytest.approx(12, abs=3)


@pytest.mark.parametrize("sound", [signals.noise(6), np.zeros((6 * RATE_HZ, 2), np.float32), signals.clicks([1, 2], 6)])
def test_audio_without_a_voice_has_no_voice(sound: np.ndarray) -> None:
    assert align(lyric_lines_of([(0, 8)] * 4), detect_voice(sound, RATE_HZ)) is None


def test_right_times_agree_better_than_wrong_ones() -> None:
    lyric_rows, length_s = song(4)
    performance = singer.sing(lyric_rows, length_s, seed=4)
    voice = detect_voice(performance.samples, RATE_HZ)

    def score(by_s: float = 0.0, syllables: int = 1, skip: int = 0) -> float:
        lines = [Line(line.text, line.syllables * syllables) for line in lyric_lines_of(lyric_rows)]
        timed_lines = [
            TimedLine(a + by_s, b + by_s, "") for a, b in zip(performance.starts_s, performance.ends_s, strict=True)
        ]
        return agreement(timed_lines[: len(timed_lines) - skip], lines[: len(timed_lines) - skip], voice).score

    assert score() > 0.95
    assert score() > score(0.25) > score(0.5) > score(1.2)
    assert score() > score(syllables=2) > score(syllables=4)


def test_unsung_lines_are_named() -> None:
    performance = singer.sing([(1.0, 8)], 12)
    voice = detect_voice(performance.samples, RATE_HZ)
    timed_lines = [TimedLine(1.0, performance.ends_s[0], "here"), TimedLine(6.0, 9.0, "gone")]
    fit = agreement(timed_lines, lyric_lines_of([(0, 8), (0, 8)]), voice)
    assert fit.silent_lines == ("gone",)
    assert fit.score < 0.7


@settings(deadline=None, max_examples=40)
@given(
    sounding=st.lists(st.floats(0, 1), min_size=0, max_size=200),
    onsets=st.lists(st.floats(0, 4), max_size=30, unique=True),
    syllables=st.lists(st.integers(1, 12), min_size=1, max_size=8),
)
def test_any_voice_gives_lines_in_order_or_no_lines(sounding, onsets, syllables) -> None:
    at = np.sort(np.array(onsets, float))
    voice = Voice(np.array(sounding, float), at, np.ones(len(at)))
    lines = [Line(str(n), ("la",) * n) for n in syllables]
    found = align(lines, voice)
    if found is not None:
        starts = [row.start_s for row in found]
        assert starts == sorted(starts)
        assert all(0 <= row.start_s < row.end_s for row in found)
        assert 0 <= agreement(found, lines, voice).score <= 1


def test_spaced_lines_fill_the_time_by_their_syllables() -> None:
    rows = space_lines([Line("a", ("a",)), Line("b", ("b",) * 3)], 3.0, 9.0)
    assert [(row.start_s, row.end_s) for row in rows] == [(3.0, 5.0), (5.0, 9.0)]
