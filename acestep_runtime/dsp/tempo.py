"""Tempo, beats and the steady grid through them. Onsets are in `onsets`, bars in `meter`.

librosa has a beat tracker, but it compiles when first called, which costs seconds on a fresh machine; the same
method is a few lines of numpy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from acestep_runtime.dsp.onsets import FRAME_HZ, Floats, Onsets, accent_strength, count_onsets, normalise_onsets

DEFAULT_BPM = 120.0
BPM_RANGE = (50.0, 220.0)

_FEWEST_ONSETS = 4
#: Tempo prior: log-normal, after the tapping data that Ellis (2007) and Moelants (2002) use.
_PRIOR_BPM = 120.0
_PRIOR_OCTAVES = 0.75
#: Share of onset energy near the grid, beyond chance, that noise also reaches.
_CHANCE_SHARE = 0.25
#: Median distance of tracked beats from the best line, in beats, from which the tempo drifts.
_DRIFT = 0.08
#: Weight of the squared log of a gap over the period, against onsets: for steady and for drifting music.
_TIGHT, _LOOSE = 400.0, 40.0
#: Minimum score of a rival metrical level, relative to the best.
_RIVAL = 0.8
#: Tempo ratios at which a tempo may be mistaken for another.
_RELATIVES = (1 / 3, 1 / 2, 2 / 3, 1.0, 3 / 2, 2.0, 3.0)


@dataclass(frozen=True)
class Pulse:
    """A steady pulse: beat k is at ``phase_s`` + k·``period_s``. ``beats_s`` are the beats inside the audio.

    Where the pulse ``drifts``, the line is only the best fit, and the beats are the tracked ones.
    """

    period_s: float
    phase_s: float
    beats_s: Floats
    confidence: float
    drifts: bool = False


def tempo_salience(curve: Floats) -> tuple[Floats, Floats]:
    """Return candidate tempi in bpm and how well each fits, from the averages of 12 s windows.

    The autocorrelation at a beat's lag also responds at half the tempo, the Fourier transform at double the tempo; their
    product responds at the tempo (Peeters 2006), and is weighted with a prior.
    """
    bpm = np.geomspace(*BPM_RANGE, 300)
    size = min(len(curve), round(12 * FRAME_HZ))
    padded = 1 << (4 * size - 1).bit_length()
    lags = 60.0 * FRAME_HZ / bpm
    total = np.zeros_like(bpm)
    for start in range(0, max(1, len(curve) - size + 1), max(1, size // 2)):
        part = curve[start : start + size]
        part = part - part.mean()
        spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part)), padded))
        correlation = np.fft.irfft(np.abs(np.fft.rfft(part, padded)) ** 2)
        correlation = correlation[:size] / max(1e-9, correlation[0]) / (1 - np.arange(size) / (size + 1.0))
        lag_axis = np.arange(size)
        acf = sum(np.interp(lags * n, lag_axis, correlation, right=0.0) / n for n in (1, 2, 4)) / 1.75
        fourier = np.interp(bpm / 60.0, np.fft.rfftfreq(padded, 1 / FRAME_HZ), spectrum / max(1e-9, spectrum.max()))
        total += np.maximum(0.0, acf) * np.sqrt(fourier)
    return bpm, total * np.exp(-0.5 * (np.log2(bpm / _PRIOR_BPM) / _PRIOR_OCTAVES) ** 2)


def track_beats(curve: Floats, period_s: float, tightness: float = _TIGHT) -> Floats:
    """Return beat times by dynamic programming (Ellis 2007): strong onsets, about one period apart."""
    period = period_s * FRAME_HZ
    reach = np.arange(-round(2 * period), -max(1, round(period / 2)) + 1)
    cost = -tightness * np.log(-reach / period) ** 2
    longest, shortest = -int(reach[0]), -int(reach[-1])
    # Padding before the curve has score −inf. No beat depends on those less than the shortest step before it,
    # so that many frames are computed at once.
    score = np.concatenate((np.full(longest, -np.inf), curve))
    back = np.full(len(curve), -1)
    windows = np.lib.stride_tricks.sliding_window_view(score, len(reach))
    for start in range(shortest, len(curve), shortest):
        frames = np.arange(start, min(len(curve), start + shortest))
        before = windows[frames] + cost
        best = before.argmax(axis=1)
        score[longest + frames] += before[np.arange(len(frames)), best]
        back[frames] = frames - longest + best
    score = score[longest:]
    tail = max(0, len(curve) - round(period))
    at = tail + int(score[tail:].argmax())
    beats = []
    while at >= 0:
        beats.append(at)
        at = int(back[at])
    return np.array(beats[::-1]) / FRAME_HZ


def fit_line(beats_s: Floats, period_s: float) -> tuple[float, float, float]:
    """Fit beat k at phase + k·period to tracked beats; returns period, phase and the median deviation, all in seconds.

    Least squares, repeated on the beats within 12 % of a period of the last line, which drops stray beats.
    """
    index = np.concatenate([[0], np.cumsum(np.maximum(1, np.rint(np.diff(beats_s) / period_s)))])
    keep = np.ones(len(beats_s), bool)
    slope, offset = period_s, float(np.median(beats_s - index * period_s))
    for _ in range(4):
        if keep.sum() < 3:
            break
        slope, offset = np.polyfit(index[keep], beats_s[keep], 1)
        deviation = np.abs(beats_s - offset - slope * index)
        keep = deviation <= max(0.12 * slope, float(np.median(deviation)))
    return float(slope), float(offset), float(np.median(np.abs(beats_s - offset - slope * index)))


def _comb(curve: Floats, periods_s: Floats, phases_s: Floats) -> Floats:
    """Return the mean of the curve at the beats of every (period, phase), ``[P, Q]``; phases lie within one period."""
    axis = np.arange(len(curve))
    out = np.zeros((len(periods_s), len(phases_s)))
    for row, period in enumerate(periods_s):
        beats = np.arange(max(1, int(len(curve) / FRAME_HZ / period)))
        times = phases_s[:, None] + beats * period
        out[row] = np.interp(times * FRAME_HZ, axis, curve, left=0.0, right=0.0).mean(axis=1)
    return out


def _refine(curve: Floats, period_s: float, phase_s: float, *, is_fixed: bool) -> tuple[float, float]:
    """Return the period and phase near the given ones whose beats meet the most onset energy."""
    from scipy.ndimage import gaussian_filter1d

    smooth = gaussian_filter1d(curve, 1.5)
    count = max(1.0, len(curve) / FRAME_HZ / period_s)
    if is_fixed:
        phases = np.linspace(0, period_s, max(16, round(period_s * FRAME_HZ)), endpoint=False)
        phase_s = float(phases[_comb(smooth, np.array([period_s]), phases)[0].argmax()])
    for width_s in (0.03, 0.008):
        # A beat at either end of the audio may move by width_s.
        slopes = np.zeros(1) if is_fixed else np.linspace(-1, 1, 13) * width_s / count
        periods = period_s + slopes
        offsets = phase_s + np.linspace(-1, 1, 13) * width_s
        scores = _comb(smooth, periods, offsets)
        row, column = np.unravel_index(int(scores.argmax()), scores.shape)
        period_s, phase_s = float(periods[row]), float(offsets[column])
    return (period_s, phase_s) if is_fixed else _polish(curve, period_s, phase_s)


def _polish(curve: Floats, period_s: float, phase_s: float) -> tuple[float, float]:
    """Fit the line once more, to the centres of onset energy within 40 ms of the beats, weighted by that energy."""
    beats = np.arange(max(1, int(np.ceil((len(curve) / FRAME_HZ - phase_s) / period_s))))
    reach = np.arange(-round(0.04 * FRAME_HZ), round(0.04 * FRAME_HZ) + 1)
    at = np.rint((phase_s + beats * period_s) * FRAME_HZ).astype(int)[:, None] + reach
    energy = np.where((at >= 0) & (at < len(curve)), curve[np.clip(at, 0, len(curve) - 1)], 0.0)
    weight = energy.sum(axis=1)
    audible = weight > 0.1 * float(weight.max())
    if audible.sum() < 4:
        return period_s, phase_s
    centre_s = (energy * at).sum(axis=1)[audible] / weight[audible] / FRAME_HZ
    slope, offset = np.polyfit(beats[audible], centre_s, 1, w=np.sqrt(weight[audible]))
    return float(slope), float(offset)


def _coverage(at_beats: Floats) -> float:
    """Return the share of beats with an onset; a faint one counts in part."""
    usual = float(np.quantile(at_beats, 0.8)) if len(at_beats) else 0.0
    return float(np.minimum(1.0, at_beats / (0.25 * usual)).mean()) if usual > 0 else 0.0


def _confidence(curve: Floats, beats_s: Floats) -> float:
    """Return the onset energy within 35 ms of the beats, their halves or quarters, beyond that of noise,
    times the share of beats with an onset; 0 to 1."""
    if len(beats_s) < 2:
        return 0.0
    before, after = 2 * beats_s[0] - beats_s[1], 2 * beats_s[-1] - beats_s[-2]
    longer_s = np.concatenate([[before], beats_s, [after]])
    beat_s = float(np.median(np.diff(longer_s)))
    position = np.interp(np.arange(len(curve)) / FRAME_HZ, longer_s, np.arange(len(longer_s)))
    best = 0.0
    for parts in (1, 2, 4):
        away_s = np.abs(parts * position - np.rint(parts * position)) * beat_s / parts
        near = float(curve[away_s <= 0.035].sum() / max(1e-9, curve.sum()))
        chance = min(0.9, 0.07 * parts / beat_s)
        best = max(best, ((near - chance) / (1 - chance) - _CHANCE_SHARE) / (1 - _CHANCE_SHARE))
    strength = np.interp(beats_s * FRAME_HZ, np.arange(len(curve)), _widen_onsets(curve))
    return float(np.clip(best, 0.0, 1.0)) * _coverage(strength)


def _widen_onsets(curve: Floats) -> Floats:
    """Widen every onset to two frames, 23 ms, on each side."""
    from scipy.ndimage import maximum_filter1d

    return np.asarray(maximum_filter1d(curve, 5, mode="nearest"))


def _level_score(curve: Floats, period_s: float) -> tuple[float, float]:
    """Return how well a period fits as *the beat* among the metrical levels, and its best phase.

    A beat is strong and seldom missing; alternate beats are about equally strong (else the period is too
    short), and the points halfway between beats are weaker (else it is too long).
    """
    phases = np.arange(24) * period_s / 24
    strength = _comb(curve, np.array([period_s]), phases)[0]
    best = int(strength.argmax())
    beat = float(strength[best])
    between = max(float(strength[(best + part) % 24]) for part in (8, 12, 16))
    pairs = _comb(curve, np.array([2 * period_s]), phases[best] + np.array([0.0, period_s]))[0]
    balance = float(pairs.min() / max(1e-9, pairs.max()))
    too_short = min(1.0, balance / 0.6)
    too_long = 1.0 - 0.35 * float(np.clip((between / max(1e-9, beat) - 0.4) / 0.4, 0.0, 1.0))
    prior = float(np.exp(-0.5 * (np.log2(60.0 / period_s / _PRIOR_BPM) / _PRIOR_OCTAVES) ** 2))
    times = np.arange(phases[best], len(curve) / FRAME_HZ, period_s)
    coverage = _coverage(np.interp(times * FRAME_HZ, np.arange(len(curve)), curve))
    return float(np.sqrt(beat)) * coverage * too_short * too_long * prior, float(phases[best])


def find_pulse(
    onsets: Onsets, duration_s: float, bpm: float | None = None, likelihood: Callable[[Floats], float] = lambda _: 1.0
) -> Pulse:
    """Find tempo and phase; a given ``bpm`` is kept and only its phase is searched.

    ``likelihood`` maps beats in seconds to their probability by signs other than onsets, 0 to 1; it decides between
    metrical levels that fit almost equally.

    Without enough or regular onsets the pulse is `DEFAULT_BPM` from 0 with confidence 0. Where the
    tempo drifts from any steady grid, ``beats_s`` are the tracked beats.
    """
    if count_onsets(onsets) < _FEWEST_ONSETS:
        return _steady_pulse(60.0 / (bpm or DEFAULT_BPM), 0.0, duration_s, 0.0)
    curve = normalise_onsets(onsets.full)
    strength = accent_strength(onsets)
    if bpm is not None:
        return _with_confidence(
            curve, _steady_pulse(*_refine(strength, 60.0 / bpm, 0.0, is_fixed=True), duration_s, 0.0)
        )
    from scipy.ndimage import gaussian_filter1d

    candidates, salience = tempo_salience(curve)
    smooth = gaussian_filter1d(strength, 2.0)
    levels: list[tuple[float, tuple[float, float]]] = []
    drifting = None
    for peak in _highest_peaks(salience, 3):
        beats_s = track_beats(curve, 60.0 / float(candidates[peak]))
        if len(beats_s) < 3:
            continue
        line_s, phase_s, deviation_s = fit_line(beats_s, 60.0 / float(candidates[peak]))
        if deviation_s > _DRIFT * line_s:
            loose_s = track_beats(curve, 60.0 / float(candidates[peak]), _LOOSE)
            drifting = drifting or Pulse(line_s, phase_s, loose_s, 0.0, drifts=True)
            continue
        for relative in _RELATIVES:
            if BPM_RANGE[0] <= 60.0 / (line_s * relative) <= BPM_RANGE[1]:
                score, at_s = _level_score(smooth, line_s * relative)
                levels.append((score, (line_s * relative, at_s)))
    highest = max((score for score, _ in levels), default=0.0)
    rivals = [
        (score * likelihood(_steady_pulse(*level, duration_s, 0.0).beats_s), level)
        for score, level in levels
        if score > _RIVAL * highest
    ]
    steady = _steady_pulse(*_refine(curve, *max(rivals)[1], is_fixed=False), duration_s, 0.0) if rivals else None
    pulses = [_with_confidence(curve, pulse) for pulse in (steady, drifting) if pulse is not None]
    confident = [pulse for pulse in pulses if pulse.confidence > 0]
    return confident[0] if confident else _steady_pulse(60.0 / DEFAULT_BPM, 0.0, duration_s, 0.0)


def shift_half_beat(pulse: Pulse, duration_s: float) -> Pulse:
    """Return the pulse with its beats moved by half a beat."""
    later_pulse = _steady_pulse(pulse.period_s, pulse.phase_s + pulse.period_s / 2, duration_s, pulse.confidence)
    if not pulse.drifts:
        return later_pulse
    middles_s = (pulse.beats_s[:-1] + pulse.beats_s[1:]) / 2
    return replace(later_pulse, beats_s=middles_s, drifts=True)


def halve_beats(pulse: Pulse, duration_s: float) -> Pulse:
    """Return the pulse with twice as many beats, half as long."""
    faster_pulse = _steady_pulse(pulse.period_s / 2, pulse.phase_s, duration_s, pulse.confidence)
    if not pulse.drifts:
        return faster_pulse
    middles_s = (pulse.beats_s[:-1] + pulse.beats_s[1:]) / 2
    return replace(faster_pulse, beats_s=np.sort(np.concatenate([pulse.beats_s, middles_s])), drifts=True)


def join_beats(pulse: Pulse, duration_s: float, first: int) -> Pulse:
    """Return the pulse with every second beat, from the one with the index ``first`` on, twice as long."""
    slower_pulse = _steady_pulse(
        2 * pulse.period_s, pulse.phase_s + first * pulse.period_s, duration_s, pulse.confidence
    )
    return replace(slower_pulse, beats_s=pulse.beats_s[first::2], drifts=True) if pulse.drifts else slower_pulse


def _with_confidence(curve: Floats, pulse: Pulse) -> Pulse:
    return replace(pulse, confidence=_confidence(curve, pulse.beats_s))


def _highest_peaks(curve: Floats, count: int) -> list[int]:
    peaks = np.flatnonzero((curve[1:-1] >= curve[:-2]) & (curve[1:-1] > curve[2:])) + 1
    return [int(p) for p in peaks[np.argsort(-curve[peaks], kind="stable")][:count]]


def _steady_pulse(period_s: float, phase_s: float, duration_s: float, confidence: float) -> Pulse:
    phase_s = float(phase_s - np.floor((phase_s + 0.02) / period_s) * period_s)
    beats = phase_s + period_s * np.arange(max(0, int(np.ceil((duration_s - phase_s) / period_s))))
    return Pulse(period_s, phase_s, np.asarray(beats, np.float64), confidence)
