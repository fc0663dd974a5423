"""Latents of takes: those of a source that is one of them are not encoded again, and those of a new one go with its audio.

Frames of a source whose latents are not exact (see `acestep_runtime.take_latents`) are encoded, as those of any source.
"""

from __future__ import annotations

from collections.abc import Iterator
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
    return torch.cat(list(encode_source_tiles(model, request, cancel)), 1)


def encode_source_tiles(model: Model, request: EngineRequest, cancel: CancelToken) -> Iterator[Tensor]:
    """Yield the latents of `encode_source` tile by tile."""
    source, own = request.source, _usable(model, request)
    assert source is not None
    if own is None:
        yield from model.encode_tiles(source, cancel)
        return
    latents = torch.from_numpy(own.latents.astype(np.float32))[None].to(model.device)
    for is_exact, span in _spans(own):
        if is_exact:
            yield latents[:, slice(*span)]
        else:
            with model.placement.on_device("vae"):
                tiles = model.codec.encode_tiles(source, frames=span, check=cancel.check)
                yield from (tile.to(model.device) for tile in tiles)


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


def _spans(own: TakeLatents) -> Iterator[tuple[bool, Span]]:
    """Yield spans of frames that are exact, and of those that are not."""
    start = 0
    for is_exact, group in groupby(own.exact):
        stop = start + len(list(group))
        yield bool(is_exact), (start, stop)
        start = stop
