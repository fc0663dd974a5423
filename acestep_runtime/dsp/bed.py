"""Bars of the song itself in place of others: the bed on which a repaint plays.

    song      │ A │ B │ C │ D │ A'│ B'│▒▒▒│▒▒▒│ ...      bars, ▒ to be made anew
    bed                           └─ like A, like B ─┘    by chords, then by loudness; the seed draws among the best

Letters: N frames of a window at 48 kHz, 2 channels.
"""

from __future__ import annotations

import numpy as np

from acestep_runtime.audio import Samples
from acestep_runtime.dsp.surroundings import Surroundings
from acestep_runtime.units import ENGINE_RATE_HZ, ms_to_frames

_JOIN = ms_to_frames(12, ENGINE_RATE_HZ)
#: A bar may be drawn when it fits at most this much worse than the best. One is a whole bar of wrong chords.
_TOLERANCE = 0.3
_LOUDNESS_WEIGHT = 1 / 24  # one bar of wrong chords weighs as much as 24 dB
#: Going on with the bar after the last one drawn keeps phrases whole.
_CONTINUITY = 0.15


def bed(source: Samples, around: Surroundings, span: tuple[int, int], seed: int) -> Samples | None:
    """Return ``[span, 2]`` made of bars outside the span, or ``None`` when the song has no whole bar outside of it."""
    start, stop = span
    bars = around.bars(start / ENGINE_RATE_HZ, stop / ENGINE_RATE_HZ)
    donors = [
        bar
        for bar in around.bar_db
        if (around.start_of(bar + 1) + _JOIN <= start or around.start_of(bar) - _JOIN >= stop)
        and around.start_of(bar) >= _JOIN
        and around.start_of(bar + 1) + _JOIN <= len(source)
    ]
    if not donors:
        return None
    rng = np.random.default_rng([seed, 11])
    out = np.zeros((stop - start, 2), np.float32)
    last = None
    for bar in bars:
        chosen = _draw(around, bar, donors, last, rng)
        _lay(out, source, around, bar, chosen, start, joined=last is not None and chosen == last + 1)
        last = chosen
    return out


def _draw(around: Surroundings, bar: int, donors: list[int], last: int | None, rng: np.random.Generator) -> int:
    """Return the donor for a bar: drawn among those whose chords and loudness fit nearly best."""
    wanted = {b: db for b, db in around.bar_db.items() if b not in donors}.get(bar, around.loudness_db)

    def misfit(donor: int) -> float:
        beats = range(around.grid.beats_per_bar)
        pairs = [
            (around.harmony.at(_beat(around, bar) + b), around.harmony.at(_beat(around, donor) + b)) for b in beats
        ]
        chords = sum(mine != theirs for mine, theirs in pairs) / len(pairs)
        loudness = min(1.0, abs(around.bar_db[donor] - wanted) * _LOUDNESS_WEIGHT)
        return chords + loudness - (_CONTINUITY if last is not None and donor == last + 1 else 0.0)

    scores = {donor: misfit(donor) for donor in donors}
    best = min(scores.values())
    fitting = [donor for donor, score in scores.items() if score <= best + _TOLERANCE]
    return fitting[int(rng.integers(len(fitting)))]


def _beat(around: Surroundings, bar: int) -> int:
    return bar * around.grid.beats_per_bar


def _lay(
    out: Samples, source: Samples, around: Surroundings, bar: int, donor: int, origin: int, *, joined: bool
) -> None:
    """Copy a donor bar to the place of ``bar``, faded over the join with the bar before, unless it goes on from there."""
    place = around.start_of(bar) - origin
    length = around.start_of(bar + 1) - around.start_of(bar)
    begin = around.start_of(donor)
    piece = source[begin - _JOIN : min(begin + length + _JOIN, len(source))].copy()
    if not joined:
        angle = ((np.arange(2 * _JOIN) + 0.5) * np.pi / (4 * _JOIN))[:, None].astype(np.float32)
        rising, falling = np.sin(angle), np.cos(angle)
    else:  # the same sound on both sides of the join
        rising = np.linspace(0, 1, 2 * _JOIN, dtype=np.float32)[:, None]
        falling = 1 - rising
    ramp = min(len(piece), 2 * _JOIN)
    piece[:ramp] *= rising[:ramp]
    # What is there of the bar before runs on for a join beyond its end.
    at = place - _JOIN
    lead = slice(max(0, at), max(0, min(len(out), at + ramp)))
    out[lead] *= falling[lead.start - at : lead.stop - at]
    skip = max(0, -at)
    target = out[max(0, at) : at + len(piece)]
    target += piece[skip : skip + len(target)]


def tilt(samples: Samples, brightness: float) -> Samples:
    """Return ``[N, 2]`` with the treble (above 3 kHz, smoothly) raised or lowered by up to 5 dB for ±1."""
    if brightness == 0 or not len(samples):
        return samples
    hz = np.fft.rfftfreq(len(samples), 1 / ENGINE_RATE_HZ)
    share = 1 / (1 + (3000 / np.maximum(hz, 1e-9)) ** 2)
    gain = 10 ** (5 * brightness * share / 20)
    return np.asarray(np.fft.irfft(np.fft.rfft(samples, axis=0) * gain[:, None], len(samples), axis=0), np.float32)
