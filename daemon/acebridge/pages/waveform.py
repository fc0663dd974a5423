"""Waveforms as SVG paths. Letters: N frames, C channels, K columns of the picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

#: Height of the drawing in its own units; the page stretches it to any size.
HEIGHT = 200


@dataclass(frozen=True)
class Peaks:
    """The lowest, highest and mean (RMS) level of each of K equal spans, over all channels, full scale ±1."""

    low: Floats
    high: Floats
    rms: Floats

    @property
    def highest(self) -> float:
        """The largest level, whatever its sign."""
        return float(max(self.high.max(), -self.low.min()))

    def between(self, first: int, last: int) -> Peaks:
        """Return the peaks of columns ``first`` to ``last``, which is left out."""
        here = slice(first, last)
        return Peaks(self.low[here], self.high[here], self.rms[here])


class PeakMeter:
    """Finds the peaks of N ≥ 1 frames in K columns, while they come in. Every frame counts; with N < K frames repeat."""

    def __init__(self, frames: int, columns: int) -> None:
        #: Column k holds the frames from bounds[k] to bounds[k + 1], at least one.
        bounds = np.arange(columns + 1) * frames // columns
        self._starts = np.minimum(bounds[:-1], frames - 1)
        self._stops = np.maximum(bounds[1:], self._starts + 1)
        self._low, self._high = np.full(columns, np.inf, np.float32), np.full(columns, -np.inf, np.float32)
        self._power = np.zeros(columns)
        self._at = 0

    def push(self, samples: Floats) -> None:
        """Take the next ``[n, C]`` samples."""
        if not len(samples):
            return
        first = np.searchsorted(self._stops, self._at, "right")
        last = np.searchsorted(self._starts, self._at + len(samples))
        here = slice(int(first), int(last))
        starts = np.maximum(self._starts[here] - self._at, 0)
        low, high = samples.min(axis=1), samples.max(axis=1)
        power = np.mean(samples.astype(np.float64) ** 2, axis=1)
        self._low[here] = np.minimum(self._low[here], np.minimum.reduceat(low, starts))
        self._high[here] = np.maximum(self._high[here], np.maximum.reduceat(high, starts))
        self._power[here] += np.add.reduceat(power, starts)
        self._at += len(samples)

    def peaks(self) -> Peaks:
        """Return the peaks of all frames."""
        rms = np.sqrt(self._power / (self._stops - self._starts))
        return Peaks(self._low, self._high, rms.astype(np.float32))


def peaks(samples: Floats, columns: int) -> Peaks:
    """Return the peaks of ``[N, C]`` (N ≥ 1) in ``columns`` spans."""
    meter = PeakMeter(len(samples), columns)
    meter.push(samples)
    return meter.peaks()


def outline(low: Floats, high: Floats, scale: float = 1.0) -> str:
    """Return the closed path around the area between ``low`` and ``high``, K units wide and `HEIGHT` high.

    Levels are multiplied by ``scale`` and cut at full scale. Silence stays visible as a line two units thick.
    """
    middle = HEIGHT / 2
    top = np.rint(middle - np.clip(high * scale, 0, 1) * (middle - 1) - 1).astype(int)
    bottom = np.rint(middle - np.clip(low * scale, -1, 0) * (middle - 1) + 1).astype(int)
    over = [f"{x} {y}" for x, y in enumerate(top.tolist())]
    under = [f"{x} {y}" for x, y in reversed(list(enumerate(bottom.tolist())))]
    return f"M{'L'.join(over + under)}Z"


def svg(levels: Peaks, *, scale: float = 1.0) -> str:
    """Return a picture: peaks, and the RMS level drawn over them. It is coloured by CSS (``currentColor``)."""
    return (
        f'<svg class="wave" viewBox="0 0 {len(levels.rms) - 1} {HEIGHT}" preserveAspectRatio="none" aria-hidden="true">'
        f'<path class="peaks" d="{outline(levels.low, levels.high, scale)}"/>'
        f'<path class="rms" d="{outline(-levels.rms, levels.rms, scale)}"/></svg>'
    )
