"""Making a replacement as loud as the song that it goes into.

Letters as in `acestep_runtime.audio.splice`; K steps of 100 ms in the region.

    region    each step as loud as the song was there: the loudness of a second around it, and how that rises or falls,
              smoothed over some seconds, so that the replacement keeps its own beats and bars
    context   at each seam as loud as the last second outside; between them linear in dB

A region that reaches past an end of the song, or in which the song is silent, follows the context either way.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from acestep_runtime import units
from acestep_runtime.audio.loudness import SILENT_LUFS, STEP_MS, LoudnessMeter, loudness_lufs, power_to_lufs
from acestep_runtime.audio.samples import Samples
from acestep_runtime.audio.splice import Fades, Span

Floats = npt.NDArray[np.float64]

#: How much of the song outside counts at a seam.
SEAM_MS = 1000.0
_SHORTEST_SEAM_MS = 50.0
#: The replacement pauses this much below its loudest second.
_PAUSE_LU = 20.0
#: Steps whose loudness counts at a step, and distance from a step up to which others shape the gain there.
_SECOND, _REACH = 10, 30
#: A boost also raises noise; and what the model meant to be soft stays so.
_HIGHEST_BOOST_DB = 9.0
_BLOCK_FRAMES = 1 << 16


def match_loudness(
    replacement: Samples, source: Samples, span: Span, fades: Fades, rate_hz: int, *, to: str = "region"
) -> Samples:
    """Return the replacement ``[L, C]`` as loud as the source ``[N, C]``; the same array where there is nothing to change.

    ``to`` is what it follows, "region" or "context". Gains are at most +9 dB, and end where a sample would pass full scale
    (or, if the replacement was beyond full scale before, its loudest one), so no peak grows past max(1, the peak before).
    A region below 100 ms stays as it is.
    """
    inside = replacement[fades.before : fades.before + span.frames]
    gains = _region_gains_db(inside, source, span, rate_hz) if to == "region" else None
    gains = _context_gains_db(inside, source, span, rate_hz) if gains is None else gains
    if gains is None:
        return replacement
    step = units.ms_to_frames(STEP_MS, rate_hz)
    starts = [0, *(fades.before + step * number for number in range(1, len(gains)))]
    peaks = np.maximum.reduceat(np.abs(replacement).max(axis=1), starts).astype(np.float64)
    ceiling = max(1.0, float(peaks.max()))
    gains = np.minimum(gains, _highest_gains_db(peaks, ceiling))
    if not gains.any():
        return replacement
    centres = fades.before + step * (np.arange(len(gains)) + 0.5)
    out = np.empty_like(replacement)
    for at in range(0, len(replacement), _BLOCK_FRAMES):
        block = replacement[at : at + _BLOCK_FRAMES]
        gain = 10 ** (np.interp(np.arange(at, at + len(block)), centres, gains) / 20)
        np.multiply(block, gain[:, None].astype(np.float32), out=out[at : at + len(block)])
    return np.clip(out, -ceiling, ceiling, out=out)  # for the last bit only: the gains were chosen to fit


def _highest_gains_db(peaks: Floats, ceiling: float) -> Floats:
    """Return the highest gain at the centre of each step, from which gains go straight to those of its neighbours."""
    room = 20 * np.log10(ceiling / np.maximum(peaks, 1e-9))
    padded = np.pad(room, 1, mode="edge")
    highest: Floats = np.minimum(np.minimum(padded[:-2], padded[1:-1]), np.minimum(padded[2:], _HIGHEST_BOOST_DB))
    return highest


# ---- what the region had ----


def _region_gains_db(inside: Samples, source: Samples, span: Span, rate_hz: int) -> Floats | None:
    """Return the gain of each step ``[K]`` that follows the song's own loudness in the region.

    ``None`` where the region is not all of the song's, or one of both is silent throughout.
    """
    if span.prefix_frames or span.suffix_frames:
        return None
    old = _step_loudness(source[span.start : span.stop], rate_hz)
    new = _step_loudness(inside, rate_hz)
    if not len(new):
        return None
    plays = (old > SILENT_LUFS) & (new > max(SILENT_LUFS, new.max() - _PAUSE_LU))
    return _smooth(old - new, plays) if plays.any() else None


def _step_loudness(samples: Samples, rate_hz: int) -> Floats:
    """Return the loudness in LUFS of the second around each whole step of the samples."""
    meter = LoudnessMeter(rate_hz)
    meter.push(samples)
    powers = meter.step_powers()
    sums = np.concatenate([[0.0], np.cumsum(powers)])
    centre = np.arange(len(powers))
    first, last = np.maximum(0, centre - _SECOND // 2), np.minimum(len(powers), centre + _SECOND // 2 + 1)
    return power_to_lufs((sums[last] - sums[first]) / (last - first))


def _smooth(differences: Floats, counts: npt.NDArray[np.bool_]) -> Floats:
    """Return the line through the differences around each step, at that step: a local linear fit with tricube weights
    (Cleveland, Robust Locally Weighted Regression, 1979). Steps that do not count get the values between those that do.
    """
    offset = np.arange(-_REACH, _REACH + 1)
    tricube = (1 - np.abs(offset / (_REACH + 1)) ** 3) ** 3
    weights, values = counts.astype(np.float64), np.where(counts, differences, 0.0)

    def moment(of: Floats, power: int) -> Floats:
        full = np.convolve(of, (tricube * offset**power)[::-1])
        return full[_REACH : _REACH + len(of)]

    w0, w1, w2 = (moment(weights, power) for power in (0, 1, 2))
    d0, d1 = moment(values, 0), moment(values, 1)
    spread = w2 + 4 * w0  # where steps lie close together, a mean says more than a line
    with np.errstate(divide="ignore", invalid="ignore"):
        line = (spread * d0 - w1 * d1) / (w0 * spread - w1**2)
    at = np.flatnonzero(counts)
    smooth: Floats = np.interp(np.arange(len(counts)), at, line[at])
    return smooth


# ---- what is outside ----


def _context_gains_db(inside: Samples, source: Samples, span: Span, rate_hz: int) -> Floats | None:
    """Return the gain of each step ``[K]`` by the last second of song at either seam; ``None`` where neither says anything.

    Where only one seam does, its gain holds throughout: an extension goes on at the level of the song, with its own dynamics.
    """
    seams = [db for db in seam_gains_db(inside, source, span, rate_hz) if db is not None]
    step = units.ms_to_frames(STEP_MS, rate_hz)
    steps = len(inside) // step
    if not seams or not steps:
        return None
    centres = step * (np.arange(steps) + 0.5)
    gains: Floats = np.interp(centres, (0, span.frames), (seams[0], seams[-1]))
    return gains


def seam_gains_db(inside: Samples, source: Samples, span: Span, rate_hz: int) -> tuple[float | None, float | None]:
    """Return by how many dB the source is louder than the region's new audio ``[R, C]`` at the left and the right seam.

    Compares the gated loudness (ITU-R BS.1770) of up to `SEAM_MS` of source just outside the region and of new audio just
    inside. ``None`` where this is inconclusive: one of them is below 50 ms, or silent (−70 LUFS).
    """
    seam = units.ms_to_frames(SEAM_MS, rate_hz)
    shortest = units.ms_to_frames(_SHORTEST_SEAM_MS, rate_hz)

    def difference_db(outside: Samples, new: Samples) -> float | None:
        if min(len(outside), len(new)) < shortest:
            return None
        old, loud = loudness_lufs([outside], rate_hz), loudness_lufs([new], rate_hz)
        return None if min(old, loud) <= SILENT_LUFS else old - loud

    left = source[max(0, span.start - seam) : max(0, span.start)]
    right = source[span.stop : span.stop + seam]
    return difference_db(left, inside[:seam]), difference_db(right, inside[-seam:])
