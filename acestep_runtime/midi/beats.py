"""Time and quarter notes of a song, and its bars: what a tempo map and meters say. No notes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from acestep_runtime.notes import Meter, MidiSong, Tempo

Floats = npt.NDArray[np.float64]

#: Meters begin with a bar, to within this share of a quarter note: times of a file have its ticks.
_TOLERANCE = 1 / 64
#: The longest bar that a rhythm has, in beats; longer ones are made of these.
_LONGEST_BAR = 7
#: Beats of a meter → the bars that it is made of, where it is not fours and a rest.
_PARTS = {8: (4, 4), 9: (3, 3, 3), 10: (5, 5), 12: (6, 6), 15: (3, 3, 3, 3, 3)}


@dataclass(frozen=True)
class BarSpan:
    """A bar: where it begins, in quarter notes, and its beats, each a note of 1/``unit``. ``number`` counts from 0."""

    number: int
    start: float
    beats: int
    unit: int

    @property
    def quarters(self) -> float:
        """Its length in quarter notes."""
        return self.beats * 4 / self.unit

    @property
    def stop(self) -> float:
        """Where it ends, in quarter notes."""
        return self.start + self.quarters


@dataclass(frozen=True)
class TempoMap:
    """Conversion between seconds and quarter notes from the start, for tempos that begin at 0."""

    tempos: tuple[Tempo, ...]

    @cached_property
    def _starts_s(self) -> Floats:
        return np.array([tempo.start_s for tempo in self.tempos])

    @cached_property
    def _quarters_s(self) -> Floats:
        return np.array([60.0 / tempo.bpm for tempo in self.tempos])

    @cached_property
    def _starts(self) -> Floats:
        """Where each tempo begins, in quarter notes."""
        lengths = np.diff(self._starts_s) / self._quarters_s[:-1]
        return np.concatenate(([0.0], np.cumsum(lengths)))

    def s_to_quarter(self, time_s: float) -> float:
        """Return the quarter note at a time; before 0 the first tempo goes on, after the last one that."""
        at = max(0, int(np.searchsorted(self._starts_s, time_s, side="right")) - 1)
        return float(self._starts[at] + (time_s - self._starts_s[at]) / self._quarters_s[at])

    def quarter_to_s(self, quarter: float) -> float:
        """Return the time of a quarter note."""
        at = max(0, int(np.searchsorted(self._starts, quarter, side="right")) - 1)
        return float(self._starts_s[at] + (quarter - self._starts[at]) * self._quarters_s[at])

    def usual_bpm(self, end_s: float) -> float:
        """Return the tempo that half of the time up to ``end_s`` is no faster than, in quarter notes a minute."""
        ends = np.append(self._starts_s[1:], max(end_s, float(self._starts_s[-1])))
        lengths = np.maximum(0.0, np.minimum(ends, end_s) - self._starts_s)
        order = np.argsort(-self._quarters_s, kind="stable")
        total = np.cumsum(lengths[order])
        chosen = int(np.searchsorted(total, total[-1] / 2)) if total[-1] > 0 else 0
        return float(60.0 / self._quarters_s[order[min(chosen, len(order) - 1)]])


def tempo_map(song: MidiSong) -> TempoMap:
    """Return the tempo map of a song."""
    return TempoMap(song.tempos)


def split_meter(beats: int) -> tuple[int, ...]:
    """Return the bars of 2 to 7 beats that a bar of ``beats`` beats, at least 2, is made of."""
    if beats <= _LONGEST_BAR:
        return (beats,)
    if beats in _PARTS:
        return _PARTS[beats]
    # 11 is 4 4 3, 13 is 4 4 5: no bar of one beat is left over.
    fours, rest = divmod(beats, 4)
    return (4,) * fours + ((rest,) if rest > 1 else ()) if rest != 1 else (4,) * (fours - 1) + (5,)


def bars_of(song: MidiSong, end_s: float) -> list[BarSpan]:
    """Return the bars of a song from its start to ``end_s``; a meter that changes within a bar cuts it short.

    Meters of more than seven beats are made of shorter bars, and 1/4 is 2/8.
    """
    tempos = tempo_map(song)
    end = tempos.s_to_quarter(end_s)
    starts = [*(tempos.s_to_quarter(meter.start_s) for meter in song.meters[1:]), max(end, 0.0)]
    bars: list[BarSpan] = []
    at = 0.0
    for meter, stop in zip(song.meters, starts, strict=True):
        last = meter is song.meters[-1]
        while at < stop - _TOLERANCE:
            for beats, unit in _bars_of_meter(meter):
                bar = BarSpan(len(bars), at, beats, unit)
                if not last and bar.stop > stop + _TOLERANCE:
                    bar = _cut(bar, stop)
                bars.append(bar)
                at = bar.stop
                if at >= stop - _TOLERANCE:
                    break
        at = at if last else stop
    return bars or [BarSpan(0, 0.0, *_bars_of_meter(song.meters[0])[0])]


def _bars_of_meter(meter: Meter) -> list[tuple[int, int]]:
    beats, unit = (2, 2 * meter.unit) if meter.beats == 1 else (meter.beats, meter.unit)
    return [(part, unit) for part in split_meter(beats)]


def _cut(bar: BarSpan, stop: float) -> BarSpan:
    """Return a bar that ends where the next meter begins, with as many of its beats as fit, at least two."""
    length, unit = stop - bar.start, bar.unit
    beats = round(length * unit / 4)
    while (beats < 2 or abs(beats * 4 / unit - length) > _TOLERANCE) and unit < 64:
        unit *= 2
        beats = round(length * unit / 4)
    if beats > _LONGEST_BAR:  # an odd rest of small notes: as few beats as a rhythm has, a hair off
        unit, beats = bar.unit, max(2, min(_LONGEST_BAR, round(length * bar.unit / 4)))
    return BarSpan(bar.number, bar.start, max(2, beats), unit)
