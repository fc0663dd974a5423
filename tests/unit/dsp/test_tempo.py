import numpy as np
import pytest

from acestep_runtime.audio import convert
from acestep_runtime.dsp import onsets, tempo
from tests.support import signals

RATE_HZ = 48_000
EIGHTHS = tuple(np.arange(0, 4, 0.5))
SIXTEENTHS = tuple(np.arange(0, 4, 0.25))
#: Beats of a bar of four at which kick, snare and hi-hat play. All leave no doubt about the beat.
PATTERNS = {
    "rock": ((0, 2), (1, 3), EIGHTHS),
    "busy rock": ((0, 2.5), (1, 3), SIXTEENTHS),
    "house": ((0, 1, 2, 3), (), (0.5, 1.5, 2.5, 3.5)),
    "house with claps": ((0, 1, 2, 3), (1, 3), (0.5, 1.5, 2.5, 3.5)),
    "funk": ((0, 0.75, 2.25), (1, 3), EIGHTHS),
    "swing": ((0, 2), (1, 3), (0, 2 / 3, 1, 5 / 3, 2, 8 / 3, 3, 11 / 3)),
}


def drum_loop(pattern: str, bpm: float, bars: int = 6) -> np.ndarray:
    """Mono drums at 22.05 kHz; bar one starts at 0.25 s."""
    rng = np.random.default_rng(0)
    t = np.arange(round(0.2 * RATE_HZ)) / RATE_HZ
    kick = 0.5 * np.sin(2 * np.pi * (50 * t + 4 * (1 - np.exp(-t / 0.03)))) * np.exp(-t / 0.06)
    snare = 0.25 * rng.standard_normal(len(t)) * np.exp(-t / 0.04)
    hat = 0.08 * np.diff(rng.standard_normal(len(t) + 1)) * np.exp(-t / 0.015)
    out = np.zeros(round((0.5 + bars * 4 * 60 / bpm) * RATE_HZ))
    for bar in range(bars):
        for sound, beats in zip((kick, snare, hat), PATTERNS[pattern], strict=True):
            for beat in beats:
                at = round((0.25 + (4 * bar + beat) * 60 / bpm) * RATE_HZ)
                out[at : at + len(sound)] += sound[: len(out) - at]
    return convert.resample(out[:, None].astype(np.float32), RATE_HZ, onsets.RATE_HZ)[:, 0]


def find_pulse_of(mono: np.ndarray, bpm: float | None = None) -> tempo.Pulse:
    return tempo.find_pulse(onsets.onset_strength(mono), len(mono) / onsets.RATE_HZ, bpm)


@pytest.mark.parametrize("bpm", [88.0, 100.0, 118.0, 136.0])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_tempo_is_not_halved_or_doubled(pattern: str, bpm: float) -> None:
    pulse = find_pulse_of(drum_loop(pattern, bpm))
    assert 60 / pulse.period_s == pytest.approx(bpm, rel=0.003)
    late = (pulse.phase_s - 0.25) / pulse.period_s
    assert abs(late - round(late)) < 0.05
    assert pulse.confidence > 0.3


def test_beats_are_closer_than_a_frame_to_the_truth() -> None:
    times_s = np.arange(0.3, 15, 60 / 117.3)
    pulse = find_pulse_of(signals.clicks(times_s, 15, rate_hz=onsets.RATE_HZ, channels=1)[:, 0])
    away_s = [np.abs(pulse.beats_s - t).min() for t in times_s]
    assert max(away_s) < 1 / onsets.FRAME_HZ


def test_a_beat_without_onsets_is_still_counted() -> None:
    times_s = np.arange(0.3, 16, 0.5)
    played_s = np.delete(times_s, [4, 5, 6, 7, 17, 22])
    pulse = find_pulse_of(signals.clicks(played_s, 16, rate_hz=onsets.RATE_HZ, channels=1)[:, 0])
    assert pulse.period_s == pytest.approx(0.5, rel=0.002)
    assert all(np.abs(pulse.beats_s - t).min() < 0.02 for t in times_s)


def test_noise_has_no_tempo() -> None:
    for seed in range(4):
        pulse = find_pulse_of(signals.noise(5, rate_hz=onsets.RATE_HZ, channels=1, seed=seed)[:, 0])
        assert (pulse.period_s, pulse.confidence) == (0.5, 0)


def test_the_line_ignores_stray_beats() -> None:
    beats_s = 0.2 + 0.48 * np.arange(40)
    beats_s[[7, 20]] += (0.15, -0.12)
    period_s, phase_s, deviation_s = tempo.fit_line(beats_s, 0.5)
    assert (period_s, phase_s, deviation_s) == pytest.approx((0.48, 0.2, 0.0), abs=1e-9)


def test_few_onsets_make_no_pulse() -> None:
    pulse = find_pulse_of(signals.clicks([0.5, 1.0, 1.5], 3, rate_hz=onsets.RATE_HZ, channels=1)[:, 0])
    assert pulse.confidence == 0
    assert find_pulse_of(np.zeros(10, np.float32), 90).period_s == pytest.approx(60 / 90)


@pytest.mark.parametrize(("frames", "period_s"), [(1, 0.5), (9, 0.5), (60, 0.5), (700, 0.27), (701, 1.2)])
def test_beats_are_the_best_path_frame_by_frame(frames: int, period_s: float) -> None:
    curve = np.random.default_rng(frames).random(frames) ** 4
    period = period_s * onsets.FRAME_HZ
    steps = range(max(1, round(period / 2)), round(2 * period) + 1)
    score, back = curve.copy(), np.full(frames, -1)
    for t in range(frames):  # Ellis 2007, one frame after the other
        if t >= steps[0]:
            rows = [(score[t - s] - 400.0 * np.log(s / period) ** 2, t - s) for s in steps if t - s >= 0]
            best, back[t] = max(rows, key=lambda row: (row[0], -row[1]))
            score[t] += best
    tail = max(0, frames - round(period))
    at, truth = tail + int(score[tail:].argmax()), []
    while at >= 0:
        truth.append(at / onsets.FRAME_HZ)
        at = int(back[at])
    np.testing.assert_allclose(tempo.track_beats(curve, period_s), truth[::-1])
