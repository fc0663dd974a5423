"""Where a stereo file has sound: in both channels, in one of them, or the same in both."""

from __future__ import annotations

import numpy as np

from acestep_runtime.audio.samples import Samples

#: One step of 16 bits: nobody hears it. A side counts as the only one when it is much louder.
_SILENT = 2.0**-15
_SOUNDING = 2.0**-10


def keep_sides(samples: Samples, source: Samples) -> Samples:
    """Return ``samples`` ``[N, C]`` with sound on the sides where ``source`` ``[M, C]`` has some.

    A source whose other channel is silent gets the mean of both on its one side; one with equal channels gets it on both.
    """
    if source.shape[1] != 2 or not len(source):
        return samples
    peaks = np.abs(source).max(axis=0)
    is_one_sided = peaks.min() <= _SILENT and peaks.max() > _SOUNDING
    is_centred = peaks.min() > _SILENT and float(np.abs(source[:, 0] - source[:, 1]).max()) <= _SILENT
    if not (is_one_sided or is_centred):
        return samples
    mean = samples.mean(axis=1, keepdims=True, dtype=np.float32)
    return np.asarray(mean * (peaks > _SILENT), np.float32)
