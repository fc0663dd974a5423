"""Separating a mix into stems with soft spectral masks. `masks` computes them.

    frame k covers   |----|----|----|----|        FFT samples, from k·HOP − (FFT − HOP) on
    frame k+1             |----|----|----|----|
    chunk             ctx [ core …………… ] ctx      masks see the context, only the core's frames are written

Letters: N samples, K frames, F bins.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from acestep_runtime.audio.mono import channels_for_analysis, turn_channels
from acestep_runtime.audio.samples import Samples
from acestep_runtime.dsp import masks
from acestep_runtime.dsp.masks import FFT, HOP
from acestep_runtime.dsp.musical import Analysis
from acestep_runtime.errors import InvalidValue
from acestep_runtime.values import TRACKS

#: The stem with the remainder.
OTHER = "other"

_CORE_FRAMES = 480
_CONTEXT_FRAMES = 48
_LEAD = FFT - HOP
#: Frames overlap four times; a squared square-root Hann window then adds up to 2.
_OVERLAP_GAIN = np.float32(FFT / HOP / 2)


def separate_stems(
    samples: Samples,
    tracks: Sequence[str],
    *,
    analysis: Analysis | None = None,
    cancel_check: Callable[[], None],
    progress: Callable[[float], None],
) -> dict[str, Samples]:
    """Split ``samples`` ``[N, 2]`` at 48 kHz into stems ``[N, 2]`` that add up to it within 1e-6 of full scale.

    The stems come in the order of ``tracks`` (names of `TRACKS`), then ``other`` with the remainder unless all twelve
    are requested. Drums, bass and lead vocals have cues of their own; the other nine share the remainder by band,
    stereo position and envelope: a plausible place for an instrument, but no proof that it plays. A stem does not depend on
    which others are requested.

    ``analysis`` adapts the minimum note length to fast music. ``cancel_check`` is called before every ten seconds of work,
    ``progress`` after, with the fraction done. Raises `InvalidValue` for an unknown track.
    """
    names = tuple(dict.fromkeys(tracks))
    for name in names:
        if name not in TRACKS:
            raise InvalidValue("tracks", name, ", ".join(TRACKS))
    remainder = names[-1] if len(names) == len(TRACKS) else OTHER
    masked_names = tuple(name for name in names if name != remainder)
    stems = {name: np.zeros((len(samples), 2), np.float32) for name in masked_names}
    frames = -(-(len(samples) + _LEAD) // HOP) if len(samples) and masked_names else 0
    upright = channels_for_analysis(samples)
    for start in range(0, frames, _CORE_FRAMES):
        cancel_check()
        stop = min(start + _CORE_FRAMES, frames)
        first, last = max(0, start - _CONTEXT_FRAMES), min(frames, stop + _CONTEXT_FRAMES)
        spectra = _frame_spectra(samples, first, last)
        cues = masks.measure_cues(turn_channels(spectra, upright), _sustain_s(analysis))
        core = slice(start - first, stop - first)
        for name, mask in masks.soft_masks(cues, masked_names).items():
            _overlap_add(stems[name], spectra[:, core] * mask[core], start)
        progress(stop / frames)
    stems[remainder] = _remainder(samples, list(stems.values()))
    return {name: stems[name] for name in dict.fromkeys((*names, remainder))}


def _remainder(samples: Samples, stems: list[Samples]) -> Samples:
    """Return ``samples`` minus all ``stems``, subtracted in double precision, in blocks to spare memory."""
    out = np.empty(samples.shape, np.float32)
    for at in range(0, len(samples), FFT * HOP):
        block = slice(at, at + FFT * HOP)
        out[block] = samples[block].astype(np.float64) - sum(stem[block].astype(np.float64) for stem in stems)
    return out


def _sustain_s(analysis: Analysis | None) -> float:
    if analysis is None or analysis.confidence.get("tempo", 0.0) <= 0:
        return masks.SUSTAIN_S
    return float(np.clip(0.45 * analysis.grid.beat_s, 0.15, masks.SUSTAIN_S))


def _window() -> npt.NDArray[np.float32]:
    return np.sin(np.pi * np.arange(FFT) / FFT).astype(np.float32)


def _frame_spectra(samples: Samples, first: int, last: int) -> npt.NDArray[np.complex64]:
    """Return the spectra ``[2, K, F]`` of frames ``first`` to ``last``."""
    from scipy.fft import rfft

    at = first * HOP - _LEAD
    length = (last - first) * HOP + _LEAD
    part = samples[max(0, at) : at + length]
    before = max(0, -at)
    padded = np.pad(part, ((before, length - before - len(part)), (0, 0))).T
    frames = np.lib.stride_tricks.sliding_window_view(padded, FFT, axis=1)[:, ::HOP]
    return np.asarray(rfft(frames * _window(), axis=-1), np.complex64)


def _overlap_add(out: Samples, spectra: npt.NDArray[np.complex64], first: int) -> None:
    """Transform ``[2, K, F]`` back and overlap-add it to ``out`` ``[N, 2]`` from frame ``first`` on."""
    from scipy.fft import irfft

    frames = irfft(spectra, FFT, axis=-1) * (_window() / _OVERLAP_GAIN)
    hops = frames.reshape(2, -1, FFT // HOP, HOP)
    total = np.zeros((2, hops.shape[1] + FFT // HOP - 1, HOP), np.float32)
    for quarter in range(FFT // HOP):
        total[:, quarter : quarter + hops.shape[1]] += hops[:, :, quarter]
    sound = total.reshape(2, -1).T
    at = first * HOP - _LEAD
    lo, hi = max(0, at), min(len(out), at + len(sound))
    out[lo:hi] += sound[lo - at : hi - at]
