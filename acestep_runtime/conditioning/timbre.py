"""The timbre reference: the latents of three excerpts of ten seconds, and their encoding, which is kept.

Without a reference it is always that of silence, and it takes longer than that of all words.
"""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor, nn

from acestep_runtime.conditioning.latents import silence_latents

#: Latent frames of the three excerpts.
REFERENCE_FRAMES = 750
#: Encodings that are kept, of 4 KB.
_KEPT = 8


def default_timbre(silence: Tensor, frames: int = REFERENCE_FRAMES) -> Tensor:
    """Return the timbre latents used without a reference: silence, ``[1, frames, C]``."""
    return silence_latents(silence, frames)


class TimbreCache(nn.Module):
    """A timbre encoder that computes each encoding once."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self._kept: dict[bytes, tuple[Tensor, Tensor]] = {}

    def forward(self, latents: Tensor, order: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the encoder does for latents ``[N, T, C]`` and the item of each, ``[N]``."""
        key = content_key(latents) + content_key(order) + str(latents.device).encode()
        if key not in self._kept:
            self._kept[key] = self.encoder(latents, order)
            if len(self._kept) > _KEPT:
                del self._kept[next(iter(self._kept))]
        return self._kept[key]


def content_key(tensor: Tensor) -> bytes:
    """Return a hash of the shape, the dtype and the bytes of a tensor."""
    digest = hashlib.blake2b(f"{tensor.shape} {tensor.dtype}".encode(), digest_size=20)
    digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.digest()
