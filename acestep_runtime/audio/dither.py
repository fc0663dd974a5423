"""Dither: triangular noise of two steps (TPDF), so that rounding to fewer bits leaves noise and no distortion.

A sample that the bits hold exactly stays as it is, and so does silence: what is only copied remains equal bit for bit. The
noise is the same each time, so equal samples give equal files, in whatever blocks they come.

Letters: N frames, C channels.
"""

from __future__ import annotations

import numpy as np

from acestep_runtime.audio.samples import Samples

#: Encoding, as `acestep_runtime.audio.wav` names it → its bits.
BITS = {"pcm24": 24, "pcm16": 16}
_SEED = 0x0ACE


class Dither:
    """Prepares the blocks of one file for rounding to ``bits``; 0 leaves them as they are."""

    def __init__(self, bits: int) -> None:
        self._scale = np.float32(2.0 ** (bits - 1)) if bits else None
        self._noise = np.random.Generator(np.random.PCG64(_SEED))

    @classmethod
    def for_encoding(cls, encoding: str) -> Dither:
        """Return the dither for an encoding of WAV files."""
        return cls(BITS.get(encoding, 0))

    def add(self, samples: Samples) -> Samples:
        """Return the next ``[N, C]`` with noise where rounding would change a sample."""
        if self._scale is None or not samples.size:
            return samples
        steps = samples * self._scale
        draws = self._noise.random((*samples.shape, 2), np.float32)
        noise = (draws[..., 0] - draws[..., 1]) / self._scale
        return np.where(steps == np.rint(steps), samples, samples + noise).astype(np.float32)
