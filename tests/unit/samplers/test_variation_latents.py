"""Every variation of the reference comes out as the reference has it: see tests/golden/README.md."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch
from safetensors.torch import load_file
from torch import Tensor

from acestep_runtime.conditioning.codes import semantic_hints
from acestep_runtime.dit.velocity import VelocityModel
from acestep_runtime.guidance import METHODS
from acestep_runtime.samplers import loop, schedule
from acestep_runtime.samplers.fields import GuidanceConfig, GuidedVelocity
from acestep_runtime.samplers.noise import draw_take_noise
from acestep_runtime.samplers.steps import VelocitySmoother, make_steps
from acestep_runtime.values import TakeSeed, Variation
from tests.support.golden_cases import difference, parts
from tests.support.paths import GOLDEN

SEEDS, VARIATION_SEEDS = (31, 42), (314, 159)
CASES: dict[str, dict[str, Any]] = json.loads((GOLDEN / "variation_cases.json").read_text())


@cache
def _numbers() -> dict[str, Tensor]:
    return load_file(GOLDEN / "variation_golden.safetensors")


def _input(name: str) -> Tensor:
    return _numbers()[f"in/{name}"]


def _noise(amount: float, frames: int) -> Tensor:
    seeds = zip(SEEDS, VARIATION_SEEDS, strict=True)
    return draw_take_noise([TakeSeed(seed, (Variation(amount, other),)) for seed, other in seeds], frames, 8)


@pytest.mark.parametrize("length", ["even", "odd"])
def test_both_noises_are_those_of_the_reference(length: str) -> None:
    frames = _input(f"noise_{length}").shape[1]
    assert torch.equal(_noise(0.0, frames), _input(f"noise_{length}"))
    assert torch.equal(_noise(1.0, frames), _input(f"variation_noise_{length}"))


def _context(kind: str, case: dict[str, Any]) -> Tensor:
    """Source latents and mask, ``[2, T, 16]``."""
    length, silence = case["length"], _input("silence_latent")
    frames = _input(f"noise_{length}").shape[1]
    source, mask = silence[:, :frames].expand(2, -1, -1), torch.ones(2, frames, 8)
    if case["task"] == "cover":
        model = parts(kind)
        source = semantic_hints(model.tokenizer, model.detokenizer, _input(f"src_latents_{length}"), silence)
    if case["task"] == "repaint":
        first, stop = case["span"]
        source, mask = _input(f"clean_src_latents_{length}").clone(), torch.zeros_like(mask)
        source[:, first:stop], mask[:, first:stop] = silence[:, first:stop], 1
    return torch.cat((source, mask), -1)


@cache
def _condition(kind: str) -> Tensor:
    names = ("text_hidden_states", "text_attention_mask", "lyric_hidden_states", "lyric_attention_mask",
             "refer_audio_acoustic_hidden_states_packed", "refer_audio_order_mask")  # fmt: skip
    packed: Tensor = parts(kind).encoder(**{name: _input(name) for name in names})[0]
    return packed.clone()


@torch.inference_mode()
def _generate(kind: str, case: dict[str, Any]) -> Tensor:
    velocity, frames = VelocityModel(parts(kind).dit), _input(f"noise_{case['length']}").shape[1]
    levels = schedule.turbo(3.0) if kind == "turbo" else schedule.linear(case["infer_steps"], case["shift"])
    noise = x = _noise(case["retake_variance"], frames)
    if strength := case.get("cover_noise_strength"):
        levels, x = loop.start_from(levels, noise, _input(f"src_latents_{case['length']}"), strength)
    guiding, guidance, null = None, case.get("diffusion_guidance_scale", 1.0), parts(kind).null_condition
    if guidance > 1 and null is not None:
        methods = METHODS["apg"](guidance), METHODS["cfg"](guidance)
        guiding = GuidanceConfig(velocity.project_null(null), *methods, 0.0, 1.0)
    field = GuidedVelocity(
        velocity, _context(kind, case), velocity.project_condition(_condition(kind)), guiding, VelocitySmoother()
    )
    count, after, clean = len(levels) - 1, None, _input("clean_src_latents_even")
    if "span" in case:
        inside = torch.zeros(1, frames, 1, dtype=torch.bool)
        inside[:, slice(*case["span"])] = True
        after = loop.Injection(clean, noise, inside, case["repaint_injection_ratio"], count)
    steps = make_steps("euler", count, is_turbo=kind == "turbo")
    for x in loop.denoise(  # noqa: B007
        x, levels, steps, [field] * count, lambda x, _: torch.zeros_like(x), after or (lambda x, _number, _t: x)
    ):
        pass
    return loop.crossfade(x, clean, case["span"], case["repaint_crossfade_frames"]) if "span" in case else x


@pytest.mark.parametrize("name", CASES)
def test_the_latents_are_those_of_the_reference(name: str) -> None:
    deviation = difference(_generate(name.partition("/")[0], CASES[name]), _numbers()[f"{name}/target_latents"])
    assert deviation <= 1e-4
