"""Generation: denoise the latents of each output, then decode its output span.

request ─► source latents ─► specs (recipes.py)      ─► denoised latents ─► blocks
           VAE, tiled        prompt, context, span      one pass per step   VAE, only the output span
"""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from acestep_runtime.audio.samples import Samples
from acestep_runtime.conditioning.codes import FRAMES_PER_CODE
from acestep_runtime.conditioning.latents import FRAME_SAMPLES, samples_to_frames, silence_latents
from acestep_runtime.dit.velocity import CrossAttentionKV
from acestep_runtime.engines.base import Block, EngineEvent, EngineRequest, Metadata, Progress
from acestep_runtime.engines.metadata import TakeMetadata
from acestep_runtime.engines.neural.evaluation import VOCAL_ROLES, TakeAnalysis, align_take, timing_metadata
from acestep_runtime.engines.neural.finishing import keep_full, preview_length
from acestep_runtime.engines.neural.model import Model
from acestep_runtime.engines.neural.own_latents import encode_source_tiles, latents_of_take, source_metadata
from acestep_runtime.engines.neural.pace import Pace
from acestep_runtime.engines.neural.recipes import (
    RECIPES,
    GenerationSpec,
    MorphSource,
    PreservedRegion,
    TaskInputs,
)
from acestep_runtime.errors import EngineFailure
from acestep_runtime.guidance import METHODS, corrector
from acestep_runtime.memory.policy import free_gib, max_batch_takes
from acestep_runtime.previews import Preview
from acestep_runtime.samplers import loop, schedule
from acestep_runtime.samplers.dcw import make_correction
from acestep_runtime.samplers.fields import GuidanceConfig, GuidedVelocity
from acestep_runtime.samplers.morph import morph, window_steps
from acestep_runtime.samplers.noise import NoiseStream, draw_take_noise
from acestep_runtime.samplers.steps import VelocitySmoother, make_steps
from acestep_runtime.units import ENGINE_RATE_HZ
from acestep_runtime.values import OTHER, CancelToken, Music, Sampling, TakeSeed

#: Latents ``[1, T, C]`` of takes by the number of their spec and what they are drawn from.
LatentsCache = dict[tuple[int, TakeSeed], Tensor]

#: Separates the seeds of the noise that a stochastic sampler adds from those of the initial noise.
_SAMPLER_NOISE = 0x5DEECE66D


#: Share of progress before the first step, with a source to encode and without one.
_ENCODE_SHARE, _WORDS_SHARE = 0.1, 0.02
#: Latent frames after a preview that a filter to another rate reaches: 120 ms, as `tasks.region` has it.
_PREVIEW_MARGIN_FRAMES = 3
#: Takes of the transformer's step that guidance adds.
_GUIDED_ITEMS = 2


@torch.inference_mode()
def generate_audio(
    model: Model, request: EngineRequest, cancel: CancelToken, cache: LatentsCache, analysis: TakeAnalysis,
    *, decodes_only: bool = False,
) -> Iterator[EngineEvent]:  # fmt: skip
    """Yield the audio of every output of ``request``, with metadata and progress.

    ``cache`` holds latents of later takes from the same batch; ``analysis`` collects the inputs of the scores. With
    ``decodes_only`` the cache has those of all outputs: the source is not encoded, unless words have to be timed.
    """
    yield Progress("listening" if request.source is not None else "reading the words", 0.0)
    if decodes_only and not (request.auto_lrc or request.auto_score):
        inputs, timbre = _empty_inputs(model, request), model.timbre
    else:
        source = None
        if request.source is not None:
            source = yield from _listen(model, request, cancel)
        timbre = model.timbre if request.reference is None else model.encode_audio(request.reference, cancel)
        inputs = TaskInputs(
            request, model.silence, source, model.semantic_hints, model.codes_to_latents, model.spec.is_lego_sft
        )
    music = request.music
    metadata: TakeMetadata = {
        "model": model.spec.name, "bpm": music.bpm, "keyscale": music.keyscale, "timesignature": music.timesignature,
        "caption": music.caption, **source_metadata(model, request),
    }  # fmt: skip
    if request.sampling.adapters:
        metadata["adapters"] = [{"name": each.name, "scale": each.scale} for each in request.sampling.adapters]
    yield Metadata(metadata)
    analysis.music = music
    specs = list(RECIPES[request.task.name](inputs))
    warnings = [warning for spec in specs for warning in model.prompt_warnings(spec.prompt)]
    if request.song_caption and not model.spec.is_lego_sft:
        warnings.append(
            f"The caption of the song had no effect: {model.spec.name} is not trained for layers (is_lego_sft)."
        )
    times = specs[0].context.shape[1] // inputs.input_frames
    if times > 1:
        length_s = request.frames / ENGINE_RATE_HZ
        warnings.append(
            f"The source of {length_s:.0f} s is short for the model, so it is repeated {times} times, which takes as long as"
            f" {times * length_s:.0f} s would; skip_loop leaves that out."
        )
    if warnings:
        yield Metadata({"warnings": warnings})
    vocal_spec = next((number for number, spec in enumerate(specs) if spec.role in VOCAL_ROLES), None)
    rest = request.source.copy() if OTHER in request.task.roles and request.source is not None else None
    steps = len(_noise_schedule(model, request.sampling)[0]) - 1
    preview = None if request.preview is None else request.preview.with_plan(music.bpm, music.timesignature)
    if preview is not None and preview.is_whole:
        preview = None
    if preview is not None:
        yield Metadata({"preview": preview_length(preview)})
        specs = [_shorten(spec, preview) for spec in specs]
    pace = _make_pace(model, request, specs)
    for number, spec in enumerate(specs):
        pace.begin(number)
        prefix = "" if len(specs) == 1 else f"{spec.role}: "
        if (number, request.take_seed) not in cache:
            batch = _batch_seeds(model, request, spec)
            for latents, step, total in _denoise(model, request, spec, batch, timbre):
                cancel.check()
                last = latents
                yield pace.finish_step(f"{prefix}step {step} of {total}", step, total)
            cache.update({(number, each): last[item : item + 1] for item, each in enumerate(batch)})
        latents = cache.pop((number, request.take_seed))
        if number == vocal_spec and (request.auto_lrc or request.auto_score):
            yield pace.note(f"{prefix}timing the words")
            length_s = request.frames / ENGINE_RATE_HZ
            analysis.alignment = align_take(model, latents, spec.prompt, spec.context, timbre, steps, length_s)
            if request.auto_lrc and analysis.alignment is not None:
                yield Metadata(timing_metadata(analysis.alignment, spec.prompt.music, model))
        if spec.role == "mix" and request.auto_score and model.has_audio_tokenizers:
            analysis.codes = model.latents_to_codes(latents[:, slice(*spec.output_span)])
        position = 0
        own_latents = latents_of_take(model, latents, request.frames)
        pace.skip()
        full = None if preview is None else keep_full(model, request, spec.role, latents)
        for block in _decode(model, request, spec, latents, cancel):
            yield Block(spec.role, block, own_latents, preview, full) if position == 0 else Block(spec.role, block)
            if rest is not None:
                rest[position : position + len(block)] -= block
            position += len(block)
            done = min(-(-position // FRAME_SAMPLES), spec.output_span[1]) - spec.output_span[0]
            if done > 0:
                yield pace.finish_tile(f"{prefix}decoding", done, steps)
    if rest is not None:
        yield Block(OTHER, rest)


def _empty_inputs(model: Model, request: EngineRequest) -> TaskInputs:
    """Return inputs without a source, for outputs that are denoised already: of them only prompts and spans count."""
    has_source = request.source is not None or request.guide_song is not None
    source = silence_latents(model.silence, samples_to_frames(request.frames)) if has_source else None

    def codes_to_latents(codes: Sequence[int]) -> Tensor:
        return silence_latents(model.silence, FRAMES_PER_CODE * len(codes))

    return TaskInputs(request, model.silence, source, lambda latents: latents, codes_to_latents, model.spec.is_lego_sft)


def _shorten(spec: GenerationSpec, preview: Preview) -> GenerationSpec:
    """Return an output of which no more is decoded than a preview, and what a filter needs of the samples after it."""
    first, stop = spec.output_span
    last = samples_to_frames(preview.stop) + _PREVIEW_MARGIN_FRAMES
    return dataclasses.replace(spec, output_span=(first, max(first + 1, min(stop, last))))


def _listen(model: Model, request: EngineRequest, cancel: CancelToken) -> Generator[Progress, None, Tensor]:
    """Yield progress with each tile; return the latents of the source."""
    tiles, total = [], samples_to_frames(request.frames)
    for tile in encode_source_tiles(model, request, cancel):
        tiles.append(tile)
        done = sum(each.shape[1] for each in tiles)
        yield Progress("listening", _ENCODE_SHARE * min(1.0, done / total))
    return torch.cat(tiles, 1)


def _make_pace(model: Model, request: EngineRequest, specs: Sequence[GenerationSpec]) -> Pace:
    """Return the pace of a generation of some outputs."""
    start = _WORDS_SHARE if request.source is None else _ENCODE_SHARE
    is_guided = _guidance_strength(model, request.sampling, model.spec.kind == "turbo") > 1
    items = _GUIDED_ITEMS if is_guided else 1
    first, stop = specs[0].output_span
    operations = model.frame_operations * specs[0].context.shape[1] * items
    return Pace(len(specs), stop - first, operations, model.decode_speed, start)


def _noise_schedule(model: Model, sampling: Sampling) -> tuple[list[float], bool]:
    """Return the noise schedule of a run, and whether the model is a turbo model."""
    is_turbo = model.spec.kind == "turbo"
    if sampling.timesteps:
        return schedule.custom(sampling.timesteps, is_turbo=is_turbo), is_turbo
    return schedule.linear(sampling.steps or model.spec.steps, _shift(model, sampling)), is_turbo


def _shift(model: Model, sampling: Sampling) -> float:
    """Return the shift of the noise schedule; levels that are given have none."""
    return 1.0 if sampling.timesteps else sampling.shift or model.spec.shift


def _batch_seeds(model: Model, request: EngineRequest, spec: GenerationSpec) -> list[TakeSeed]:
    """Return what the takes of a batch are drawn from: that of the request, and as many later ones as fit into memory.

    The first take of a job is alone: it can be heard while the others are made, and on a GPU a batch of them takes less long
    than each alone.
    """
    takes, own = list(request.take_seeds), request.take_seed
    later = takes[takes.index(own) + 1 :] if own in takes[1:] else []
    later_takes = [each for each in dict.fromkeys(later) if each != own]
    _, is_turbo = _noise_schedule(model, request.sampling)
    frames = spec.context.shape[1]
    count = max_batch_takes(
        frames, free_gib(model.device), with_guidance=_guidance_strength(model, request.sampling, is_turbo) > 1
    )
    return [own, *later_takes[: count - 1]]


def _denoise(
    model: Model, request: EngineRequest, spec: GenerationSpec, batch: list[TakeSeed], timbre: Tensor
) -> Iterator[tuple[Tensor, int, int]]:
    """Yield the latents ``[B, T, C]`` of a batch after every step, the step from 1, and the number of steps."""
    if spec.morph is not None:
        return _morph(model, request, spec, spec.morph, batch, timbre)
    return _follow(model, request.sampling, spec, batch, timbre)


def _follow(
    model: Model, sampling: Sampling, spec: GenerationSpec, batch: list[TakeSeed], timbre: Tensor
) -> Iterator[tuple[Tensor, int, int]]:
    """See `_denoise`; from noise, or for a cover or a repaint from the source with noise added."""
    levels, is_turbo = _noise_schedule(model, sampling)
    noise = x = draw_take_noise(batch, spec.context.shape[1], model.spec.channels).to(model.device)
    if spec.init_latents is not None:
        levels, x = loop.start_from(levels, noise, spec.init_latents.to(noise), sampling.noise_strength or 0.0)
    count = len(levels) - 1
    conditions = _encode_prompts(model, spec, timbre)
    with model.placement.on_device("dit"):
        fields = _make_fields(model, sampling, spec, conditions, noise, count)
        sampler = sampling.sampler or "euler"
        steps = make_steps(sampler, count, is_turbo=is_turbo)
        ends = schedule.sde_levels(levels, _shift(model, sampling)) if sampler == "sde" and not is_turbo else levels[1:]
        stream = NoiseStream(batch, _SAMPLER_NOISE)

        def sample_noise(like: Tensor, _t: float) -> Tensor:
            return stream.draw(like)

        callback = _step_callback(spec.preserved, noise, count, is_turbo=is_turbo)
        correction = make_correction(sampling.dcw, sampling.dcw_strength, sampling.dcw_high_strength, is_turbo=is_turbo)
        states = loop.denoise(x, levels, steps, fields, sample_noise, callback, correction, ends)
        yield from ((state, number, count) for number, state in enumerate(states, 1))


def _morph(
    model: Model, request: EngineRequest, spec: GenerationSpec, source: MorphSource, batch: list[TakeSeed], timbre: Tensor
) -> Iterator[tuple[Tensor, int, int]]:  # fmt: skip
    """See `_denoise`; from the source towards the new words. The steps are plain ones, guided by apg."""
    sampling = dataclasses.replace(request.sampling, guidance_method="apg")
    levels, _ = _noise_schedule(model, sampling)
    count = len(levels) - 1
    latents = source.latents.to(model.device, torch.float32).expand(len(batch), -1, -1)
    target_conditions = _encode_prompts(model, spec, timbre)
    source_conditions = _encode_prompts(model, spec, timbre, source.music)
    stream = NoiseStream(batch, 0)
    window = window_steps(*request.morph.window, count)
    with model.placement.on_device("dit"):
        source_fields, target_fields = (
            _make_fields(model, sampling, spec, conditions, latents, count)
            for conditions in (source_conditions, target_conditions)
        )
        states = morph(
            latents,
            levels,
            window,
            request.morph.draws or 1,
            source_fields,
            target_fields,
            lambda: stream.draw(latents),
        )
        yield from ((state, number, count) for number, state in enumerate(states, window[0] + 1))


def _encode_prompts(
    model: Model, spec: GenerationSpec, timbre: Tensor, music: Music | None = None
) -> list[CrossAttentionKV]:
    """Return the condition of the prompt, and of that of the late steps, with other ``music`` where it is given."""
    late = spec.late_conditioning
    prompts = [spec.prompt, *(() if late is None else (late.prompt,))]
    if music is not None:
        prompts = [dataclasses.replace(prompt, music=music) for prompt in prompts]
    return [model.encode_prompt(prompt, timbre) for prompt in prompts]


def _make_fields(
    model: Model, sampling: Sampling, spec: GenerationSpec, conditions: Sequence[CrossAttentionKV], like: Tensor, count: int
) -> list[GuidedVelocity]:  # fmt: skip
    """Return the velocity fields of ``count`` steps, with guidance and smoothing of their own. ``like`` is ``[B, T, C]``."""
    late = spec.late_conditioning
    guidance = _guidance_config(model, sampling, model.spec.kind == "turbo")
    smoother = VelocitySmoother(sampling.velocity_clamp, sampling.velocity_ema)
    contexts = [spec.context, *(() if late is None else (late.context,))]
    fields = [
        GuidedVelocity(model.velocity, _repeat_context(context, like), condition, guidance, smoother)
        for context, condition in zip(contexts, conditions, strict=True)
    ]
    switch_step = count if late is None else int(count * late.start)
    return [fields[0]] * switch_step + [fields[-1]] * (count - switch_step)


def _repeat_context(context: Tensor, noise: Tensor) -> Tensor:
    """Return the context expanded to the batch of ``noise``."""
    return context.to(noise).expand(len(noise), -1, -1)


def _step_callback(
    preserved: PreservedRegion | None, noise: Tensor, count: int, *, is_turbo: bool
) -> loop.StepCallback:
    if preserved is None:
        return lambda x, _number, _t: x
    clean = preserved.clean.to(noise)
    span_mask = torch.zeros(1, noise.shape[1], 1, dtype=torch.bool, device=noise.device)
    span_mask[:, slice(*preserved.span)] = True
    steps = loop.injection_steps(preserved.ratio, count, is_turbo=is_turbo)
    injection = loop.Injection(clean, noise, span_mask, steps)

    def callback(x: Tensor, number: int, t_next: float) -> Tensor:
        x = injection(x, number, t_next)
        return x if number + 1 < count else loop.crossfade(x, clean, preserved.span, preserved.crossfade_frames)

    return callback


def _guidance_strength(model: Model, sampling: Sampling, is_turbo: bool) -> float:
    """Return the strength of guidance; 1 means none, as for turbo models, whose guidance is distilled."""
    strength = model.spec.guidance if sampling.guidance is None else sampling.guidance
    return 1.0 if is_turbo or model.null_condition is None else max(1.0, strength)


def _guidance_config(model: Model, sampling: Sampling, is_turbo: bool) -> GuidanceConfig | None:
    strength = _guidance_strength(model, sampling, is_turbo)
    if strength <= 1 or model.null_condition is None:
        return None
    end = 1.0 if sampling.guidance_end is None else sampling.guidance_end
    method = sampling.guidance_method or "apg"
    return GuidanceConfig(
        model.velocity.project_null(model.null_condition), METHODS[method](strength), corrector(method, strength),
        sampling.guidance_start or 0.0, end,
    )  # fmt: skip


def _decode(
    model: Model, request: EngineRequest, spec: GenerationSpec, latents: Tensor, cancel: CancelToken
) -> Iterator[Samples]:
    """Yield the whole window: the decoded output span, and silence before and after it."""
    first, stop = (min(request.frames, frame * FRAME_SAMPLES) for frame in spec.output_span)
    yield from _silent_blocks(first)
    remaining = stop - first
    with model.placement.on_device("vae"):
        for block in model.codec.decode(latents, *spec.output_span, check=cancel.check):
            if not np.isfinite(block).all():
                raise _non_finite_error(model, request)
            yield block[:remaining]
            remaining -= len(block[:remaining])
    yield from _silent_blocks(request.frames - stop)


def _non_finite_error(model: Model, request: EngineRequest) -> EngineFailure:
    names = ", ".join(each.name for each in request.sampling.adapters)
    return EngineFailure(
        f"Model {model.spec.name}{f' with {names}' if names else ''} made values that are no numbers.",
        remedy=("Leave the adapters out, or choose a smaller scale, and c" if names else "C")
        + "heck the model's files with `acebridge models verify`.",
    )


def _silent_blocks(frames: int) -> Iterator[Samples]:
    if frames > 0:
        yield np.zeros((frames, 2), np.float32)
