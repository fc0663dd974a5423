"""The reference's numbers, see tests/golden/README.md, and the tiny models that they were made with."""

from __future__ import annotations

import json
import os
from functools import cache
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from acestep_runtime.conditioning.codes import semantic_hints
from acestep_runtime.dit.velocity import VelocityModel
from acestep_runtime.guidance import METHODS
from acestep_runtime.samplers import loop, schedule
from acestep_runtime.samplers.fields import GuidanceConfig, GuidedVelocity
from acestep_runtime.samplers.steps import VelocitySmoother, make_steps
from acestep_runtime.weights.layout import find_checkpoints
from acestep_runtime.weights.load import DitParts, load_dit
from tests.support.paths import GOLDEN as FOLDER

#: The device of the tests: "cuda" where somebody asks for it.
DEVICE = os.environ.get("ACEBRIDGE_TEST_DEVICE", "cpu")
if DEVICE != "cpu":
    torch.backends.cudnn.allow_tf32 = False  # it would round what these tests compare


@cache
def parts(kind: str) -> DitParts:
    """The tiny model of a kind, "base" or "turbo", in float32."""
    (checkpoint,) = (each for each in find_checkpoints(FOLDER) if each.kind == kind)
    return load_dit(checkpoint, torch.float32, DEVICE)


@cache
def numbers(kind: str) -> dict[str, Tensor]:
    return load_file(FOLDER / f"{kind}_golden.safetensors", DEVICE)


def golden_input(kind: str, name: str) -> Tensor:
    return numbers(kind)[f"in/{name}"]


@cache
def cases(kind: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads((FOLDER / f"{kind}_cases.json").read_text())
    return found


@cache
def condition(kind: str, texts: str = "text") -> Tensor:
    """The condition of "text", or of "non_cover_text": what a cover is told once it no longer follows its source."""
    with torch.inference_mode():
        packed, _ = parts(kind).encoder(
            text_hidden_states=golden_input(kind, f"{texts}_hidden_states"),
            text_attention_mask=golden_input(kind, f"{texts}_attention_mask"),
            lyric_hidden_states=golden_input(kind, "lyric_hidden_states"),
            lyric_attention_mask=golden_input(kind, "lyric_attention_mask"),
            refer_audio_acoustic_hidden_states_packed=golden_input(kind, "refer_audio_acoustic_hidden_states_packed"),
            refer_audio_order_mask=golden_input(kind, "refer_audio_order_mask"),
        )
        return packed.clone()


def difference(one: Tensor, other: Tensor) -> float:
    assert one.shape == other.shape
    return float((one - other).abs().max())


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
def generate(kind: str, name: str) -> Tensor:
    """The final latents of a case."""
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
