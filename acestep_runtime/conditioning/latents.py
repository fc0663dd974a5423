"""Latents that are given: silence, sources with a hole in them, and the mask that says what is to be made.

Letters: B items, T latent frames (25 a second, 1,920 samples each), C channels of a latent (64).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

FRAME_SAMPLES = 1920
#: Shorter sequences are filled up with silence.
SHORTEST = 128
#: Values of the mask: to be kept, to be made, and "the model decides".
KEPT, MADE, AUTO = 0.0, 1.0, 2.0

#: First frame and the one after the last.
Span = tuple[int, int]


def frames_of(samples: int) -> int:
    """Return how many latent frames hold so many samples."""
    return math.ceil(samples / FRAME_SAMPLES)


def span_of(start: int, stop: int) -> Span:
    """Return the latent frames that hold samples ``start`` to ``stop``, at least one."""
    first = start // FRAME_SAMPLES
    return first, max(first + 1, math.ceil(stop / FRAME_SAMPLES))


def silence_latents(silence: Tensor, frames: int) -> Tensor:
    """Return ``frames`` frames of silence ``[1, T, C]``, which repeats when there is not enough of it."""
    times = -(-frames // silence.shape[1])
    return silence.repeat(1, times, 1)[:, :frames]


def pad_to(latents: Tensor, silence: Tensor, frames: int) -> Tensor:
    """Return latents ``[B, T, C]`` with silence after them, ``frames`` frames long; the same if they are already."""
    lacking = frames - latents.shape[1]
    if lacking <= 0:
        return latents
    rest = silence_latents(silence, frames)[:, latents.shape[1] :].to(latents)
    return torch.cat((latents, rest.expand(len(latents), -1, -1)), 1)


def mask_span(latents: Tensor, silence: Tensor, span: Span) -> Tensor:
    """Return latents with silence inside the span: what a repaint works on."""
    out = latents.clone()
    out[:, slice(*span)] = silence_latents(silence, latents.shape[1])[:, slice(*span)].to(latents)
    return out


def context(latents: Tensor, *spans: Span, made: float = MADE) -> Tensor:
    """Return ``[B, T, 2C]``: source latents beside the mask, which is ``made`` in the spans; without any, everywhere."""
    mask = torch.full_like(latents, KEPT)
    for first, stop in spans or [(0, latents.shape[1])]:
        mask[:, first:stop] = made
    return torch.cat((latents, mask), -1)
