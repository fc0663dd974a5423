"""Harmonic evidence for beats, on synthetic pitch classes and onsets."""

import numpy as np
import pytest

from acestep_runtime.certainty import is_sure
from acestep_runtime.dsp import harmony, meter, onsets, tempo
from acestep_runtime.dsp.analysis import analyse
from acestep_runtime.dsp.musical import CHORD_TONES
from tests.support import signals

BEAT_S, BARS, START_S = 0.5, 16, 0.3
ROOTS = (0, 7, 9, 5, 2, 7, 4, 9)


def chords_each(beats: float) -> harmony.Pitches:
    """A new triad every ``beats`` beats, from `START_S` on."""
    times_s = np.arange(0, START_S + BARS * 4 * BEAT_S + 1, 1 / harmony.FRAME_HZ)
    full = np.zeros((len(times_s), 12))
    for row, time_s in zip(full, times_s, strict=True):
        number = int((time_s - START_S) // (beats * BEAT_S))
        for tone in CHORD_TONES[""]:
            row[(ROOTS[number % len(ROOTS)] + tone) % 12] = 1.0
    return harmony.Pitches(full, full, full.sum(axis=1), 0.1)


def onsets_at(*times: tuple[float, float]) -> onsets.Onsets:
    """Onsets on every beat, each kind as (beats after it, strength)."""
    curve = np.zeros(round((START_S + BARS * 4 * BEAT_S + 1) * onsets.FRAME_HZ))
    for after, strength in times:
        at = np.rint((beats_s(1) + after * BEAT_S) * onsets.FRAME_HZ).astype(int)
        curve[at] = strength
    return onsets.Onsets(curve, curve, curve, curve)


def beats_s(step: float, after: float = 0.0) -> np.ndarray:
    """Every ``step`` beats."""
    return START_S + BEAT_S * (after + np.arange(0, 4 * BARS - 1, step))


@pytest.mark.parametrize("chord_beats", [3, 4])
def test_one_chord_per_bar_favours_its_tempo(chord_beats: int) -> None:
    pitches = chords_each(chord_beats)
    at_tempo, double, half = (meter.harmonic_rhythm(pitches, beats_s(step)) for step in (1, 0.5, 2))
    assert at_tempo == 1
    assert double < 1
    assert half < 1 or chord_beats == 3  # two beats of three are no half tempo: nothing to be told


def test_beats_between_which_the_harmony_changes_are_unlikely() -> None:
    pitches = chords_each(4)
    assert meter.harmonic_rhythm(pitches, beats_s(1, after=0.5)) < meter.harmonic_rhythm(pitches, beats_s(1))


def test_a_single_chord_is_inconclusive() -> None:
    pitches = chords_each(4 * BARS + 8)
    assert meter.harmonic_rhythm(pitches, beats_s(1)[1:]) == 1
    assert meter.harmonic_rhythm(pitches, beats_s(1)[:5]) == 1


@pytest.mark.parametrize("off_beat", [0.9, 1.0, 1.1])
def test_equal_strokes_leave_the_beat_to_the_harmony(off_beat: float) -> None:
    onset_curves, pitches = onsets_at((0, 1.0), (0.5, off_beat)), chords_each(4)
    assert meter.is_half_beat_off(onset_curves, pitches, beats_s(1, after=0.5))
    assert not meter.is_half_beat_off(onset_curves, pitches, beats_s(1))


def test_clearly_stronger_strokes_are_the_beat_whatever_the_harmony() -> None:
    onset_curves = onsets_at((0, 0.3), (0.5, 1.0))
    assert not meter.is_half_beat_off(onset_curves, chords_each(4), beats_s(1, after=0.5))


def test_a_pulse_shifts_by_half_a_beat() -> None:
    pulse = tempo.Pulse(0.5, 0.3, 0.3 + 0.5 * np.arange(20), 0.7)
    shifted_pulse = tempo.shift_half_beat(pulse, 10.0)
    assert (shifted_pulse.period_s, shifted_pulse.confidence) == (0.5, 0.7)
    np.testing.assert_allclose(shifted_pulse.beats_s, 0.05 + 0.5 * np.arange(20), atol=1e-9)
    drifting = tempo.shift_half_beat(tempo.Pulse(0.5, 0.3, np.array([0.3, 0.8, 1.4]), 0.5, drifts=True), 2.0)
    np.testing.assert_allclose(drifting.beats_s, [0.55, 1.1])
    assert drifting.drifts


def strike(pattern: str, bars: int, *, beat_s: float = BEAT_S, to_a_beat: int = 1) -> np.ndarray:
    """Clicks in a pattern of figures, 0 to 9 for how loud, ``to_a_beat`` of them a beat."""
    loud = np.array([int(sign) / 9 for sign in pattern * bars])
    times_s = START_S + beat_s / to_a_beat * np.arange(len(loud))
    length_s = float(times_s[-1]) + beat_s + 0.5
    each = [gain * signals.clicks(times_s[loud == gain], length_s) for gain in np.unique(loud[loud > 0])]
    return np.asarray(sum(each), np.float32)


@pytest.mark.parametrize("beats_per_bar", [3, 4, 5, 6, 7])
@pytest.mark.parametrize("bpm", [100, 140])
def test_accented_clicks_tell_the_meter(beats_per_bar: int, bpm: int) -> None:
    samples = strike("9" + "4" * (beats_per_bar - 1), 10, beat_s=60 / bpm)
    found = analyse(samples, 48_000)
    assert (round(found.grid.bpm), found.grid.beats_per_bar) == (bpm, beats_per_bar)
    assert is_sure("meter", found.confidence)
    words = {3: "in triple meter", 4: f"at {bpm} bpm", 5: "in bars of five", 6: "in bars of six", 7: "in bars of seven"}
    assert words[beats_per_bar] in found.caption
    bar_s = beats_per_bar * 60 / bpm
    assert all(abs((at - START_S + 0.05) % bar_s - 0.05) < 0.03 for at in found.downbeats_s)


@pytest.mark.parametrize(
    ("pattern", "beats_per_bar"),
    [("9393933", 7), ("9339393", 7), ("93933", 5)],
    ids=["7/8 as 2+2+3", "7/8 as 3+2+2", "5/8"],
)
def test_bars_of_half_beats_are_counted_in_halves(pattern: str, beats_per_bar: int) -> None:
    """Eighths of 250 ms, whose quarters are a usual tempo: no whole number of quarters is a bar."""
    found = analyse(strike(pattern, 14, to_a_beat=2), 48_000)
    assert (round(found.grid.bpm), found.grid.beats_per_bar) == (240, beats_per_bar)
    assert found.grid.bar_s == pytest.approx(beats_per_bar * 0.25, rel=0.005)


def test_six_eighths_are_no_certain_four() -> None:
    found = analyse(strike("933633", 16, beat_s=2 / 3, to_a_beat=3), 48_000)
    assert not (found.grid.beats_per_bar == 4 and is_sure("meter", found.confidence))


@pytest.mark.parametrize("pattern", ["9", "94"], ids=["all alike", "two to a bar"])
def test_music_without_bars_of_four_is_no_certain_four(pattern: str) -> None:
    found = analyse(strike(pattern, 40 // len(pattern)), 48_000)
    assert is_sure("tempo", found.confidence)
    assert not is_sure("meter", found.confidence)


def test_few_bars_tell_little() -> None:
    long, short = (analyse(strike("9444", bars), 48_000).confidence["meter"] for bars in (8, 2))
    assert short < 0.7 * long


def test_repetition_of_random_patterns_is_none() -> None:
    patterns = np.random.default_rng(0).standard_normal((400, 5))
    assert all(abs(meter.repetition(patterns, halves)) < 0.1 for halves in (5, 6, 8, 10, 14))
    assert meter.repetition(np.tile(patterns[:7], (20, 1)), 7) == pytest.approx(1)
    assert meter.repetition(patterns[:9], 5) == 0
    assert meter.repetition(np.zeros((40, 5)), 5) == 0
