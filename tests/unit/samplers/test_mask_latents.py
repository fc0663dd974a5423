"""Latents with the mask "auto", and layers: see tests/golden/README.md."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch
from safetensors.torch import load_file
from torch import Tensor

from acestep_runtime.conditioning.latents import context_latents
from acestep_runtime.dit.velocity import VelocityModel
from acestep_runtime.guidance import METHODS
from acestep_runtime.samplers import loop, schedule
from acestep_runtime.samplers.fields import GuidanceConfig, GuidedVelocity
from acestep_runtime.samplers.steps import VelocitySmoother, make_steps
from tests.support.golden_cases import difference, parts
from tests.support.paths import GOLDEN

CASES: dict[str, dict[str, Any]] = json.loads((GOLDEN / "mask_cases.json").read_text())
CONDITION = ("text_hidden_states", "text_attention_mask", "lyric_hidden_states", "lyric_attention_mask",
             "refer_audio_acoustic_hidden_states_packed", "refer_audio_order_mask")  # fmt: skip


@cache
def numbers() -> dict[str, Tensor]:
    return {
        **load_file(GOLDEN / "variation_golden.safetensors"),
        **load_file(GOLDEN / "mask_golden.safetensors"),
    }


def _input(name: str) -> Tensor:
    return numbers()[f"in/{name}"]


@torch.inference_mode()
def generate(kind: str, case: dict[str, Any], *, is_auto: bool) -> Tensor:
    """The final latents of a case."""
    noise = _input(f"noise_{case['length']}")
    silence = _input("silence_latent")[:, : noise.shape[1]].expand(2, -1, -1)
    source = _input(f"clean_src_latents_{case['length']}") if case["task"] == "lego" else silence
    velocity, null = VelocityModel(parts(kind).dit), parts(kind).null_condition
    condition = velocity.project_condition(parts(kind).encoder(**{name: _input(name) for name in CONDITION})[0])
    guiding, guidance = None, case.get("diffusion_guidance_scale", 1.0)
    if guidance > 1 and null is not None:
        methods = METHODS["apg"](guidance), METHODS["cfg"](guidance)
        guiding = GuidanceConfig(velocity.project_null(null), *methods, 0.0, 1.0)
    context = context_latents(source, is_auto=is_auto)
    field = GuidedVelocity(velocity, context, condition, guiding, VelocitySmoother())
    levels = (
        schedule.linear(schedule.TURBO_STEPS, 3.0)
        if kind == "turbo"
        else schedule.linear(case["infer_steps"], case["shift"])
    )
    count, x = len(levels) - 1, noise
    steps = make_steps("euler", count, is_turbo=kind == "turbo")
    for x in loop.denoise(  # noqa: B007
        x, levels, steps, [field] * count, lambda x, _: torch.zeros_like(x), lambda x, _number, _t: x
    ):
        pass
    return x


@pytest.mark.parametrize("name", CASES)
def test_the_latents_depend_on_the_mask(name: str) -> None:
    kind, case, expected = name.partition("/")[0], CASES[name], numbers()[f"{name}/target_latents"]
    is_auto = case.get("chunk_mask") == "auto"
    assert difference(generate(kind, case, is_auto=not is_auto), expected) > 1e-2
