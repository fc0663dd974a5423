"""From a request to audio blocks: denoise the latents of each output, then decode the part of them that is used.

request ─► source latents ─► specs (recipes.py)      ─► denoised latents ─► blocks
           VAE, tiled        prompt, context, span      one pass a step     VAE, only what is used
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from acestep_runtime.audio.samples import Samples
from acestep_runtime.conditioning.latents import FRAME_SAMPLES
from acestep_runtime.engines.base import Block, EngineEvent, EngineRequest, Metadata, Progress
from acestep_runtime.engines.metadata import TakeMetadata
from acestep_runtime.engines.neural.evaluation import SINGING, TakeAnalysis, align_words, timing_metadata
from acestep_runtime.engines.neural.model import Model
from acestep_runtime.engines.neural.recipes import RECIPES, GenerationSpec, PreservedRegion, TaskInputs
from acestep_runtime.errors import EngineFailure
from acestep_runtime.guidance.methods import METHODS
from acestep_runtime.memory.policy import free_gib, takes_at_once
from acestep_runtime.samplers import loop, schedule
from acestep_runtime.samplers.fields import GuidanceConfig, GuidedVelocity
from acestep_runtime.samplers.steps import VelocitySmoother, make_steps
from acestep_runtime.values import OTHER, CancelToken, Sampling

#: Latents ``[1, T, C]`` of takes by the number of their spec and their seed.
LatentsCache = dict[tuple[int, int], Tensor]

#: Sets the noise that a stochastic sampler adds apart from that which it starts from.
_OTHER_NOISE = 0x5DEECE66D


#: Shares of a request's time: the source and the words, the steps, and what is decoded.
_HEARD, _SAMPLED = 0.1, 0.8


@torch.inference_mode()
def generate_blocks(
    model: Model, request: EngineRequest, cancel: CancelToken, cache: LatentsCache, analysis: TakeAnalysis
) -> Iterator[EngineEvent]:
    """Yield the audio of every output of ``request``, with metadata and progress.

    ``cache`` holds latents of later takes that were made in the same pass; ``analysis`` collects what scores are made of.
    """
    yield Progress("listening" if request.source is not None else "reading the words", 0.0)
    source = None if request.source is None else model.encode_audio(request.source, cancel)
    timbre = model.timbre if request.reference is None else model.encode_audio(request.reference, cancel)
    inputs = TaskInputs(request, model.silence, source, model.hints, model.decode_codes, model.facts.lego_sft)
    music = request.music
    metadata: TakeMetadata = {
        "model": model.facts.name, "bpm": music.bpm, "keyscale": music.keyscale, "timesignature": music.timesignature,
        "caption": music.caption,
    }  # fmt: skip
    if request.sampling.adapters:
        metadata["adapters"] = [{"name": each.name, "scale": each.scale} for each in request.sampling.adapters]
    yield Metadata(metadata)
    analysis.music = music
    specs = list(RECIPES[request.task.name](inputs))
    singing = next((number for number, spec in enumerate(specs) if spec.role in SINGING), None)
    rest = request.source.copy() if OTHER in request.task.roles and request.source is not None else None
    for number, spec in enumerate(specs):

        def share(fraction: float, done: int = number) -> float:
            return _HEARD + (1 - _HEARD) * (done + fraction) / len(specs)

        what = "" if len(specs) == 1 else f"{spec.role}: "
        if (number, request.seed) not in cache:
            seeds = _batch_seeds(model, request, spec)
            for latents, step, of in _denoise(model, request, spec, seeds, timbre):
                cancel.check()
                last = latents
                yield Progress(f"{what}step {step} of {of}", share(_SAMPLED * step / of))
            cache.update({(number, seed): last[item : item + 1] for item, seed in enumerate(seeds)})
        latents = cache.pop((number, request.seed))
        if number == singing and (request.auto_lrc or request.auto_score):
            yield Progress(f"{what}timing the words", share(_SAMPLED))
            steps = len(_noise_schedule(model, request.sampling)[0]) - 1
            analysis.words = align_words(model, latents, spec.prompt, spec.context, timbre, steps)
            if request.auto_lrc and analysis.words is not None:
                yield Metadata(timing_metadata(analysis.words, spec.prompt.music, model))
        if spec.role == "mix" and request.auto_score and model.has_tokenizers:
            analysis.codes = model.codes(latents[:, slice(*spec.wanted)])
        at = 0
        for block in _decode(model, request, spec, latents, cancel):
            yield Block(spec.role, block)
            if rest is not None:
                rest[at : at + len(block)] -= block
            at += len(block)
            yield Progress(f"{what}decoding", share(_SAMPLED + (1 - _SAMPLED) * at / request.frames))
    if rest is not None:
        yield Block(OTHER, rest)


def _noise_schedule(model: Model, sampling: Sampling) -> tuple[list[float], bool]:
    """Return the noise levels of a run, and whether the model is a turbo model."""
    is_turbo = model.facts.kind == "turbo"
    if sampling.timesteps:
        return schedule.custom(sampling.timesteps, is_turbo=is_turbo), is_turbo
    shift = sampling.shift or model.facts.shift
    if is_turbo and sampling.steps in (None, schedule.TURBO_STEPS):
        return schedule.turbo(shift), is_turbo
    return schedule.linear(sampling.steps or model.facts.steps, shift), is_turbo


def _batch_seeds(model: Model, request: EngineRequest, spec: GenerationSpec) -> list[int]:
    """Return the seeds of the takes that are made in one pass: the one that is asked for, and those after it that fit."""
    seeds = list(request.seeds)
    later = seeds[seeds.index(request.seed) + 1 :] if request.seed in seeds else []
    others = [seed for seed in dict.fromkeys(later) if seed != request.seed]
    _, is_turbo = _noise_schedule(model, request.sampling)
    frames = spec.context.shape[1]
    count = takes_at_once(
        frames, free_gib(model.device), guided=_guidance_strength(model, request.sampling, is_turbo) > 1
    )
    return [request.seed, *others[: count - 1]]


def _denoise(
    model: Model, request: EngineRequest, spec: GenerationSpec, seeds: list[int], timbre: Tensor
) -> Iterator[tuple[Tensor, int, int]]:
    """Yield the latents ``[B, T, C]`` of takes after every step, its number from 1, and how many steps there are."""
    sampling, frames = request.sampling, spec.context.shape[1]
    levels, is_turbo = _noise_schedule(model, sampling)
    noise = loop.draw_noise(seeds, frames, model.facts.channels).to(model.device)
    x = noise
    if spec.init_latents is not None:
        levels, x = loop.start_from(levels, noise, spec.init_latents.to(noise), sampling.noise_strength or 0.0)
    count = len(levels) - 1
    prompt = model.keys(*spec.prompt.texts, timbre)
    freely = None if spec.switch is None else model.keys(*spec.switch.prompt.texts, timbre)
    with model.stage.using("dit"):
        guiding = _guidance_config(model, sampling, is_turbo)
        steady = VelocitySmoother(sampling.velocity_clamp, sampling.velocity_ema)
        fields = [GuidedVelocity(model.velocity, _each(spec.context, noise), prompt, guiding, steady)] * count
        if spec.switch is not None and freely is not None:
            follows = int(count * spec.switch.after)
            instead = GuidedVelocity(model.velocity, _each(spec.switch.context, noise), freely, guiding, steady)
            fields[follows:] = [instead] * (count - follows)
        steps = make_steps(sampling.sampler or "euler", count, is_turbo=is_turbo)
        fresh = [torch.Generator().manual_seed(seed ^ _OTHER_NOISE) for seed in seeds]

        def renoised(like: Tensor, _t: float) -> Tensor:
            return torch.cat([torch.randn(like[:1].shape, generator=each) for each in fresh]).to(like)

        states = loop.denoise(x, levels, steps, fields, renoised, _step_callback(spec.preserved, noise, count))
        yield from ((state, number, count) for number, state in enumerate(states, 1))


def _each(context: Tensor, noise: Tensor) -> Tensor:
    """Return a context for every item."""
    return context.to(noise).expand(len(noise), -1, -1)


def _step_callback(preserved: PreservedRegion | None, noise: Tensor, count: int) -> loop.After:
    if preserved is None:
        return lambda x, _number, _t: x
    clean = preserved.clean.to(noise)
    made = torch.zeros(1, noise.shape[1], 1, dtype=torch.bool, device=noise.device)
    made[:, slice(*preserved.span)] = True
    injection = loop.Injection(clean, noise, made, preserved.ratio, count)

    def after(x: Tensor, number: int, t_next: float) -> Tensor:
        x = injection(x, number, t_next)
        return x if number + 1 < count else loop.crossfade(x, clean, preserved.span, preserved.crossfade_frames)

    return after


def _guidance_strength(model: Model, sampling: Sampling, is_turbo: bool) -> float:
    """Return the strength of guidance; 1 is none, and what turbo models have built in."""
    strength = model.facts.guidance if sampling.guidance is None else sampling.guidance
    return 1.0 if is_turbo or model.null_condition is None else max(1.0, strength)


def _guidance_config(model: Model, sampling: Sampling, is_turbo: bool) -> GuidanceConfig | None:
    strength = _guidance_strength(model, sampling, is_turbo)
    if strength <= 1 or model.null_condition is None:
        return None
    end = 1.0 if sampling.guidance_end is None else sampling.guidance_end
    return GuidanceConfig(
        model.velocity.project_null(model.null_condition), METHODS[sampling.guidance_method or "apg"](strength),
        METHODS["cfg"](strength), sampling.guidance_start or 0.0, end,
    )  # fmt: skip


def _decode(
    model: Model, request: EngineRequest, spec: GenerationSpec, latents: Tensor, cancel: CancelToken
) -> Iterator[Samples]:
    """Yield the whole window, of which only the frames that are wanted are decoded: the rest is silence."""
    first, stop = (min(request.frames, frame * FRAME_SAMPLES) for frame in spec.wanted)
    yield from _silence(first)
    left = stop - first
    with model.stage.using("vae"):
        for block in model.codec.decode(latents, *spec.wanted, check=cancel.check):
            if not np.isfinite(block).all():
                raise _non_finite_error(model, request)
            yield block[:left]
            left -= len(block[:left])
    yield from _silence(request.frames - stop)


def _non_finite_error(model: Model, request: EngineRequest) -> EngineFailure:
    names = ", ".join(each.name for each in request.sampling.adapters)
    return EngineFailure(
        f"Model {model.facts.name}{f' with {names}' if names else ''} made values that are no numbers.",
        remedy=("Leave the adapters out, or choose a smaller scale, and c" if names else "C")
        + "heck the model's files with `acebridge models verify`.",
    )


def _silence(frames: int) -> Iterator[Samples]:
    if frames > 0:
        yield np.zeros((frames, 2), np.float32)
