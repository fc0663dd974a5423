"""One channel from two, and upright channels, for analysis: what sounds in stereo is not lost in it.

The mean of both channels cancels what they hold in opposite polarity. That is then in half of their difference:

    mid = (L + R) / 2      side = (L − R) / 2      mix = mid + weight · H(side)

H turns the phase by 90° (Hilbert transform). A source that is panned by level, in either polarity, is in phase in mid and side,
or in opposite phase: turned by 90° they add as powers and never cancel. The weight is 0 where the side has no more power than
the mid: ordinary stereo, one side alone and wide stereo without correlation give the very mid, which lacks nothing of them. It
rises to 1 where the side has four times the power of the mid. It is chosen for each third of an octave and each 0.7 s, and
rises smoothly between them, so no small change of the audio changes it much.

What is played or returned never goes through here. Letters: N frames, F bins.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from acestep_runtime.audio.convert import to_channels
from acestep_runtime.audio.samples import Samples, split_blocks

#: Length of a segment; they overlap by half.
_SEGMENT_S = 1.4
#: Power of the side over that of the mid at which its weight leaves 0 and reaches 1, in dB.
_SIDE_DB = (0.0, 6.0)
#: A segment whose side is softer than its mid by this power ratio holds nothing that the mid lacks.
_FAINT = 1e-2
_LOWEST_HZ, _BANDS_PER_OCTAVE = 25.0, 3
#: Power of a band, relative to the strongest one, that may have leaked from there.
_LEAKAGE = 1e-6
#: Correlation of the channels from which on down they count as one recording in opposite polarity.
_OPPOSITE = -0.5
#: Level of the softer channel below the louder one, in dB, from which on it is leakage, and certainly nothing else.
_LEAKAGE_DB = (-20.0, -40.0)
_BLOCK_FRAMES = 1 << 18
_TINY = 1e-20

Plane = npt.NDArray[np.complex64]


def mix_for_analysis(samples: Samples, rate_hz: int) -> Samples:
    """Return ``samples`` ``[N, 1 or 2]`` as one channel ``[N, 1]`` in which nothing is cancelled; mono as it is."""
    if samples.shape[1] == 1:
        return samples
    mid = to_channels(samples, 1)
    side = np.asarray((samples[:, 0] - samples[:, 1]) * np.float32(0.5))
    size = 1 << max(8, round(float(np.log2(_SEGMENT_S * rate_hz))))
    hop = size // 2
    window = np.hanning(size + 1)[:-1].astype(np.float32)
    for start in range(-hop, len(samples), hop):
        part = slice(max(0, start), min(start + size, len(samples)))
        inside = slice(part.start - start, part.stop - start)
        lost = _missing_side(mid[part, 0], side[part], window, inside, rate_hz)
        if lost is not None:
            mid[part, 0] += lost
    return mid


def _missing_side(
    mid: Samples, side: Samples, window: Samples, inside: slice, rate_hz: int
) -> npt.NDArray[np.float32] | None:
    """Return what a segment of the side adds to the mid, turned by 90°; ``None`` for nothing.

    ``inside`` are the places in ``window`` that the audio covers.
    """
    from scipy.fft import irfft, rfft

    if float(np.dot(side, side)) <= _FAINT * float(np.dot(mid, mid)):
        return None
    both = np.zeros((2, len(window)), np.float32)
    both[0, inside], both[1, inside] = mid, side
    spectra = rfft(both * window)
    weight = _side_weight(spectra, rate_hz)
    if weight is None:
        return None
    turned = irfft(np.complex64(1j) * weight * spectra[1], len(window))
    return np.asarray(turned[inside], np.float32)


def _side_weight(spectra: Plane, rate_hz: int) -> npt.NDArray[np.float32] | None:
    """Return the weight of the side ``[F]``, from the spectra ``[2, F]`` of mid and side; ``None`` where it is 0."""
    edges = _band_edges(spectra.shape[1], rate_hz)
    mid, side = np.add.reduceat(spectra.real**2 + spectra.imag**2, edges, axis=1)
    above_db = 10 * np.log10((side + _TINY) / (mid + _TINY))
    share = np.clip((above_db - _SIDE_DB[0]) / (_SIDE_DB[1] - _SIDE_DB[0]), 0.0, 1.0)
    # A band that only holds what leaks into it goes with the nearest one that holds music.
    music = np.flatnonzero(mid + side >= _LEAKAGE * float((mid + side).max()))
    share = share[music[np.abs(np.arange(len(edges))[:, None] - music).argmin(axis=1)]]
    if not share.any():
        return None
    centres = (edges + np.append(edges[1:], spectra.shape[1])) / 2
    weight = np.interp(np.arange(spectra.shape[1]), centres, share * share * (3 - 2 * share))
    return np.asarray(weight, np.float32)


@functools.lru_cache(8)
def _band_edges(bins: int, rate_hz: int) -> npt.NDArray[np.int64]:
    """Return the first bins of the bands, of ``bins`` up to half the rate."""
    octaves = float(np.log2(rate_hz / 2 / _LOWEST_HZ))
    edges_hz = _LOWEST_HZ * 2 ** (np.arange(int(octaves * _BANDS_PER_OCTAVE) + 1) / _BANDS_PER_OCTAVE)
    edges = np.unique(np.concatenate([[0], np.rint(edges_hz / (rate_hz / 2 / (bins - 1)))]).astype(np.int64))
    return edges[edges < bins]


def channels_for_analysis(samples: Samples) -> npt.NDArray[np.float32]:
    """Return the matrix ``[2, 2]`` that sets the channels of ``samples`` ``[N, 2]`` upright, for analysis of where sounds sit.

    `turn_channels` applies it to spectra. One recording in opposite polarity gets its right channel turned; where one channel
    holds nothing but leakage, it gets the other one too, so that what sounds on one side is at the centre. All else is left as
    it is: the matrix is the identity.
    """
    power, product = np.zeros(2), 0.0
    for block in split_blocks(samples, _BLOCK_FRAMES):
        clean = np.nan_to_num(block, posinf=0.0, neginf=0.0).astype(np.float64)
        power += np.square(clean).sum(axis=0)
        product += float(np.dot(clean[:, 0], clean[:, 1]))
    matrix = np.eye(2, dtype=np.float32)
    if power.max() <= _TINY:
        return matrix
    loud = int(power.argmax())
    below_db = 10 * np.log10((power.min() + _TINY) / power.max())
    if product < _OPPOSITE * float(np.sqrt(power[0] * power[1])):
        matrix[1, 1] = -1.0
    matrix[1 - loud, loud] = np.clip((below_db - _LEAKAGE_DB[0]) / (_LEAKAGE_DB[1] - _LEAKAGE_DB[0]), 0.0, 1.0)
    return matrix


def turn_channels(spectra: Plane, matrix: npt.NDArray[np.float32]) -> Plane:
    """Return ``spectra`` ``[2, …]`` with channels mixed by ``matrix`` ``[2, 2]``; the very same array for the identity."""
    if np.array_equal(matrix, np.eye(2)):
        return spectra
    return np.asarray(np.tensordot(matrix, spectra, axes=1), np.complex64)
