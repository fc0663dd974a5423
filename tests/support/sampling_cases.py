"""The second set of the reference's latents, see tests/golden/README.md: its inputs, and runs with the parameters of a case."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache, partial
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from acestep_runtime.conditioning.codes import semantic_hints
from acestep_runtime.dit.velocity import CrossAttentionKV, VelocityModel
from acestep_runtime.guidance import METHODS, corrector
from acestep_runtime.samplers import loop, schedule
from acestep_runtime.samplers.dcw import make_correction
from acestep_runtime.samplers.fields import GuidanceConfig, GuidedVelocity
from acestep_runtime.samplers.morph import morph, window_steps
from acestep_runtime.samplers.noise import NoiseStream, draw_take_noise
from acestep_runtime.samplers.steps import VelocitySmoother, make_steps
from acestep_runtime.values import TakeSeed, Variation
from tests.support.golden_cases import parts
from tests.support.paths import GOLDEN

SEEDS, VARIATION_SEEDS, SDE_SEED = (31, 42), (314, 159), 65


@cache
def numbers() -> dict[str, Tensor]:
    return {
        name: each
        for file in ("variation", "sampling")
        for name, each in load_file(GOLDEN / f"{file}_golden.safetensors").items()
    }


def cases(file: str, group: str = "") -> dict[str, dict[str, Any]]:
    """The cases of a file, those whose names begin with ``group`` behind the kind of the model."""
    found: dict[str, dict[str, Any]] = json.loads((GOLDEN / f"{file}_cases.json").read_text())
    return {name: case for name, case in found.items() if name.partition("/")[2].startswith(group)}


def target(name: str) -> Tensor:
    return numbers()[f"{name}/target_latents"]


def inputs(name: str) -> Tensor:
    return numbers()[f"in/{name}"]


def take_noise(amount: float, frames: int) -> Tensor:
    seeds = zip(SEEDS, VARIATION_SEEDS, strict=True)
    return draw_take_noise([TakeSeed(seed, (Variation(amount, other),)) for seed, other in seeds], frames, 8)


def context(kind: str, case: dict[str, Any]) -> Tensor:
    """Source latents and mask, ``[2, T, 16]``."""
    length, silence = case["length"], inputs("silence_latent")
    frames = inputs(f"noise_{length}").shape[1]
    source, mask = silence[:, :frames].expand(2, -1, -1), torch.ones(2, frames, 8)
    if case["task"] == "cover":
        model = parts(kind)
        source = semantic_hints(model.tokenizer, model.detokenizer, inputs(f"src_latents_{length}"), silence)
    if case["task"] == "cover-nofsq":
        source = inputs(f"src_latents_{length}")
    if case["task"] == "repaint":
        first, stop = case["span"]
        source, mask = inputs(f"clean_src_latents_{length}").clone(), torch.zeros_like(mask)
        source[:, first:stop], mask[:, first:stop] = silence[:, first:stop], 1
    return torch.cat((source, mask), -1)


@cache
def condition(kind: str, text: str = "text", lyric: str = "lyric") -> Tensor:
    """The packed condition of a text and of lyrics, by the beginnings of their names."""
    ends = ("hidden_states", "attention_mask")
    given = {
        f"{role}_{end}": inputs(f"{name}_{end}") for role, name in (("text", text), ("lyric", lyric)) for end in ends
    }
    timbre = ("refer_audio_acoustic_hidden_states_packed", "refer_audio_order_mask")
    packed: Tensor = parts(kind).encoder(**given, **{name: inputs(name) for name in timbre})[0]
    return packed.clone()


def guidance(kind: str, velocity: VelocityModel, case: dict[str, Any]) -> GuidanceConfig | None:
    strength, null = case.get("diffusion_guidance_scale", 1.0), parts(kind).null_condition
    if strength <= 1 or null is None:
        return None
    interval = case.get("cfg_interval_start", 0.0), case.get("cfg_interval_end", 1.0)
    name, angle = case.get("guidance_variant", "apg"), case.get("guidance_params", {}).get("angle_clip")
    method = partial(METHODS[name], max_angle=angle) if angle else METHODS[name]
    return GuidanceConfig(velocity.project_null(null), method(strength), corrector(name, strength), *interval)


def smoother(case: dict[str, Any]) -> VelocitySmoother:
    return VelocitySmoother(case.get("velocity_norm_threshold"), case.get("velocity_ema_factor"))


def _fields(kind: str, case: dict[str, Any], count: int) -> Sequence[GuidedVelocity]:
    velocity = VelocityModel(parts(kind).dit)
    own, smooth = guidance(kind, velocity, case), smoother(case)

    def field(source: dict[str, Any], keys: CrossAttentionKV) -> GuidedVelocity:
        return GuidedVelocity(velocity, context(kind, source), keys, own, smooth)

    following = int(count * case.get("audio_cover_strength", 1.0))
    message = field(case, velocity.project_condition(condition(kind)))
    freely = field({**case, "task": "text2music"}, velocity.project_condition(condition(kind, "non_cover_text")))
    return [message] * following + [freely] * (count - following)


@torch.inference_mode()
def generate_morph(kind: str, case: dict[str, Any]) -> Tensor:
    """The final latents of a case of flow editing."""
    velocity, length = VelocityModel(parts(kind).dit), case["length"]
    levels, source = schedule.linear(case["infer_steps"], case["shift"]), inputs(f"src_latents_{length}")

    def field(text: str, lyric: str) -> GuidedVelocity:
        keys = velocity.project_condition(condition(kind, text, lyric))
        return GuidedVelocity(velocity, context(kind, case), keys, guidance(kind, velocity, case), smoother(case))

    count, seeds = len(levels) - 1, case.get("retake_seed", SEEDS)
    stream = NoiseStream([TakeSeed(seed) for seed in seeds], 0)
    window = window_steps(case["n_min"], case["n_max"], count)
    own, new = [field("source_text", "source_lyric")] * count, [field("text", "lyric")] * count
    *_, last = morph(source, levels, window, case["n_avg"], own, new, lambda: stream.draw(source))
    return last


@torch.inference_mode()
def generate(kind: str, case: dict[str, Any]) -> Tensor:
    """The final latents of a case."""
    is_turbo, length = kind == "turbo", case["length"]
    frames = inputs(f"noise_{length}").shape[1]
    levels = schedule.linear(case["infer_steps"], case["shift"])
    noise = x = take_noise(case.get("retake_variance", 0.0), frames)
    if strength := case.get("cover_noise_strength"):
        levels, x = loop.start_from(levels, noise, inputs(f"src_latents_{length}"), strength)
    count, draws = len(levels) - 1, torch.Generator().manual_seed(SDE_SEED)
    after = None
    if "span" in case:
        inside = torch.zeros(1, frames, 1, dtype=torch.bool)
        inside[:, slice(*case["span"])] = True
        clean = inputs(f"clean_src_latents_{length}")
        injected = loop.injection_steps(case["repaint_injection_ratio"], count, is_turbo=is_turbo)
        after = loop.Injection(clean, noise, inside, injected)
    sampler = "sde" if case.get("infer_method") == "sde" else case.get("sampler_mode", "euler")
    correction = None
    if case.get("dcw_enabled"):
        correction = make_correction(case["dcw_mode"], case["dcw_scaler"], case.get("dcw_high_scaler"))
    ends = schedule.sde_levels(levels, case["shift"]) if sampler == "sde" and not is_turbo else levels[1:]
    for x in loop.denoise(  # noqa: B007
        x, levels, make_steps(sampler, count, is_turbo=is_turbo), _fields(kind, case, count),
        lambda x, _: torch.randn(x.shape, generator=draws), after or (lambda x, _number, _t: x), correction, ends,
    ):  # fmt: skip
        pass
    crossfade = case.get("repaint_crossfade_frames")  # with 0 the reference does not blend
    return loop.crossfade(x, clean, case["span"], crossfade) if crossfade else x
