"""Every case of the reference comes out as the reference has it."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch
from torch import Tensor

from acestep_runtime.conditioning.codes import semantic_hints
from acestep_runtime.dit.velocity import VelocityModel
from acestep_runtime.guidance import METHODS
from acestep_runtime.samplers import loop, schedule
from acestep_runtime.samplers.fields import GuidanceConfig, GuidedVelocity
from acestep_runtime.samplers.steps import VelocitySmoother, make_steps
from tests.support.golden_cases import cases, condition, difference, golden_input, numbers, parts

ALL = [(kind, name) for kind in ("base", "turbo") for name in cases(kind)]


def _source(kind: str, name: str) -> tuple[Tensor, Tensor]:
    """Source latents and the mask beside them."""
    case, latents = cases(kind)[name], golden_input(kind, "src_latents")
    if "repaint" in case:
        mask = numbers(kind)[f"{name}/repaint_mask"].float()[..., None]
        return numbers(kind)[f"{name}/src_latents"], mask.expand_as(latents)
    if case.get("hints"):
        latents = golden_input(kind, "precomputed_lm_hints_25Hz")
    elif case.get("is_covers"):
        latents = semantic_hints(
            parts(kind).tokenizer, parts(kind).detokenizer, latents, golden_input(kind, "silence_latent")
        )
    return latents, torch.ones_like(latents)


def _levels(kind: str, name: str) -> list[float]:
    case = cases(kind)[name]
    if "timesteps" in case:
        return schedule.custom(case["timesteps"], is_turbo=kind == "turbo")
    shift = case.get("shift", 3.0)
    return schedule.linear(schedule.TURBO_STEPS if kind == "turbo" else case["infer_steps"], shift)


def _as_it_is(x: Tensor, _number: int, _t: float) -> Tensor:
    return x


@torch.inference_mode()
def _generate(kind: str, name: str) -> Tensor:
    case, noise, velocity = cases(kind)[name], golden_input(kind, "noise"), VelocityModel(parts(kind).dit)
    levels, x = _levels(kind, name), noise
    if strength := case.get("cover_noise_strength"):
        levels, x = loop.start_from(levels, noise, golden_input(kind, "src_latents"), strength)
    count = len(levels) - 1
    guiding, guidance = None, case.get("diffusion_guidance_scale", 1.0)
    if guidance > 1:
        null = parts(kind).null_condition
        assert null is not None
        guiding = GuidanceConfig(
            velocity.project_null(null), METHODS["adg" if case.get("use_adg") else "apg"](guidance), METHODS["cfg"](guidance),
            case.get("cfg_interval_start", 0.0), case.get("cfg_interval_end", 1.0),
        )  # fmt: skip
    steady = VelocitySmoother(case.get("velocity_norm_threshold"), case.get("velocity_ema_factor"))
    source, mask = _source(kind, name)
    silence = golden_input(kind, "silence_latent")[:, : source.shape[1]].expand_as(source)
    message = GuidedVelocity(
        velocity, torch.cat((source, mask), -1), velocity.project_condition(condition(kind)), guiding, steady
    )
    keys = velocity.project_condition(condition(kind, "non_cover_text"))
    freely = GuidedVelocity(velocity, torch.cat((silence, torch.ones_like(silence)), -1), keys, guiding, steady)
    following = int(count * case.get("audio_cover_strength", 1.0))
    fields = [message] * following + [freely] * (count - following)
    after = None
    if "repaint" in case:
        clean = golden_input(kind, "clean_src_latents")
        made = mask[..., :1] > 0
        injected = loop.injection_steps(case["repaint_injection_ratio"], count, is_turbo=kind == "turbo")
        after = loop.Injection(clean, noise, made, injected)
    steps = make_steps(case.get("sampler_mode", "euler"), count, is_turbo=kind == "turbo")
    for x in loop.denoise(x, levels, steps, fields, lambda x, _: torch.zeros_like(x), after or _as_it_is):  # noqa: B007
        pass
    if "repaint" in case:
        first, stop = case["repaint"]
        x = loop.crossfade(x, clean, (first, stop), case["repaint_crossfade_frames"])
    return x


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_the_latents_are_those_of_the_reference(kind: str, name: str) -> None:
    assert difference(_generate(kind, name), numbers(kind)[f"{name}/target_latents"]) <= 1e-4
