"""The draft engine's repaint: how much old content it retains, and how it joins two songs."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acestep_runtime.dsp.analysis import analyse
from acestep_runtime.engines.base import Block, EngineRequest, Metadata
from acestep_runtime.engines.draft.engine import DraftEngine
from acestep_runtime.tasks import TASKS
from acestep_runtime.values import CancelToken, Music
from tests.support import signals

RATE_HZ = 48_000
Samples = npt.NDArray[np.float32]


def run_repaint(source: Samples, span_s: tuple[float, float], *, known: tuple[int, int] | None = None, seed: int = 1,
              mode: str = "", strength: float = 1.0, **music: Any) -> tuple[Samples, dict[str, Any]]:  # fmt: skip
    span = (round(span_s[0] * RATE_HZ), round(span_s[1] * RATE_HZ))
    request = EngineRequest(TASKS["repaint"], len(source), seed, Music(**music), source=source, span=span, mode=mode,
                            known=known or (0, len(source)), strength=strength)  # fmt: skip
    parts, facts = [], {}
    for event in DraftEngine().run(request, CancelToken()):
        if isinstance(event, Block):
            parts.append(event.samples)
        elif isinstance(event, Metadata):
            facts.update(event.values)
    result = np.concatenate(parts)
    assert np.array_equal(result[: span[0]], source[: span[0]])
    assert np.array_equal(result[span[1] :], source[span[1] :])
    assert np.isfinite(result).all()
    if span[0] < (known or (0, len(source)))[1]:
        assert not (result[slice(*span)] == source[slice(*span)]).all(axis=1).any()
    return result, facts


def likeness(one: Samples, other: Samples) -> float:
    return float(np.corrcoef(one.mean(axis=1), other.mean(axis=1))[0, 1])


def rms_db(samples: Samples) -> float:
    return float(10 * np.log10(np.mean(samples.astype(np.float64) ** 2) + 1e-20))


@pytest.fixture(scope="module")
def song() -> Samples:
    """Sixteen seconds in C at 120 bpm; each bar has noise of its own."""
    result = np.float32(0.6) * signals.song(bpm=120, bars=8)
    return (result + signals.noise(16.0, rms=0.03, seed=3)[: len(result)]).astype(np.float32)


# ------------------------------------------------------------------------------------------------ mode and strength
@pytest.mark.parametrize("caption", ["", "brighter piano", "jazz"])
def test_a_higher_share_to_keep_retains_more_old_content(song: Samples, caption: str) -> None:
    span_s = (4.0, 12.0)
    old = song[4 * RATE_HZ : 12 * RATE_HZ]
    plans = [("conservative", 0.5), ("balanced", 0.3), ("balanced", 0.7), ("aggressive", 0.5)]
    found = []
    for mode, strength in plans:
        result, _ = run_repaint(song, span_s, mode=mode, strength=strength, caption=caption)
        found.append(likeness(result[4 * RATE_HZ : 12 * RATE_HZ], old))
        assert abs(rms_db(result[4 * RATE_HZ : 12 * RATE_HZ]) - rms_db(song)) < 3
    assert found[0] > 0.6
    assert all(a >= b - 0.02 for a, b in pairwise(found))
    assert found[0] - found[-1] > 0.3


def test_the_extremes_of_strength_equal_the_other_modes(song: Samples) -> None:
    result = {(mode, strength): run_repaint(song, (5.3, 9.7), mode=mode, strength=strength)[0].tobytes()
            for mode, strength in (("conservative", 0.3), ("balanced", 0.0), ("balanced", 1.0), ("aggressive", 0.3),
                                   ("", 1.0))}  # fmt: skip
    assert result["conservative", 0.3] == result["balanced", 0.0]
    assert result["aggressive", 0.3] == result["balanced", 1.0] == result["", 1.0]
    assert result["aggressive", 0.3] != result["conservative", 0.3]


def test_retained_bars_keep_their_positions(song: Samples) -> None:
    """In half strength some bars of the bed are the old ones in place, some are not; none is both."""
    result, _ = run_repaint(song, (4.0, 12.0), mode="balanced", strength=0.5)
    bars = [likeness(result[at * RATE_HZ : (at + 2) * RATE_HZ], song[at * RATE_HZ : (at + 2) * RATE_HZ])
            for at in (4, 6, 8, 10)]  # fmt: skip
    noise = signals.noise(16.0, rms=0.03, seed=3)
    is_retained = [likeness(result[at * RATE_HZ : (at + 2) * RATE_HZ], noise[at * RATE_HZ : (at + 2) * RATE_HZ]) > 0.05
            for at in (4, 6, 8, 10)]  # fmt: skip
    assert sum(is_retained) == 2
    assert min(b for b, k in zip(bars, is_retained, strict=True) if k) > 0.5


def test_silent_bars_are_not_retained() -> None:
    """A hole in a song is filled, however much of it is to be kept."""
    song = np.float32(0.6) * signals.song(bpm=120, bars=8)
    song[6 * RATE_HZ : 10 * RATE_HZ] = 0
    result, _ = run_repaint(song, (6.0, 10.0), mode="conservative")
    levels = [rms_db(result[at * RATE_HZ : (at + 1) * RATE_HZ]) for at in range(6, 10)]
    assert min(levels) > rms_db(song[: 6 * RATE_HZ]) - 12


@pytest.mark.slow
@settings(deadline=None, max_examples=6)
@given(start=st.floats(0, 14), length=st.floats(0.001, 6), strength=st.floats(0, 1), seed=st.integers(0, 2**32 - 1),
       mode=st.sampled_from(["conservative", "balanced", "aggressive"]))  # fmt: skip
def test_any_span_in_any_mode_is_new_and_as_loud(
    start: float, length: float, strength: float, seed: int, mode: str
) -> None:
    song = np.float32(0.6) * signals.song(bpm=120, bars=8)
    result, _ = run_repaint(song, (start, start + length), mode=mode, strength=strength, seed=seed)
    assert np.abs(result).max() < 1.2


# ------------------------------------------------------------------------------------------------------------ joins
def pieces(bpm: float, shift: int, seconds: float) -> Samples:
    """Kick, snare, hat and chords C G Am F (transposed) with nothing of the engine's own making."""
    rng = np.random.default_rng(round(bpm))
    beat_s = 60 / bpm
    out = np.zeros(round(seconds * RATE_HZ) + 2 * RATE_HZ)
    t = np.arange(round(0.25 * RATE_HZ)) / RATE_HZ
    kick = 0.5 * np.sin(2 * np.pi * (48 * t + 5 * (1 - np.exp(-t / 0.03)))) * np.exp(-t / 0.08)
    snare = 0.2 * rng.standard_normal(len(t)) * np.exp(-t / 0.05)
    for beat in range(int(seconds / beat_s)):
        at = round(beat * beat_s * RATE_HZ)
        out[at : at + len(t)] += snare if beat % 2 else kick
    roots = ((48, 52, 55), (43, 47, 50), (45, 48, 52), (41, 45, 48))
    n = round(4 * beat_s * RATE_HZ)
    edge = np.minimum(1, np.minimum(np.arange(n), np.arange(n)[::-1]) / 800)
    for bar in range(int(seconds / beat_s / 4) + 1):
        at = round(bar * 4 * beat_s * RATE_HZ)
        chord = sum(np.sin(2 * np.pi * 440 * 2 ** ((p + 12 * o + shift - 69) / 12) * np.arange(n) / RATE_HZ) / (1 + o)
                    for p in roots[bar % 4] for o in (0, 1))  # fmt: skip
        out[at : at + n] += 0.06 * (chord * edge)[: max(0, len(out) - at)]
    return np.repeat(out[: round(seconds * RATE_HZ), None], 2, axis=1).astype(np.float32)


def key_share(samples: Samples, shift: int) -> float:
    """Share of the power between 110 and 1000 Hz that lies on notes of C major transposed."""
    x = samples.mean(axis=1)
    power = np.abs(np.fft.rfft(x * np.hanning(len(x)), 1 << 18)) ** 2
    hz = np.fft.rfftfreq(1 << 18, 1 / RATE_HZ)
    inside = (hz > 110) & (hz < 1000)
    pitch = np.round(69 + 12 * np.log2(hz[inside] / 440)).astype(int)
    scale = {(shift + s) % 12 for s in (0, 2, 4, 5, 7, 9, 11)}
    return float(power[inside][np.isin(pitch % 12, list(scale))].sum() / power[inside].sum())


@pytest.fixture(scope="module")
def two_songs() -> Samples:
    """Twenty-four seconds in C at 100 bpm, then as much in E at 127 bpm, cut hard."""
    return np.concatenate((pieces(100, 0, 24.0), pieces(127, 4, 24.0)))


def test_a_join_begins_like_the_first_song_and_ends_like_the_second(two_songs: Samples) -> None:
    result, facts = run_repaint(two_songs, (19.0, 29.0), caption="smooth transition, blend both styles")
    assert facts["bpm"] == pytest.approx(100, rel=0.01)
    (change,) = facts["changes"]
    assert change["bpm"] == pytest.approx(127, rel=0.01)
    assert abs(change["start_s"] - 24.0) < 2.5
    first, last = result[19 * RATE_HZ : 22 * RATE_HZ], result[26 * RATE_HZ : 29 * RATE_HZ]
    assert key_share(first, 0) > 0.75 > key_share(first, 4) + 0.1
    assert key_share(last, 4) > 0.75 > key_share(last, 0) + 0.1
    before = analyse(result[: 22 * RATE_HZ], RATE_HZ)
    after = analyse(result[27 * RATE_HZ :], RATE_HZ)
    assert before.grid.bpm == pytest.approx(100, rel=0.01)
    assert after.grid.bpm == pytest.approx(127, rel=0.01)
    levels = [rms_db(result[at : at + RATE_HZ // 2]) for at in range(19 * RATE_HZ, 29 * RATE_HZ, RATE_HZ // 2)]
    assert min(levels) > rms_db(two_songs) - 10
    assert max(levels) < rms_db(two_songs) + 6


def test_the_second_song_starts_on_its_beat(two_songs: Samples) -> None:
    """Beats of the last seconds of the span fall on those that the second song has after it."""
    result, _ = run_repaint(two_songs, (19.0, 29.0), caption="")
    found = analyse(result[round(25.5 * RATE_HZ) : 40 * RATE_HZ], RATE_HZ, bpm=127.0)
    beats = (np.array([b for b in found.beats_s if b < 3.5]) + 1.5) * 127 / 60
    off = (beats - np.round(beats)) * 60 / 127
    assert len(beats) >= 5
    assert np.median(np.abs(off)) < 0.04


@pytest.mark.parametrize("caption", ["", "piano"])
def test_one_song_is_not_treated_as_two(caption: str) -> None:
    song = pieces(112, 0, 40.0)
    _, facts = run_repaint(song, (15.0, 25.0), caption=caption)
    assert "changes" not in facts


def test_a_change_of_key_alone_is_followed_too() -> None:
    """The same tempo on both sides, a minor third apart."""
    song = np.concatenate((pieces(120, 0, 20.0), pieces(120, 3, 20.0)))
    result, facts = run_repaint(song, (15.0, 25.0))
    assert len(facts["changes"]) == 1
    assert key_share(result[15 * RATE_HZ : 18 * RATE_HZ], 0) > key_share(result[15 * RATE_HZ : 18 * RATE_HZ], 3)
    assert key_share(result[22 * RATE_HZ : 25 * RATE_HZ], 3) > key_share(result[22 * RATE_HZ : 25 * RATE_HZ], 0)
    with_tempo_and_key, facts = run_repaint(song, (15.0, 25.0), bpm=120.0, keyscale="C major")
    assert "changes" not in facts  # whoever says the key means all of it
    assert len(with_tempo_and_key) == len(song)


def test_words_over_a_join_are_performed_before_it(two_songs: Samples) -> None:
    _, facts = run_repaint(two_songs, (19.0, 29.0), lyrics="from here to there\nwe go on", caption="transition")
    assert [row["text"] for row in facts["lines"]] == ["from here to there", "we go on"]
    assert facts["lines"][0]["start_s"] >= 19.0
    assert facts["lines"][-1]["end_s"] <= facts["changes"][0]["start_s"] + 1e-3


def test_extending_and_prepending_keep_tempo_and_key() -> None:
    song = pieces(108, 5, 16.0)
    padded = np.pad(song, ((8 * RATE_HZ, 8 * RATE_HZ), (0, 0)))
    known = (8 * RATE_HZ, 24 * RATE_HZ)
    for span_s in ((0.0, 8.0), (24.0, 32.0), (21.0, 32.0)):
        for mode in ("conservative", "aggressive"):
            result, facts = run_repaint(padded, span_s, known=known, mode=mode)
            part = result[round(span_s[0] * RATE_HZ) : round(span_s[1] * RATE_HZ)]
            assert facts["bpm"] == pytest.approx(108, rel=0.01)
            assert key_share(part, 5) > 0.75
            assert abs(rms_db(part) - rms_db(song)) < 5
