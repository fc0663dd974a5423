"""Context latents: the source, padded or masked with silence, beside the mask that marks the frames to generate.

Letters: B items, T latent frames (25 a second, 1,920 samples each), C channels of a latent (64).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from acestep_runtime.take_latents import FRAME_SAMPLES as FRAME_SAMPLES

#: Shorter sequences are padded with silence to this many frames.
MIN_FRAMES = 128
#: Values of the mask: keep the source, generate, let the model decide.
MASK_KEEP, MASK_GENERATE, MASK_AUTO = 0.0, 1.0, 2.0

#: First frame and the one after the last.
Span = tuple[int, int]


def samples_to_frames(samples: int) -> int:
    """Return the number of latent frames that cover ``samples`` samples."""
    return math.ceil(samples / FRAME_SAMPLES)


def span_to_frames(start: int, stop: int) -> Span:
    """Return the latent frames that cover samples ``start`` to ``stop``, at least one."""
    first = start // FRAME_SAMPLES
    return first, max(first + 1, math.ceil(stop / FRAME_SAMPLES))


def silence_latents(silence: Tensor, frames: int) -> Tensor:
    """Return ``frames`` frames of silence ``[1, T, C]``, repeated where it is too short."""
    times = -(-frames // silence.shape[1])
    return silence.repeat(1, times, 1)[:, :frames]


def pad_with_silence(latents: Tensor, silence: Tensor, frames: int) -> Tensor:
    """Return latents ``[B, T, C]`` padded at the end with silence to ``frames`` frames, unchanged if they are long enough."""
    missing = frames - latents.shape[1]
    if missing <= 0:
        return latents
    rest = silence_latents(silence, frames)[:, latents.shape[1] :].to(latents)
    return torch.cat((latents, rest.expand(len(latents), -1, -1)), 1)


def mask_span(latents: Tensor, silence: Tensor, span: Span) -> Tensor:
    """Return a copy of latents with silence inside the span, as a repaint needs."""
    masked = latents.clone()
    masked[:, slice(*span)] = silence_latents(silence, latents.shape[1])[:, slice(*span)].to(latents)
    return masked


def context_latents(latents: Tensor, *spans: Span, is_auto: bool = False) -> Tensor:
    """Return ``[B, T, 2C]``: source latents beside the mask, which marks the spans, or everything without any.

    With ``is_auto`` the model decides, in all frames, in the spans and outside.
    """
    mask = torch.full_like(latents, MASK_AUTO if is_auto else MASK_KEEP)
    for first, stop in () if is_auto else spans or [(0, latents.shape[1])]:
        mask[:, first:stop] = MASK_GENERATE
    return torch.cat((latents, mask), -1)
