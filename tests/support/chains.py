"""Ten repaints of one song, and what must be left of it: for tests of latents that are kept."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt

from acestep_runtime.file_hashes import hash_file
from acestep_runtime.take_latents import FRAME_SAMPLES, TakeLatents, read_latents

RATE_HZ = 48_000
LENGTH_S = 24.0
CROSSFADE_S, CONTEXT_S = 0.02, 3.0
#: Start and end in seconds: overlapping, touching, on frames of latents and between them.
REGIONS = (
    (2.013, 3.5), (8.0, 9.0), (8.7, 10.123), (3.5, 4.04), (15.3007, 16.1), (2.5, 3.1), (21.0, 21.7), (9.9, 10.4),
    (15.0, 17.25), (8.51, 8.62),
)  # fmt: skip
#: Latent frames around one that the released codec's shape reaches.
REACH = 9


def samples_outside(frames: int) -> npt.NDArray[np.bool_]:
    """Return which samples are outside all regions and their crossfades."""
    mask = np.ones(frames, bool)
    for start_s, end_s in REGIONS:
        mask[round((start_s - CROSSFADE_S) * RATE_HZ) : round((end_s + CROSSFADE_S) * RATE_HZ)] = False
    return mask


def frames_outside(frames: int) -> npt.NDArray[np.bool_]:
    """Return which latent frames of a song of this many samples reach into no region."""
    samples = samples_outside(frames)
    count = -(-frames // FRAME_SAMPLES)
    mask = np.zeros(count, bool)
    for frame in range(count):
        first, stop = (frame - REACH) * FRAME_SAMPLES, (frame + 1 + REACH) * FRAME_SAMPLES
        mask[frame] = samples[max(0, first) : stop].all()
    return mask


def window_of(region: tuple[float, float]) -> tuple[int, int]:
    """Return the latent frames of the window that an engine gets for a region."""
    start_s, stop_s = max(0.0, region[0] - CONTEXT_S), min(LENGTH_S, region[1] + CONTEXT_S)
    return math.floor(25 * start_s + 1e-6), math.ceil(25 * stop_s - 1e-6)


def latents_of_file(audio: Path) -> TakeLatents | None:
    """Return the latents beside an audio file, as the file says them."""
    return read_latents(audio, audio.name, lambda: hash_file(audio))
