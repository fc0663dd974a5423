"""Conversion of sample rate and channel count in memory.

Letters: N and M frames, C channels (1 or 2).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from acestep_runtime import units
from acestep_runtime.audio.samples import Samples

#: Frames from which a thread for each channel is faster.
_MIN_THREADED_FRAMES = 1 << 17


def resample(samples: Samples, from_hz: int, to_hz: int, frames: int | None = None) -> Samples:
    """Change the rate of ``[N, C]``; returns ``[M, C]``, the very same array when nothing has to change.

    M is ``frames``, or else N scaled by the rates and rounded; the end is padded with zeros or trimmed to it. The
    filter is soxr's VHQ (linear phase, pass band to 0.913 of the lower Nyquist frequency), free of delay.
    """
    length = units.frames_to_frames(len(samples), from_hz, to_hz) if frames is None else frames
    if from_hz != to_hz and len(samples):
        samples = _resample(samples, from_hz, to_hz)
    return _fit_length(samples, length)


def _resample(samples: Samples, from_hz: int, to_hz: int) -> Samples:
    import soxr

    def convert(part: Samples) -> Samples:
        return np.asarray(soxr.resample(part, from_hz, to_hz, quality="VHQ"))

    if samples.shape[1] == 1 or len(samples) < _MIN_THREADED_FRAMES:
        return convert(samples)
    with ThreadPoolExecutor(samples.shape[1]) as pool:  # the same samples, a channel to each thread
        channels = pool.map(convert, (np.ascontiguousarray(channel) for channel in samples.T))
        return np.stack(tuple(channels), axis=1)


def _fit_length(samples: Samples, frames: int) -> Samples:
    if len(samples) >= frames:
        return samples if len(samples) == frames else samples[:frames]
    return np.concatenate([samples, np.zeros((frames - len(samples), samples.shape[1]), np.float32)])


class StreamResampler:
    """`resample` for audio that arrives in blocks: the blocks it returns add up to exactly ``frames_out`` frames."""

    def __init__(self, from_hz: int, to_hz: int, channels: int, frames_out: int) -> None:
        self._left = frames_out
        self._channels = channels
        self._stream: Any = None
        if from_hz != to_hz:
            import soxr

            self._stream = soxr.ResampleStream(from_hz, to_hz, channels, dtype="float32", quality="VHQ")

    def push(self, block: Samples, last: bool = False) -> Samples:
        """Take the next ``[n, C]``; return the output available so far, ``[m, C]``, where m may be 0.

        With ``last`` the tail follows, padded with zeros or trimmed; push nothing after that.
        """
        out = block if self._stream is None else self._stream.resample_chunk(np.ascontiguousarray(block), last=last)
        out = _fit_length(out.reshape(-1, self._channels), self._left if last else min(len(out), self._left))
        self._left -= len(out)
        return out


def to_channels(samples: Samples, channels: int) -> Samples:
    """Return ``[N, channels]``: mono is doubled, stereo is averaged; the same array when the count is right already."""
    if samples.shape[1] == channels:
        return samples
    if (samples.shape[1], channels) == (2, 1):
        return (samples[:, :1] + samples[:, 1:]) * np.float32(0.5)
    if samples.shape[1] != 1:
        raise ValueError(f"cannot turn {samples.shape[1]} channels into {channels}")
    return np.repeat(samples, channels, axis=1)
