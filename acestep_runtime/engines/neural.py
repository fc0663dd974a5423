"""The neural engine: ACE-Step 1.5 on the modules of diffusers. Needs weights, and torch.

request ─► latents of the source ─► pieces (neural_tasks.py) ─► noise, denoised ─► decoded ─► blocks
           VAE, tile by tile        what is told and seen         one pass a step    VAE, only what is used
"""

from __future__ import annotations

import dataclasses
import gc
import math
import operator
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from acestep_runtime.audio import Samples
from acestep_runtime.conditioning.latents import FRAME_SAMPLES
from acestep_runtime.dsp.quality import Listener
from acestep_runtime.engines import draft
from acestep_runtime.engines.base import Block, EngineEvent, EngineRequest, Facts, Progress
from acestep_runtime.engines.neural_language import (
    PLANNED,
    WORDS,
    LanguageKeeper,
    Plan,
    answered,
    given_in,
    planned,
    scaled,
    without,
)
from acestep_runtime.engines.neural_model import Model
from acestep_runtime.engines.neural_tasks import BASE_ONLY, TASKS, Given, Kept, Piece
from acestep_runtime.engines.neural_words import JUDGING, SINGING, Findings, judged, liked, sung, times_of, words_in
from acestep_runtime.engines.scoring import Judge, score_of, sound_of, with_score
from acestep_runtime.errors import EngineFailure, UnsupportedTask
from acestep_runtime.guidance import METHODS
from acestep_runtime.memory.policy import best_device, free_gib, takes_at_once
from acestep_runtime.memory.stage import release, retried
from acestep_runtime.samplers import loop, schedule
from acestep_runtime.samplers.fields import Guided, Guiding
from acestep_runtime.samplers.steps import Steady, steps_of
from acestep_runtime.units import ENGINE_RATE_HZ
from acestep_runtime.values import CancelToken, Sampling
from acestep_runtime.weights.folder import models_folder
from acestep_runtime.weights.language import find_language_models
from acestep_runtime.weights.layout import chosen

#: Latents ``[1, T, C]`` of takes by the number of their piece and their seed.
Made = dict[tuple[int, int], Tensor]

_ROLE_OF_THE_REST = "other"
#: Sets the noise that a stochastic sampler adds apart from that which it starts from.
_OTHER_NOISE = 0x5DEECE66D
#: Shares of a request's time: the source and the words, the steps, and what is decoded.
_HEARD, _SAMPLED = 0.1, 0.8
#: Share of the thinking before that, where there is some.
_THOUGHT = 0.5


@dataclass
class Job:
    """What is known of a job's later takes: the request without what differs, the audio it hears, latents, and plans."""

    like: EngineRequest
    heard: tuple[Samples | None, Samples | None]
    made: Made = field(default_factory=dict)
    plans: dict[int, Plan] = field(default_factory=dict)


class NeuralEngine:
    """Keeps one model loaded, and one language model. See `acestep_runtime.engines.base.Engine`."""

    name = "neural"
    hears_s = math.inf
    hears_reference = True
    thinks = True

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._model: Model | None = None
        self._language = LanguageKeeper()
        self._job: Job | None = None

    def run(self, request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
        """Serve one request. Raises `UnsupportedTask` for tasks it lacks, `InvalidValue` and `EngineFailure` for its model."""
        if request.task in WORDS:
            return self._answered(request, cancel)
        if request.task in JUDGING:
            return self._judged(request, cancel)
        if request.task not in TASKS:
            raise UnsupportedTask(
                f"The neural engine cannot do {request.task}; it can do {', '.join((*TASKS, *WORDS, *JUDGING))}.",
                remedy="Use the draft engine.",
            )
        model = self._loaded(request.sampling.model, needs_base=request.task in BASE_ONLY)
        if model.wear(self._models_folder, request.sampling.adapters):
            self._job = None  # what it made ahead was made with others
        findings = Findings()
        return with_score(
            self._made(model, request, findings, cancel), request, cancel, self._judge(model, request, findings, cancel)
        )

    def _judge(self, model: Model, request: EngineRequest, findings: Findings, cancel: CancelToken) -> Judge:
        """Return what scores a take when it is made."""

        def judge(
            listener: Listener, fraction: float, _: Mapping[str, Any]
        ) -> Generator[Progress, None, dict[str, Any]]:
            yield Progress("scoring", fraction)
            cancel.check()
            sound, music = sound_of(listener, findings.music), findings.music
            length_s = request.frames / ENGINE_RATE_HZ
            wanted, folder = request.thinking.model, self._models_folder
            liking = liked(self._language, folder, wanted, findings.codes, music, length_s, cancel)
            worth = yield from scaled(liking, fraction, 1.0)
            return score_of(sound, sung(findings.words, music, model), worth)

        return judge

    def _judged(self, request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
        model = self._loaded(request.sampling.model)
        return retried(
            model.stage, lambda: judged(model, self._language, self._models_folder, request, cancel), lambda _: False
        )

    def _made(
        self, model: Model, request: EngineRequest, findings: Findings, cancel: CancelToken
    ) -> Iterator[EngineEvent]:
        job, thought = self._job_of(request), 0.0
        if request.thinking.on and request.task in PLANNED and not request.codes:
            request = yield from self._planned(request, job, cancel)
            thought = _THOUGHT
        elif request.codes:
            yield Facts({"plan": {"metadata": given_in(request.music, caption=True), "codes": list(request.codes)}})
        served = retried(
            model.stage,
            lambda: _served(model, request, cancel, job.made, findings),
            lambda event: isinstance(event, Block),
        )
        for event in served:
            if isinstance(event, Progress):
                event = dataclasses.replace(event, fraction=thought + (1 - thought) * event.fraction)
            yield event

    def _job_of(self, request: EngineRequest) -> Job:
        """Return what was made and thought of beside earlier takes of the same job."""
        like = dataclasses.replace(request, seed=0, source=None, reference=None)
        heard = request.source, request.reference
        if self._job is None or self._job.like != like or any(map(operator.is_not, self._job.heard, heard)):
            self._job = Job(like, heard)
        return self._job

    def _planned(
        self, request: EngineRequest, job: Job, cancel: CancelToken
    ) -> Generator[EngineEvent, None, EngineRequest]:
        """Yield progress and the plan of a take, and return the request with the plan in it."""
        if request.seed not in job.plans:
            try:
                self._language.load(self._models_folder, request.thinking.model)
            except EngineFailure as missing:
                yield without(missing, "The song is made without a plan.")
                return request
            seeds = [request.seed, *(seed for seed in request.seeds if seed != request.seed and seed not in job.plans)]
            planning = planned(self._language, request, seeds, cancel)
            job.plans.update((yield from scaled(planning, 0.0, _THOUGHT)))
        plan = job.plans[request.seed]
        yield Facts({"plan": {"metadata": dict(plan.metadata), "codes": list(plan.codes)}})
        music = plan.music(request.music, keep_caption=request.thinking.keep_caption)
        # Takes have plans of their own, so no two are made in one pass.
        return dataclasses.replace(request, music=music, codes=plan.codes, seeds=())

    def _answered(self, request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
        """Answer in words."""
        try:
            self._language.load(self._models_folder, request.thinking.model)
        except EngineFailure as missing:
            yield without(missing, "The draft engine answers.")
            yield from draft.TASKS[request.task](request, cancel)
            return

        def codes() -> list[int]:
            assert request.source is not None
            model = self._loaded(request.sampling.model)
            return model.codes(model.heard(request.source, cancel))

        yield from answered(self._language, request, codes, cancel)

    @property
    def _models_folder(self) -> Path:
        return self._folder or models_folder()

    def _loaded(self, name: str, *, needs_base: bool = False) -> Model:
        checkpoint = chosen(self._models_folder, name, needs_base)
        if self._model is None or self._model.checkpoint != checkpoint:
            self._forget()  # two do not fit
            self._model = Model.load(checkpoint)
        return self._model

    def _forget(self) -> None:
        self._model = self._job = None
        _give_back()

    @property
    def loaded(self) -> tuple[str, ...]:
        """See `acestep_runtime.engines.base.KeepsModels`."""
        return (*(() if self._model is None else (self._model.checkpoint.name,)), *self._language.loaded)

    def load(self, model: str) -> str:
        """See `acestep_runtime.engines.base.KeepsModels`."""
        if any(each.name == model for each in find_language_models(self._models_folder)):
            return self._language.load(self._models_folder, model)
        return self._loaded(model).checkpoint.name

    def unload(self, model: str) -> None:
        """See `acestep_runtime.engines.base.KeepsModels`."""
        if model in self._language.loaded:
            self._language.forget()
            _give_back()
        if model in self.loaded:
            self._forget()


def _give_back() -> None:
    """Give memory that nothing uses any more back to the device."""
    gc.collect()
    release(best_device())


@torch.inference_mode()
def _served(
    model: Model, request: EngineRequest, cancel: CancelToken, ahead: Made, findings: Findings
) -> Iterator[EngineEvent]:
    yield Progress("listening" if request.source is not None else "reading the words", 0.0)
    source = None if request.source is None else model.heard(request.source, cancel)
    timbre = model.timbre if request.reference is None else model.heard(request.reference, cancel)
    given = Given(request, model.silence, source, model.hints, model.decoded, model.facts.lego_sft)
    music = request.music
    yield Facts({
        "model": model.facts.name, "bpm": music.bpm, "keyscale": music.keyscale, "timesignature": music.timesignature,
        "caption": music.caption,
        **({"adapters": [dataclasses.asdict(each) for each in request.sampling.adapters]} if request.sampling.adapters else {}),
    })  # fmt: skip
    findings.music = music
    pieces = list(TASKS[request.task](given))
    singing = next((number for number, piece in enumerate(pieces) if piece.role in SINGING), None)
    rest = None if request.task != "extract" or request.source is None else request.source.copy()
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
                yield Facts(times_of(findings.words, piece.told.music, model))
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
        yield Block(_ROLE_OF_THE_REST, rest)


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
    noise = loop.noise_of(seeds, frames, model.facts.channels).to(model.device)
    x = noise
    if piece.begins_from is not None:
        levels, x = loop.begun(levels, noise, piece.begins_from.to(noise), sampling.noise_strength or 0.0)
    count = len(levels) - 1
    told = model.keys(*piece.told.prompts, timbre)
    freely = None if piece.switch is None else model.keys(*piece.switch.told.prompts, timbre)
    with model.stage.using("dit"):
        guiding = _guiding(model, sampling, is_turbo)
        steady = Steady(sampling.velocity_clamp, sampling.velocity_ema)
        fields = [Guided(model.velocity, _each(piece.context, noise), told, guiding, steady)] * count
        if piece.switch is not None and freely is not None:
            follows = int(count * piece.switch.after)
            instead = Guided(model.velocity, _each(piece.switch.context, noise), freely, guiding, steady)
            fields[follows:] = [instead] * (count - follows)
        steps = steps_of(sampling.sampler or "euler", count, is_turbo=is_turbo)
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
        return x if number + 1 < count else loop.blended(x, clean, kept.span, kept.crossfade_frames)

    return after


def _strength(model: Model, sampling: Sampling, is_turbo: bool) -> float:
    """Return the strength of guidance; 1 is none, and what turbo models have built in."""
    strength = model.facts.guidance if sampling.guidance is None else sampling.guidance
    return 1.0 if is_turbo or model.null_condition is None else max(1.0, strength)


def _guiding(model: Model, sampling: Sampling, is_turbo: bool) -> Guiding | None:
    strength = _strength(model, sampling, is_turbo)
    if strength <= 1 or model.null_condition is None:
        return None
    end = 1.0 if sampling.guidance_end is None else sampling.guidance_end
    return Guiding(
        model.velocity.null(model.null_condition), METHODS[sampling.guidance_method or "apg"](strength),
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
