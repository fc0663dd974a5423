"""From a request to audio blocks: denoise each piece, then decode the part of it that is wanted.

request ─► latents of the source ─► pieces (recipes.py) ─► noise, denoised ─► decoded ─► blocks
           VAE, tile by tile        what is told and seen  one pass a step    VAE, only what is used
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
from acestep_runtime.engines.neural.evaluation import SINGING, Findings, timing_metadata, words_in
from acestep_runtime.engines.neural.model import Model
from acestep_runtime.engines.neural.recipes import RECIPES, Given, Kept, Piece
from acestep_runtime.errors import EngineFailure
from acestep_runtime.guidance.methods import METHODS
from acestep_runtime.memory.policy import free_gib, takes_at_once
from acestep_runtime.samplers import loop, schedule
from acestep_runtime.samplers.fields import GuidanceConfig, GuidedVelocity
from acestep_runtime.samplers.steps import VelocitySmoother, make_steps
from acestep_runtime.values import OTHER, CancelToken, Sampling

#: Latents ``[1, T, C]`` of takes by the number of their piece and their seed.
Made = dict[tuple[int, int], Tensor]

#: Sets the noise that a stochastic sampler adds apart from that which it starts from.
_OTHER_NOISE = 0x5DEECE66D


#: Shares of a request's time: the source and the words, the steps, and what is decoded.
_HEARD, _SAMPLED = 0.1, 0.8


@torch.inference_mode()
def generate_blocks(
    model: Model, request: EngineRequest, cancel: CancelToken, ahead: Made, findings: Findings
) -> Iterator[EngineEvent]:
    """Yield the audio of every piece of ``request``, with facts and progress.

    ``ahead`` holds latents of later takes that were made in the same pass; ``findings`` collects what scores are made of.
    """
    yield Progress("listening" if request.source is not None else "reading the words", 0.0)
    source = None if request.source is None else model.heard(request.source, cancel)
    timbre = model.timbre if request.reference is None else model.heard(request.reference, cancel)
    given = Given(request, model.silence, source, model.hints, model.decoded, model.facts.lego_sft)
    music = request.music
    metadata: TakeMetadata = {
        "model": model.facts.name, "bpm": music.bpm, "keyscale": music.keyscale, "timesignature": music.timesignature,
        "caption": music.caption,
    }  # fmt: skip
    if request.sampling.adapters:
        metadata["adapters"] = [{"name": each.name, "scale": each.scale} for each in request.sampling.adapters]
    yield Metadata(metadata)
    findings.music = music
    pieces = list(RECIPES[request.task.name](given))
    singing = next((number for number, piece in enumerate(pieces) if piece.role in SINGING), None)
    rest = request.source.copy() if OTHER in request.task.roles and request.source is not None else None
    for number, piece in enumerate(pieces):

        def share(fraction: float, done: int = number) -> float:
            return _HEARD + (1 - _HEARD) * (done + fraction) / len(pieces)

        what = "" if len(pieces) == 1 else f"{piece.role}: "
        if (number, request.seed) not in ahead:
            seeds = _together(model, request, piece)
            for latents, step, of in _sampled(model, request, piece, seeds, timbre):
                cancel.check()
                last = latents
                yield Progress(f"{what}step {step} of {of}", share(_SAMPLED * step / of))
            ahead.update({(number, seed): last[item : item + 1] for item, seed in enumerate(seeds)})
        latents = ahead.pop((number, request.seed))
        if number == singing and (request.auto_lrc or request.auto_score):
            yield Progress(f"{what}timing the words", share(_SAMPLED))
            steps = len(_levels(model, request.sampling)[0]) - 1
            findings.words = words_in(model, latents, piece.told, piece.context, timbre, steps)
            if request.auto_lrc and findings.words is not None:
                yield Metadata(timing_metadata(findings.words, piece.told.music, model))
        if piece.role == "mix" and request.auto_score and model.has_tokenizers:
            findings.codes = model.codes(latents[:, slice(*piece.wanted)])
        at = 0
        for block in _played(model, request, piece, latents, cancel):
            yield Block(piece.role, block)
            if rest is not None:
                rest[at : at + len(block)] -= block
            at += len(block)
            yield Progress(f"{what}decoding", share(_SAMPLED + (1 - _SAMPLED) * at / request.frames))
    if rest is not None:
        yield Block(OTHER, rest)


def _levels(model: Model, sampling: Sampling) -> tuple[list[float], bool]:
    """Return the noise levels of a run, and whether the model is a turbo model."""
    is_turbo = model.facts.kind == "turbo"
    if sampling.timesteps:
        return schedule.custom(sampling.timesteps, is_turbo=is_turbo), is_turbo
    shift = sampling.shift or model.facts.shift
    if is_turbo and sampling.steps in (None, schedule.TURBO_STEPS):
        return schedule.turbo(shift), is_turbo
    return schedule.linear(sampling.steps or model.facts.steps, shift), is_turbo


def _together(model: Model, request: EngineRequest, piece: Piece) -> list[int]:
    """Return the seeds of the takes that are made in one pass: the one that is asked for, and those after it that fit."""
    seeds = list(request.seeds)
    later = seeds[seeds.index(request.seed) + 1 :] if request.seed in seeds else []
    others = [seed for seed in dict.fromkeys(later) if seed != request.seed]
    _, is_turbo = _levels(model, request.sampling)
    frames = piece.context.shape[1]
    count = takes_at_once(frames, free_gib(model.device), guided=_strength(model, request.sampling, is_turbo) > 1)
    return [request.seed, *others[: count - 1]]


def _sampled(
    model: Model, request: EngineRequest, piece: Piece, seeds: list[int], timbre: Tensor
) -> Iterator[tuple[Tensor, int, int]]:
    """Yield the latents ``[B, T, C]`` of takes after every step, its number from 1, and how many steps there are."""
    sampling, frames = request.sampling, piece.context.shape[1]
    levels, is_turbo = _levels(model, sampling)
    noise = loop.draw_noise(seeds, frames, model.facts.channels).to(model.device)
    x = noise
    if piece.begins_from is not None:
        levels, x = loop.start_from(levels, noise, piece.begins_from.to(noise), sampling.noise_strength or 0.0)
    count = len(levels) - 1
    told = model.keys(*piece.told.prompts, timbre)
    freely = None if piece.switch is None else model.keys(*piece.switch.told.prompts, timbre)
    with model.stage.using("dit"):
        guiding = _guiding(model, sampling, is_turbo)
        steady = VelocitySmoother(sampling.velocity_clamp, sampling.velocity_ema)
        fields = [GuidedVelocity(model.velocity, _each(piece.context, noise), told, guiding, steady)] * count
        if piece.switch is not None and freely is not None:
            follows = int(count * piece.switch.after)
            instead = GuidedVelocity(model.velocity, _each(piece.switch.context, noise), freely, guiding, steady)
            fields[follows:] = [instead] * (count - follows)
        steps = make_steps(sampling.sampler or "euler", count, is_turbo=is_turbo)
        fresh = [torch.Generator().manual_seed(seed ^ _OTHER_NOISE) for seed in seeds]

        def renoised(like: Tensor, _t: float) -> Tensor:
            return torch.cat([torch.randn(like[:1].shape, generator=each) for each in fresh]).to(like)

        states = loop.denoise(x, levels, steps, fields, renoised, _after(piece.kept, noise, count))
        yield from ((state, number, count) for number, state in enumerate(states, 1))


def _each(context: Tensor, noise: Tensor) -> Tensor:
    """Return a context for every item."""
    return context.to(noise).expand(len(noise), -1, -1)


def _after(kept: Kept | None, noise: Tensor, count: int) -> loop.After:
    if kept is None:
        return lambda x, _number, _t: x
    clean = kept.clean.to(noise)
    made = torch.zeros(1, noise.shape[1], 1, dtype=torch.bool, device=noise.device)
    made[:, slice(*kept.span)] = True
    injection = loop.Injection(clean, noise, made, kept.ratio, count)

    def after(x: Tensor, number: int, t_next: float) -> Tensor:
        x = injection(x, number, t_next)
        return x if number + 1 < count else loop.crossfade(x, clean, kept.span, kept.crossfade_frames)

    return after


def _strength(model: Model, sampling: Sampling, is_turbo: bool) -> float:
    """Return the strength of guidance; 1 is none, and what turbo models have built in."""
    strength = model.facts.guidance if sampling.guidance is None else sampling.guidance
    return 1.0 if is_turbo or model.null_condition is None else max(1.0, strength)


def _guiding(model: Model, sampling: Sampling, is_turbo: bool) -> GuidanceConfig | None:
    strength = _strength(model, sampling, is_turbo)
    if strength <= 1 or model.null_condition is None:
        return None
    end = 1.0 if sampling.guidance_end is None else sampling.guidance_end
    return GuidanceConfig(
        model.velocity.project_null(model.null_condition), METHODS[sampling.guidance_method or "apg"](strength),
        METHODS["cfg"](strength), sampling.guidance_start or 0.0, end,
    )  # fmt: skip


def _played(
    model: Model, request: EngineRequest, piece: Piece, latents: Tensor, cancel: CancelToken
) -> Iterator[Samples]:
    """Yield the whole window, of which only the frames that are wanted are decoded: the rest is silence."""
    first, stop = (min(request.frames, frame * FRAME_SAMPLES) for frame in piece.wanted)
    yield from _silence(first)
    left = stop - first
    with model.stage.using("vae"):
        for block in model.codec.decode(latents, *piece.wanted, check=cancel.check):
            if not np.isfinite(block).all():
                raise _no_numbers(model, request)
            yield block[:left]
            left -= len(block[:left])
    yield from _silence(request.frames - stop)


def _no_numbers(model: Model, request: EngineRequest) -> EngineFailure:
    names = ", ".join(each.name for each in request.sampling.adapters)
    return EngineFailure(
        f"Model {model.facts.name}{f' with {names}' if names else ''} made values that are no numbers.",
        remedy=("Leave the adapters out, or choose a smaller scale, and c" if names else "C")
        + "heck the model's files with `acebridge models verify`.",
    )


def _silence(frames: int) -> Iterator[Samples]:
    if frames > 0:
        yield np.zeros((frames, 2), np.float32)
