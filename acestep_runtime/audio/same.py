"""Whether two files sound the same."""

from __future__ import annotations

import os

import numpy as np

from acestep_runtime.audio import decode

#: Two steps of 16 bits: what another sample format, with its dither, makes of a sample.
_ROUNDING = 2 / 32768
_BLOCK_FRAMES = 1 << 16


def sound_same(first: str | os.PathLike[str], second: str | os.PathLike[str]) -> bool:
    """Return whether two files have the same rate, channels and length, and samples that differ by rounding to 16 bits at most.

    Both are read to their end, in blocks. Samples beyond full scale, which integers cannot hold, count as full scale. Raises
    `UnreadableAudio` for a file that is not audio.
    """
    one, other = decode.measure(first), decode.measure(second)
    if (one.sample_rate, one.channels, one.frames) != (other.sample_rate, other.channels, other.frames):
        return False
    pairs = zip(
        decode.blocks(first, block_frames=_BLOCK_FRAMES),
        decode.blocks(second, block_frames=_BLOCK_FRAMES),
        strict=False,
    )
    # Blocks of other sizes: one of the files was joined of several.
    return all(
        a.shape == b.shape and np.abs(a.clip(-1, 1) - b.clip(-1, 1)).max(initial=0) <= _ROUNDING for a, b in pairs
    )
