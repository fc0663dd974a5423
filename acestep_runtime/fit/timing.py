"""When the result plays, against the source: a constant offset, offsets by group of bars, agreement, tempo.

Every difference of time between an onset of the result and one that the source leads to expect votes; the offset is where
votes are densest. Expected are onsets where the source has some, and on its beats.

Letters: E onsets, S scales of tempo, L lags of 1 ms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from acestep_runtime.dsp.onsets import Floats
from acestep_runtime.fit.features import FRAME_HZ, Onsets
from acestep_runtime.fit.parts import ramp

#: Offsets that are looked for, and how likely a great one is beside a small one (standard deviation).
REACH_S, _PRIOR_S = 0.25, 0.16
#: How closely players keep together (standard deviation); onsets nearer than this agree.
_TOGETHER_S, _AGREES_S = 0.008, 0.02
#: Weight of a beat and of its half against a strong onset of the source.
_BEAT_WEIGHTS = ((0.0, 0.6), (0.5, 0.3))
#: From start to peak of an attack, compared with those of the source: of a hard one at most, of a soft one at most.
_HARD_S, _SOFTEST_S = 0.015, 0.08
#: Fewest onsets that tell an offset: of the whole, of a group of bars.
FEWEST, _FEWEST_OF_GROUP = 4, 3
GROUP_BARS = 4
#: Agreement with a source without beat that is no chance: beside irregular bursts it is 0.18 at most.
_CLEAR_WITHOUT_BEAT = 0.3
#: Where what is in time is measured: attacks that rise more slowly than those of the source seem late, those of drums, beside
#: music without drums, early. From there: the offset that nobody minds on both sides, and the further one that halves the part.
_PLAYED_S, _STRUCK_S = 0.004, -0.006
_FREE_S, _HALF_S = 0.010, 0.018
#: What an offset costs that nobody minds, so that of two takes the one that is nearer to its place is better.
_SLIGHT = 0.02
#: Drift over the whole that nobody minds, and the further one that halves the part.
_FREE_DRIFT_S, _HALF_DRIFT_S = 0.03, 0.06
#: Scales of tempo that are compared; nearer to 1 than the second number is the tempo of the source.
_WIDEST_SCALE, _SAME_SCALE, _SCALE_STEP = 0.12, 0.004, 0.001
#: Divisions of a beat that are played together, with their weights: straight, in thirds.
_DIVISIONS = ({1: 0.25, 2: 0.4, 4: 0.35}, {1: 0.35, 3: 0.65})
_SEGMENT_BEATS = 32.0
#: Agreement of what does not meet the source, of what does, and by how much more certain the former's other tempo is.
_STRANGE, _STRANGE_TEMPO = (0.1, 0.25), 3.0
#: The same for soft attacks.
_SAME_SWELL = 0.016
#: Where the middle of a soft attack may be, after the beat that it belongs to, and how many changes of chord are compared.
_SWELLS_S, _MOST_CHANGES = (0.035, 0.105), 64


@dataclass(frozen=True)
class Expectation:
    """When the source leads to expect onsets: ``onsets`` in order of time; its beats, bars and changes of chord.

    ``first_bar`` is the number of the bar that begins at ``bars_s[0]``, counted from 1 at the start of the song."""

    onsets: Onsets
    beats_s: Floats
    bars_s: Floats
    changes_s: Floats
    first_bar: int = 1


@dataclass(frozen=True)
class GroupOffset:
    """The offset in seconds of the bars ``first`` to ``last`` of the song, counted from 1, which are from ``start_s`` to
    ``stop_s`` of the result; late is positive."""

    first: int
    last: int
    start_s: float
    stop_s: float
    offset_s: float
    weight: float

    @property
    def middle_s(self) -> float:
        """The time in its middle."""
        return (self.start_s + self.stop_s) / 2


@dataclass(frozen=True)
class Timing:
    """``offset_s`` is how late the result is; ``agreement`` is the share of its onsets that meet expected ones, beyond chance,
    0 to 1; ``tempo_ratio`` its tempo over that of the source, ``tempo_certainty`` 0 to 1 how clearly that is not 1;
    ``drift_s`` how much later it is at the end than at the start; ``middle_s`` is the offset of what is in time."""

    offset_s: float
    agreement: float
    groups: tuple[GroupOffset, ...]
    tempo_ratio: float
    tempo_certainty: float
    drift_s: float
    middle_s: float = 0.0

    @property
    def timing_part(self) -> float:
        """The part of the fit for offsets and agreement."""
        shares = [(group.weight, _punctuality(group.offset_s, self.middle_s)) for group in self.groups]
        whole = _punctuality(self.offset_s, self.middle_s)
        weight = sum(weight for weight, _ in shares)
        by_group = sum(weight * value for weight, value in shares) / weight if weight > 0 else whole
        return min(whole, 0.5 * (whole + by_group)) * (0.4 + 0.6 * ramp(self.agreement, 0.0, 0.25))

    @property
    def tempo_part(self) -> float:
        """The part of the fit for the tempo."""
        return (1 - 0.9 * self.tempo_certainty) * _closeness(self.drift_s, _FREE_DRIFT_S, _HALF_DRIFT_S)


def measure_play(
    expected: Expectation, played: Onsets, swell: Floats, length_s: float, *, is_struck: bool = False
) -> Timing | None:
    """Return when a result plays: from its swell ``[T]`` where its attacks are soft, else from its onsets.

    ``is_struck`` is what has the attacks of drums.
    """
    if len(swell):
        return measure_swell(expected, swell, length_s)
    timing = measure_timing(expected, played, length_s)
    return timing and replace(timing, middle_s=_STRUCK_S if is_struck else _PLAYED_S)


def measure_swell(expected: Expectation, swell: Floats, length_s: float) -> Timing | None:
    """Return when a result with soft attacks plays, from its swell ``[T]``; ``None`` where that is not clear.

    Its mean around all chord changes and bars of the source is greatest in the middle of an attack. Where in the attack a
    listener places the beat is open, so an offset counts as far as it leaves `_SWELLS_S`.
    """
    times_s = expected.changes_s[(expected.changes_s > 0.1) & (expected.changes_s < length_s - 0.4)][:_MOST_CHANGES]
    if len(times_s) < FEWEST or len(expected.beats_s) < 2:
        return None
    half_s = float(np.median(np.diff(expected.beats_s))) / 2
    reach_s = float(np.clip(half_s / 2, 0.08, 0.2))
    middle_s = float(np.mean(_SWELLS_S))
    lags_s = np.arange(middle_s - reach_s, middle_s + reach_s + 1e-6, 0.005)
    scales = np.arange(1 - _WIDEST_SCALE, 1 + _WIDEST_SCALE + _SCALE_STEP / 2, 2 * _SCALE_STEP)
    axis_s, origin_s = np.arange(len(swell)) / FRAME_HZ, float(times_s[0])
    mean = np.zeros((len(scales), 2, len(lags_s)))
    for row, scale in enumerate(scales):
        for place in range(2):  # the beats of the source may be half a beat off
            at_s = (origin_s + place * half_s + (times_s - origin_s) / scale)[:, None] + lags_s
            mean[row, place] = np.interp(at_s, axis_s, swell).mean(axis=0)
    clear = mean.max(axis=(1, 2)) / max(1e-9, float(np.median(swell)))
    same = np.abs(scales - 1) <= _SAME_SWELL
    here, there = float(clear[same].max()), float(clear[~same].max())
    ratio = float(scales[~same][int(clear[~same].argmax())])
    certainty = ramp(there / max(1e-9, here), 1.15, 1.5)
    usual = mean[int(np.abs(scales - 1).argmin())]
    curve = usual[int(usual.max(axis=1).argmax())]
    found_s = float(lags_s[int(curve.argmax())])
    away_s = found_s - float(np.clip(found_s, *_SWELLS_S))
    offset_s = away_s + 0.3 * (found_s - middle_s)
    agreement = ramp(float(curve.max()) / max(1e-9, float(np.median(swell))), 1.2, 2.5)
    if certainty == 0 and agreement < 0.1:
        return None
    return Timing(offset_s, agreement, (), ratio if certainty > 0 else 1.0, certainty, 0.0)


def _punctuality(offset_s: float, middle_s: float) -> float:
    """Return how well an offset is in time, 0 to 1; ``middle_s`` is where that is."""
    away_s = abs(offset_s - middle_s)
    return (1 - _SLIGHT * ramp(away_s, 0.0, 2 * _FREE_S)) * _closeness(away_s, _FREE_S, _HALF_S)


def _closeness(offset_s: float, free_s: float, half_s: float) -> float:
    return 1 / (1 + (max(0.0, abs(offset_s) - free_s) / half_s) ** 2)


def expect_onsets(
    source: Onsets, beats_s: Floats, bars_s: Floats, changes_s: Floats, beat_confidence: float
) -> Expectation:
    """Return when onsets are expected: those of the source, and its beats as far as they are certain (0 to 1).

    Beats are where the tracker puts them; they are moved to where the source's own onsets are against them.
    """
    if len(beats_s) < 2 or beat_confidence <= 0:
        return Expectation(source, np.zeros(0), np.zeros(0), np.zeros(0))
    late_s = [0.0, 0.0]
    for place, times_s in enumerate((source.start_s, source.peak_s)):
        differences, votes = _differences(times_s, source.weight, beats_s, np.ones(len(beats_s)), 0.08)
        late_s[place] = _densest(differences, votes, 0.08)[0] if len(votes) >= FEWEST else 0.0
    steps_s = np.diff(beats_s, append=2 * beats_s[-1] - beats_s[-2])
    grid = [
        (beats_s + part * steps_s, np.full(len(beats_s), weight * beat_confidence)) for part, weight in _BEAT_WEIGHTS
    ]
    grid_s, weight = (np.concatenate(column) for column in zip(*grid, strict=True))
    peak_s = np.concatenate([source.peak_s, grid_s + late_s[1]])
    order = np.argsort(peak_s, kind="stable")
    start_s = np.concatenate([source.start_s, grid_s + late_s[0]])[order]
    onsets = Onsets(start_s, peak_s[order], np.concatenate([source.weight, weight])[order])
    return Expectation(onsets, beats_s, bars_s, np.unique(np.concatenate([bars_s, changes_s])))


def measure_timing(expected: Expectation, played: Onsets, length_s: float) -> Timing | None:
    """Return when a result of ``length_s`` seconds plays; ``None`` where too few onsets tell it, or the source has no beat and
    the onsets do not clearly meet its own: beside speech nothing is late."""
    near = expected.onsets.between(-REACH_S, length_s + REACH_S)
    if len(played) < FEWEST or len(near) < FEWEST:
        return None
    offset_s, agreement = _offset(near, played)
    if not len(expected.beats_s):
        # Drums play between the onsets of the source, too: then these meet theirs.
        inside = near.between(0.0, length_s)
        agreement = max(agreement, _agreement(played, inside, -offset_s)) if len(inside) >= FEWEST else agreement
        if agreement < _CLEAR_WITHOUT_BEAT:
            return None
    groups = _group_offsets(expected, played, length_s, offset_s)
    ratio, certainty = _tempo_ratio(expected.beats_s, played)
    # What meets the source nowhere at its own tempo, and its beats at another one, has that other tempo.
    certainty = min(1.0, certainty * (1 + _STRANGE_TEMPO * (1 - ramp(agreement, *_STRANGE))))
    drift_s = 0.0 if certainty > 0.5 else _drift_s(groups, length_s)
    return Timing(offset_s, agreement, groups, ratio, certainty, drift_s)


def _offset(expected: Onsets, played: Onsets, around_s: float | None = None) -> tuple[float, float]:
    """Return how late ``played`` is, and its agreement with ``expected``.

    Starts are compared with starts, and peaks with peaks. A soft attack among hard ones gives two answers, and any time
    between them is right: the one nearest to 0 counts.
    """
    both = []
    for name in ("start_s", "peak_s"):
        times_s = getattr(expected, name)
        order = np.argsort(times_s, kind="stable")
        differences, votes = _differences(
            getattr(played, name), played.weight, times_s[order], expected.weight[order], REACH_S
        )
        both.append(_densest(differences, votes, REACH_S, around_s))
    (start_s, _), (peak_s, _) = both
    low_s, high_s = min(start_s, peak_s), max(start_s, peak_s)
    if high_s - low_s > _SOFTEST_S:  # two different answers, not one soft attack
        low_s = high_s = peak_s
    middle_s, open_s = (low_s + high_s) / 2, max(0.0, (high_s - low_s - _HARD_S) / 2)
    offset_s = float(np.clip(0.0, middle_s - open_s, middle_s + open_s))
    return offset_s, _agreement(expected, played, peak_s)


def _differences(
    times_s: Floats, weights: Floats, expected_s: Floats, expected_weights: Floats, reach_s: float
) -> tuple[Floats, Floats]:
    """Return all differences of time up to ``reach_s``, late ones positive, and their weights."""
    first = np.searchsorted(expected_s, times_s - reach_s)
    count = np.searchsorted(expected_s, times_s + reach_s) - first
    at = np.repeat(np.arange(len(times_s)), count)
    other = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count) + np.repeat(first, count)
    return times_s[at] - expected_s[other], np.sqrt(weights[at] * expected_weights[other])


def _densest(differences: Floats, votes: Floats, reach_s: float, around_s: float | None = None) -> tuple[float, float]:
    """Return where the differences are densest, in seconds, and the density there over the mean density."""
    from scipy.ndimage import gaussian_filter1d

    half = round(1e3 * reach_s)
    lags = np.arange(-half, half + 1) / 1e3
    if not len(votes):
        return 0.0, 0.0
    counts = np.bincount(np.rint(1e3 * differences).astype(int) + half, votes, 2 * half + 1)[: 2 * half + 1]
    density = gaussian_filter1d(counts, 1e3 * _TOGETHER_S, mode="constant")
    prior = np.exp(-0.5 * ((lags - (around_s or 0.0)) / (_PRIOR_S if around_s is None else 0.05)) ** 2)
    at_s = float(lags[int((density * prior).argmax())])
    for _ in range(3):  # mean shift: from milliseconds to what the differences themselves say
        pull = votes * np.exp(-0.5 * ((differences - at_s) / _TOGETHER_S) ** 2)
        at_s = float((pull * differences).sum() / max(1e-12, float(pull.sum())))
    return at_s, float(density.max() / max(1e-12, float(density.mean())))


def _agreement(expected: Onsets, played: Onsets, offset_s: float) -> float:
    """Return the share of ``played`` onsets that meet expected ones once the offset is taken out, beyond chance."""
    lags_s = np.concatenate([[0.0], np.linspace(-REACH_S, REACH_S, 41)])
    at_s = (played.peak_s - offset_s)[None, :] + lags_s[:, None]
    right = np.clip(np.searchsorted(expected.peak_s, at_s), 1, len(expected) - 1)
    away_s = np.minimum(np.abs(at_s - expected.peak_s[right]), np.abs(at_s - expected.peak_s[right - 1]))
    meets = np.exp(-0.5 * (away_s / _AGREES_S) ** 2) @ played.weight / max(1e-12, float(played.weight.sum()))
    chance = float(meets[1:].mean())
    return float(np.clip((meets[0] - chance) / max(1e-6, 1 - chance), 0.0, 1.0))


def _group_offsets(expected: Expectation, played: Onsets, length_s: float, around_s: float) -> tuple[GroupOffset, ...]:
    """Return the offset of each group of bars that has enough onsets."""
    inside = (expected.bars_s > -0.1) & (expected.bars_s < length_s - 0.1)
    bars_s, number = expected.bars_s[inside], expected.first_bar + int(inside.argmax()) if inside.any() else 1
    groups = []
    for first in range(0, len(bars_s), GROUP_BARS):
        last = min(first + GROUP_BARS, len(bars_s))
        until_s = float(bars_s[last]) if last < len(bars_s) else length_s
        part = played.between(float(bars_s[first]) - 0.05, until_s - 0.05)
        near = expected.onsets.between(float(bars_s[first]) - REACH_S, until_s + REACH_S)
        if len(part) >= _FEWEST_OF_GROUP and len(near) >= FEWEST:
            offset_s, _ = _offset(near, part, around_s)
            start_s = max(0.0, float(bars_s[first]))
            weight = float(part.weight.sum())
            groups.append(GroupOffset(number + first, number + last - 1, start_s, until_s, offset_s, weight))
    return tuple(groups)


def _drift_s(groups: Sequence[GroupOffset], length_s: float) -> float:
    """Return the change of the offset over ``length_s``: the median slope between all pairs of groups (Theil 1950)."""
    if len(groups) < 3:
        return 0.0
    slopes = [
        (later.offset_s - one.offset_s) / (later.middle_s - one.middle_s)
        for number, one in enumerate(groups)
        for later in groups[number + 1 :]
    ]
    return float(np.median(slopes)) * length_s


def _tempo_ratio(beats_s: Floats, played: Onsets) -> tuple[float, float]:
    """Return the tempo of the onsets over that of the beats, and how clearly it is not 1, 0 to 1.

    Onsets on divisions of a beat are in phase there: at the right scale their phasors add up. Long music is taken in segments,
    each with a phase of its own.
    """
    if len(beats_s) < 8 or len(played) < 2 * FEWEST:
        return 1.0, 0.0
    beat = _beat_positions(beats_s, played.peak_s)
    scales = np.arange(1 - _WIDEST_SCALE, 1 + _WIDEST_SCALE + _SCALE_STEP / 2, _SCALE_STEP)
    clear = np.zeros((len(_DIVISIONS), len(scales)))
    segment = ((beat - beat[0]) // _SEGMENT_BEATS).astype(int)
    total = 0.0
    for number in np.unique(segment):
        inside = segment == number
        weight = played.weight[inside]
        total += float(weight.sum())
        for row, divisions in enumerate(_DIVISIONS):
            for parts, share in divisions.items():
                phasors = np.exp(2j * np.pi * parts * np.outer(scales, beat[inside])) @ weight
                clear[row] += share * np.abs(phasors)
    fit = clear.max(axis=0) / max(1e-12, total)
    same = np.abs(scales - 1) <= _SAME_SCALE
    here, there = float(fit[same].max()), float(fit[~same].max())
    ratio = float(scales[~same][int(fit[~same].argmax())])
    noise = 1 / np.sqrt(max(1.0, float(played.weight.sum())))
    certainty = ramp(there - here, 0.25 * noise, 0.25 * noise + 0.2) * ramp(there, 0.3, 0.5)
    return (ratio, certainty) if certainty > 0 else (1.0, 0.0)


def _beat_positions(beats_s: Floats, times_s: Floats) -> Floats:
    """Return times in beats, counted from the first beat; before and after the beats their pace goes on."""
    position = np.interp(times_s, beats_s, np.arange(len(beats_s)))
    first_s, last_s = float(np.median(np.diff(beats_s[:8]))), float(np.median(np.diff(beats_s[-8:])))
    position = np.where(times_s < beats_s[0], (times_s - beats_s[0]) / first_s, position)
    return np.asarray(np.where(times_s > beats_s[-1], len(beats_s) - 1 + (times_s - beats_s[-1]) / last_s, position))
