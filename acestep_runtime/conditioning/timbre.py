"""The reference for timbre as latents: those of three pieces of ten seconds."""

from __future__ import annotations

from torch import Tensor

from acestep_runtime.conditioning.latents import silence_latents

#: Latent frames of the three pieces.
FRAMES = 750


def no_reference(silence: Tensor, frames: int = FRAMES) -> Tensor:
    """Return what stands for a reference that is not given: silence, ``[1, frames, C]``."""
    return silence_latents(silence, frames)
