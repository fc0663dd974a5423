"""Audio in memory: its type, and how to cut it into blocks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

#: ``[N, C]``: N frames of C channels (1 or 2), float32 with full scale ±1.
Samples = npt.NDArray[np.float32]


def split_blocks(samples: Samples, block_frames: int) -> Iterator[Samples]:
    """Yield ``[N, C]`` in views of at most ``block_frames`` frames."""
    return (samples[at : at + block_frames] for at in range(0, len(samples), block_frames))
