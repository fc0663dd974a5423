"""With the same condition, context and noise, the final latents equal those of `diffusers.AceStepPipeline`."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch
from diffusers import AceStepPipeline
from torch import Tensor

from acestep_runtime.dit.velocity import VelocityModel
from acestep_runtime.guidance import METHODS
from acestep_runtime.samplers import loop, schedule
from acestep_runtime.samplers.fields import GuidanceConfig, GuidedVelocity
from acestep_runtime.samplers.steps import make_steps
from tests.support.golden_cases import difference
from tests.support.tiny_models import tiny_checkpoint

SECONDS, CHANNELS = 6, 8
FRAMES = 25 * SECONDS


@pytest.fixture(scope="module")
def pipelines(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    pipelines_by_kind = {}
    for kind in ("turbo", "base"):
        folder: Path = tiny_checkpoint(tmp_path_factory.mktemp(kind), "diffusers", kind, CHANNELS)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pipelines_by_kind[kind] = AceStepPipeline.from_pretrained(folder, torch_dtype=torch.float32)
        pipelines_by_kind[kind].set_progress_bar_config(disable=True)
    return pipelines_by_kind


def _pipeline_latents(pipeline: Any, noise: Tensor, **options: Any) -> tuple[Tensor, Tensor, Tensor]:
    """Return the pipeline's latents, and the condition and context of the first item in its first step."""
    inputs: list[dict[str, Any]] = []
    handle = pipeline.transformer.register_forward_pre_hook(lambda _, __, given: inputs.append(given), with_kwargs=True)
    try:
        latents = pipeline(
            prompt="warm piano", lyrics="[verse]\nla la", audio_duration=float(SECONDS), output_type="latent",
            latents=noise, **options,
        ).audios  # fmt: skip
    finally:
        handle.remove()
    return latents, inputs[0]["encoder_hidden_states"][:1], inputs[0]["context_latents"][:1]


@torch.inference_mode()
def _runtime_latents(
    pipeline: Any, noise: Tensor, hidden: Tensor, context: Tensor, levels: list[float],
    guidance: float = 1.0, start: float = 0.0, end: float = 1.0,
) -> Tensor:  # fmt: skip
    velocity, guidance_config, count = VelocityModel(pipeline.transformer), None, len(levels) - 1
    keys = velocity.project_condition(hidden)
    if guidance > 1:
        null = velocity.project_null(pipeline.condition_encoder.null_condition_emb)
        guidance_config = GuidanceConfig(null, METHODS["apg"](guidance), METHODS["cfg"](guidance), start, end)
    fields = [GuidedVelocity(velocity, context, keys, guidance_config)] * count
    *_, latents = loop.denoise(noise, levels, make_steps("euler", count), fields, lambda x, _: x)
    return latents


@pytest.mark.parametrize("shift", [1.0, 2.0])
def test_text_to_music_of_turbo_models(pipelines: Mapping[str, Any], shift: float) -> None:
    noise = loop.draw_noise([5], FRAMES, CHANNELS)
    theirs, hidden, context = _pipeline_latents(pipelines["turbo"], noise, num_inference_steps=8, shift=shift)
    ours = _runtime_latents(pipelines["turbo"], noise, hidden, context, schedule.linear(8, shift))
    assert difference(ours, theirs) <= 1e-5


@pytest.mark.parametrize("interval", [(0.0, 1.0), (0.3, 0.8)])
def test_text_to_music_of_base_models_with_projected_guidance(
    pipelines: Mapping[str, Any], interval: tuple[float, float]
) -> None:
    """Their interval counts from the noise on: 1 − t."""
    noise, (start, end) = loop.draw_noise([7], FRAMES, CHANNELS), interval
    theirs, hidden, context = _pipeline_latents(
        pipelines["base"], noise, num_inference_steps=6, shift=3.0, guidance_scale=7.0,
        cfg_interval_start=1 - end, cfg_interval_end=1 - start,
    )  # fmt: skip
    ours = _runtime_latents(pipelines["base"], noise, hidden, context, schedule.linear(6, 3.0), 7.0, start, end)
    assert difference(ours, theirs) <= 1e-4
