"""Latents of takes: those of a source that is one of them are not encoded again, and those of a new one go with its audio.

Frames of a source whose latents are not exact (see `acestep_runtime.take_latents`) are encoded, as those of any source.
"""

from __future__ import annotations

from itertools import groupby

import numpy as np
import torch
from torch import Tensor

from acestep_runtime.conditioning.latents import Span, samples_to_frames
from acestep_runtime.engines.base import EngineRequest
from acestep_runtime.engines.metadata import TakeMetadata
from acestep_runtime.engines.neural.model import Model
from acestep_runtime.take_latents import TakeLatents
from acestep_runtime.values import CancelToken


def encode_source(model: Model, request: EngineRequest, cancel: CancelToken) -> Tensor:
    """Return the latents ``[1, T, C]`` of the source of a request, its own where they are exact."""
    source, own = request.source, _usable(model, request)
    assert source is not None
    if own is None:
        return model.encode_audio(source, cancel)
    latents = torch.from_numpy(own.latents.astype(np.float32))[None].to(model.device)
    if spans := _spans_to_encode(own):
        with model.placement.on_device("vae"):
            for span in spans:
                latents[:, slice(*span)] = model.codec.encode(source, frames=span, check=cancel.check)
    return latents


def source_metadata(model: Model, request: EngineRequest) -> TakeMetadata:
    """Return how many latents of a source are its own, and how many are encoded; nothing for other sources."""
    own = _usable(model, request)
    if own is None:
        return {}
    count = int(own.exact.sum())
    return {"source_latents": {"own": count, "encoded": len(own.exact) - count}}


def latents_of_take(model: Model, latents: Tensor, frames: int) -> TakeLatents | None:
    """Return final latents ``[1, T, C]`` for a window of ``frames`` samples; ``None`` for those that float16 cannot hold."""
    window = latents[0, : samples_to_frames(frames)].to("cpu", torch.float16)
    if not torch.isfinite(window).all():
        return None
    return TakeLatents(window.numpy(), np.ones(len(window), bool), 0, model.vae_id, model.codec.reach_frames)


def _usable(model: Model, request: EngineRequest) -> TakeLatents | None:
    """Return the latents of a request's source, if they are of this model's autoencoder and any is exact."""
    own = request.source_latents
    if own is None or own.vae != model.vae_id or not own.exact.any():
        return None
    return own if own.latents.shape == (samples_to_frames(request.frames), model.spec.channels) else None


def _spans_to_encode(own: TakeLatents) -> list[Span]:
    """Return the spans of frames that are not exact."""
    groups = groupby(range(len(own.exact)), key=own.exact.__getitem__)
    frames = [list(group) for is_exact, group in groups if not is_exact]
    return [(group[0], group[-1] + 1) for group in frames]
