"""Waveforms as SVG paths. Letters: N frames, C channels, K columns of the picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

#: Height of the drawing in its own units; the page stretches it to any size.
HEIGHT = 200


@dataclass(frozen=True)
class Peaks:
    """The lowest, highest and mean (RMS) level of each of K equal spans, over all channels, full scale ±1."""

    low: npt.NDArray[np.float32]
    high: npt.NDArray[np.float32]
    rms: npt.NDArray[np.float32]


def peaks(samples: npt.NDArray[np.float32], columns: int) -> Peaks:
    """Return the peaks of ``[N, C]`` (N ≥ 1) in ``columns`` spans. Every frame counts; with N < K frames repeat."""
    bounds = np.arange(columns + 1) * len(samples) // columns
    starts = np.minimum(bounds[:-1], len(samples) - 1)
    counts = np.maximum(1, bounds[1:] - bounds[:-1])
    power = np.add.reduceat(np.mean(samples.astype(np.float64) ** 2, axis=1), starts)
    return Peaks(
        np.minimum.reduceat(samples.min(axis=1), starts),
        np.maximum.reduceat(samples.max(axis=1), starts),
        np.sqrt(power / counts).astype(np.float32),
    )


def outline(low: npt.NDArray[np.float32], high: npt.NDArray[np.float32], scale: float = 1.0) -> str:
    """Return the closed path around the area between ``low`` and ``high``, K units wide and `HEIGHT` high.

    Levels are multiplied by ``scale`` and cut at full scale. Silence stays visible as a line two units thick.
    """
    middle = HEIGHT / 2
    top = np.rint(middle - np.clip(high * scale, 0, 1) * (middle - 1) - 1).astype(int)
    bottom = np.rint(middle - np.clip(low * scale, -1, 0) * (middle - 1) + 1).astype(int)
    over = [f"{x} {y}" for x, y in enumerate(top.tolist())]
    under = [f"{x} {y}" for x, y in reversed(list(enumerate(bottom.tolist())))]
    return f"M{'L'.join(over + under)}Z"


def svg(samples: npt.NDArray[np.float32], *, columns: int = 600, scale: float = 1.0) -> str:
    """Return a picture of ``[N, C]``: peaks, and the RMS level drawn over them. It is coloured by CSS (``currentColor``)."""
    levels = peaks(samples, columns)
    return (
        f'<svg class="wave" viewBox="0 0 {columns - 1} {HEIGHT}" preserveAspectRatio="none" aria-hidden="true">'
        f'<path class="peaks" d="{outline(levels.low, levels.high, scale)}"/>'
        f'<path class="rms" d="{outline(-levels.rms, levels.rms, scale)}"/></svg>'
    )
