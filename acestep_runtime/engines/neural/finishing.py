"""Finishing a preview: its latents go to the decoder as they are, if the same request and the same weights made them.

Otherwise the take is made again, from its seed, and a warning says so. Latents of another model are refused: what they were to
become is another take than that of the request.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from acestep_runtime.engines.base import EngineRequest
from acestep_runtime.engines.metadata import PreviewLength
from acestep_runtime.engines.neural.language import Plan
from acestep_runtime.engines.neural.model import Model
from acestep_runtime.errors import InvalidValue, printable
from acestep_runtime.json_values import JsonObject, to_list, to_object
from acestep_runtime.previews import FullLatents, Preview
from acestep_runtime.take_latents import TakeLatents
from acestep_runtime.units import ENGINE_RATE_HZ, frames_to_seconds

_LOST = "The latents of the preview are not here, or no longer"


class RequestKey(NamedTuple):
    """Hashes of what a take is denoised from, but for the model: all that was asked for, and the latents of the source.

    The latter is "" where the source has none of its own: it is encoded then.
    """

    asked: str
    source: str


def request_key(request: EngineRequest) -> RequestKey:
    """Return the key of a request."""
    # Left out is what is done with the latents, and audio, of which the samples are hashed.
    asked = dataclasses.replace(
        request, source=None, reference=None, source_latents=None, preview=None, full=None, take_seeds=(),
        is_finishing=False, auto_lrc=False, auto_score=False, has_planned_length=False,
        sampling=dataclasses.replace(request.sampling, model=""),
    )  # fmt: skip
    digest = hashlib.blake2b(repr(asked).encode(), digest_size=20)
    for array in (request.source, request.reference):
        digest.update(b"\0" if array is None else np.ascontiguousarray(array).tobytes())
    return RequestKey(digest.hexdigest(), _latents_key(request.source_latents))


def _latents_key(own: TakeLatents | None) -> str:
    """Return a hash of the latents of a source; "" without any."""
    if own is None:
        return ""
    digest = hashlib.blake2b(digest_size=20)
    for array in (own.latents, own.exact):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def keep_full(model: Model, request: EngineRequest, role: str, latents: Tensor) -> FullLatents:
    """Return final latents ``[1, T, C]`` of a role, to be kept with a preview; the request and the plan are still to come."""
    held = latents[0].to("cpu", torch.float32).numpy()
    return FullLatents({role: held}, request.frames, model.checkpoint.name, _weights_key(model))


def with_origin(full: FullLatents, key: RequestKey, plan: Plan | None) -> FullLatents:
    """Return latents with the `request_key` of what they were made for, and the plan that they follow."""
    facts: JsonObject = {} if plan is None else {"metadata": dict(plan.metadata), "codes": list(plan.codes)}
    return dataclasses.replace(full, request=key.asked, source=key.source, plan=facts)


def plan_of(full: FullLatents) -> Plan | None:
    """Return the plan that a take followed. Its facts are of our own file, which is whole."""
    if not full.plan:
        return None
    metadata = {
        name: value for name, value in to_object(full.plan["metadata"]).items() if isinstance(value, (str, int))
    }
    return Plan(metadata, tuple(code for code in to_list(full.plan["codes"]) if isinstance(code, int)))


def latents_by_number(full: FullLatents, model: Model) -> Mapping[int, Tensor]:
    """Return latents ``[1, T, C]`` on the device by the number of their output."""
    return {
        number: torch.from_numpy(latents)[None].to(model.device) for number, latents in enumerate(full.roles.values())
    }


def why_made_again(full: FullLatents | None, model: Model, key: RequestKey) -> str:
    """Return why the latents of a preview cannot be used, as a warning; "" where they can.

    Raises `InvalidValue` for those of another model.
    """
    if full is None:
        why = _LOST
    elif full.model != model.checkpoint.name:
        name = printable(full.model)
        raise InvalidValue(
            "output.preview_id", name, f"a preview by {model.checkpoint.name}",
            message=f"The preview was made by the model {name}, and this request takes {model.checkpoint.name}.",
            remedy=f"Name the model {name}, or leave out the preview to make another take.",
        )  # fmt: skip
    elif full.request != key.asked:
        why = "The preview is one of another request"
    elif full.source != key.source:
        why = _describe_change(full.source, key.source)
    elif full.weights != _weights_key(model):
        why = f"The files of {model.checkpoint.name} have changed since the preview was made"
    else:
        return ""
    return f"{why}, so the whole take was made again from its seed, which takes longer than to decode it."


def _describe_change(before: str, now: str) -> str:
    """Return in words how the latents of a source, by their keys, are others than when a preview was made from it."""
    if not now:
        return "The latents that the source of the preview came with are not here any more"
    return f"The source has {'other latents than' if before else 'latents now, and had none'} when the preview was made"


def preview_length(preview: Preview) -> PreviewLength:
    """Return how much of a take a preview is; its tempo is known."""
    tempo = preview.tempo
    assert tempo is not None
    return {
        "bars": preview.bars,
        "duration_s": frames_to_seconds(preview.stop - preview.start, ENGINE_RATE_HZ),
        "whole_s": frames_to_seconds(preview.end - preview.start, ENGINE_RATE_HZ),
        "bpm": tempo.bpm,
        "timesignature": tempo.beats_per_bar,
        "tempo_from": tempo.origin,
    }


def _weights_key(model: Model) -> str:
    """Return a hash that tells the files of a model and its adapters, as they are on the disk."""
    facts = (model.checkpoint.name, model.checkpoint.stamp, model.adapter_files)
    return hashlib.blake2b(repr(facts).encode(), digest_size=20).hexdigest()
