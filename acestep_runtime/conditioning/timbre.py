"""The reference for timbre: three pieces of ten seconds, from the front, the middle and the back of a recording.

Source: the public ACE-Step 1.5 code, which `diffusers.AceStepPipeline.prepare_reference_audio_latents` follows.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from torch import Tensor

from acestep_runtime.conditioning.latents import silence_of
from acestep_runtime.units import ENGINE_RATE_HZ

_PIECE = 10 * ENGINE_RATE_HZ
#: Latent frames of the three pieces.
FRAMES = 750


def reference_of(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return 30 s ``[N, 2]`` at 48 kHz of a recording ``[M, 2]``, repeated first if it is shorter."""
    if len(samples) < 3 * _PIECE:
        samples = np.tile(samples, (-(-3 * _PIECE // len(samples)), 1))
    middle, back = len(samples) // 3, len(samples) - _PIECE
    return np.concatenate((samples[:_PIECE], samples[middle : middle + _PIECE], samples[back : back + _PIECE]))


def no_reference(silence: Tensor, frames: int = FRAMES) -> Tensor:
    """Return what stands for a reference that is not given: silence, ``[1, frames, C]``."""
    return silence_of(silence, frames)
