"""How a source swings: a layer in straight eighths beside swung ones, or the other way round, is out of time with it."""

from __future__ import annotations

import numpy as np

from acestep_runtime.dsp.analysis import mono_for_analysis
from acestep_runtime.dsp.musical import Grid
from acestep_runtime.dsp.render import Stereo
from acestep_runtime.fit.features import find_onsets, onset_curve
from acestep_runtime.units import ENGINE_RATE_HZ

#: Where in a beat its second half falls: straight, and a shuffle in thirds. Below the third number it counts as straight.
_STRAIGHT, _SHUFFLE, _HARDLY = 0.5, 0.67, 0.56
#: Onsets this far from the beat are of its second half; nearer ones to a beat tell where the beats are.
_SECOND_HALF, _ON_BEAT = (0.42, 0.72), 0.1
#: Second halves together: at most this far apart, in beats, and this share of their weight.
_TOGETHER, _LEAST_SHARE = 0.05, 0.6
#: Fewest strong onsets of second halves, and as a share of the beats.
_FEWEST, _FEWEST_PER_BEAT = 6, 0.15


def find_source_swing(source: Stereo, grid: Grid) -> float | None:
    """Return where in a beat of ``source`` ``[N, 2]`` at 48 kHz its second half falls, 0.5 to 0.67; ``None`` where few
    onsets tell it, or they disagree."""
    onsets = find_onsets(onset_curve(mono_for_analysis(source, ENGINE_RATE_HZ)))
    beats = np.array([grid.s_to_beat(float(time_s)) for time_s in onsets.peak_s])
    near = (beats + 0.5) % 1.0 - 0.5
    on_beat = np.abs(near) < _ON_BEAT
    late = float(np.median(near[on_beat])) if on_beat.any() else 0.0
    places = (beats - late) % 1.0
    second = (places >= _SECOND_HALF[0]) & (places <= _SECOND_HALF[1])
    places, weight = places[second], onsets.weight[second]
    if len(places) < max(_FEWEST, _FEWEST_PER_BEAT * len(source) / ENGINE_RATE_HZ / grid.beat_s):
        return None
    order = np.argsort(places)
    total = np.cumsum(weight[order])
    place = float(places[order][np.searchsorted(total, total[-1] / 2)])
    if float(weight[np.abs(places - place) <= _TOGETHER].sum()) < _LEAST_SHARE * total[-1]:
        return None
    return _STRAIGHT if place < _HARDLY else min(place, _SHUFFLE)
