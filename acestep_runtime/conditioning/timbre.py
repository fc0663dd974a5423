"""The timbre reference: the latents of three excerpts of ten seconds."""

from __future__ import annotations

from torch import Tensor

from acestep_runtime.conditioning.latents import silence_latents

#: Latent frames of the three excerpts.
REFERENCE_FRAMES = 750


def default_timbre(silence: Tensor, frames: int = REFERENCE_FRAMES) -> Tensor:
    """Return the timbre latents used without a reference: silence, ``[1, frames, C]``."""
    return silence_latents(silence, frames)
