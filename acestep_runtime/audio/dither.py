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
_PERIOD = 2**128
_LOW = np.uint64(2**32 - 1)


class Dither:
    """Prepares the blocks of one file for rounding to ``bits``; 0 leaves them as they are.

    ``start`` is the number of the first frame. The noise of a frame follows from its number alone, so a region gets the same
    as in the whole; all channels get it, so equal ones stay equal.
    """

    def __init__(self, bits: int, start: int = 0) -> None:
        self._scale = np.float32(2.0 ** (bits - 1)) if bits else None
        self._start = start
        self._noise: np.random.PCG64 | None = None

    @classmethod
    def for_encoding(cls, encoding: str, start: int = 0) -> Dither:
        """Return the dither for an encoding of WAV files."""
        return cls(BITS.get(encoding, 0), start)

    def add(self, samples: Samples) -> Samples:
        """Return the next ``[N, C]`` with noise where rounding would change a sample."""
        if self._scale is None or not samples.size:
            return samples
        if self._noise is None:
            self._noise = np.random.PCG64(_SEED)
            self._noise.advance(self._start % _PERIOD)
        draws = self._noise.random_raw(len(samples))[:, None]
        noise = ((draws >> np.uint64(32)).astype(np.float32) - (draws & _LOW).astype(np.float32)) * np.float32(2**-32)
        steps = samples * self._scale
        return np.where(steps == np.rint(steps), samples, samples + noise / self._scale).astype(np.float32)
