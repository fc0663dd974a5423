"""The neural engine: ACE-Step 1.5 on the modules of diffusers. Needs weights, and torch.

request ─► latents of the source ─► pieces (neural_tasks.py) ─► noise, denoised ─► decoded ─► blocks
           VAE, tile by tile        what is told and seen         one pass a step    VAE, only what is used
"""

from __future__ import annotations

import dataclasses
import gc
import math
import operator
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from acestep_runtime.audio.samples import Samples
from acestep_runtime.dsp.quality import Listener
from acestep_runtime.engines.base import Block, EngineEvent, EngineRequest, Metadata, Progress
from acestep_runtime.engines.draft import engine as draft
from acestep_runtime.engines.metadata import Score, TakeMetadata
from acestep_runtime.engines.neural.evaluation import EVALUATIONS, Findings, liked, sung
from acestep_runtime.engines.neural.language import (
    ANSWERS,
    LanguageKeeper,
    Plan,
    answered,
    given_in,
    planned,
    scaled,
    without,
)
from acestep_runtime.engines.neural.model import Model
from acestep_runtime.engines.neural.recipes import RECIPES
from acestep_runtime.engines.neural.reporting import add_warnings
from acestep_runtime.engines.neural.sampling import Made, generate_blocks
from acestep_runtime.engines.signal.scoring import Scorer, score_of, sound_of, with_score
from acestep_runtime.errors import EngineFailure, UnsupportedTask
from acestep_runtime.memory.policy import best_device
from acestep_runtime.memory.stage import release, retried
from acestep_runtime.units import ENGINE_RATE_HZ
from acestep_runtime.values import CancelToken
from acestep_runtime.weights.folder import models_folder
from acestep_runtime.weights.language import find_language_models
from acestep_runtime.weights.layout import chosen

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
    context_limit_s = math.inf
    supports_reference = True
    supports_planning = True

    def __init__(self, folder: Path | None = None, *, device: str = "auto") -> None:
        self._folder = folder
        self._device = best_device(device)
        self._model: Model | None = None
        self._language = LanguageKeeper(self._device)
        self._job: Job | None = None

    def run(self, request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
        """Serve one request. Raises `UnsupportedTask` for tasks it lacks, `InvalidValue` and `EngineFailure` for its model."""
        return add_warnings(self._run(request, cancel))

    def _run(self, request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
        name = request.task.name
        if name in ANSWERS:
            return self._answered(request, cancel)
        if name in EVALUATIONS:
            return self._judged(request, cancel)
        if name not in RECIPES:
            raise UnsupportedTask(
                f"The neural engine cannot do {name}; it can do {', '.join((*RECIPES, *ANSWERS, *EVALUATIONS))}.",
                remedy="Use the draft engine.",
            )
        model = self._loaded(request.sampling.model, needs_base=request.task.needs_base_model)
        if model.wear(self._models_folder, request.sampling.adapters):
            self._job = None  # what it made ahead was made with others
        findings = Findings()
        return with_score(
            self._made(model, request, findings, cancel), request, cancel, self._judge(model, request, findings, cancel)
        )

    def _judge(self, model: Model, request: EngineRequest, findings: Findings, cancel: CancelToken) -> Scorer:
        """Return what scores a take when it is made."""

        def score(listener: Listener, fraction: float, _: TakeMetadata) -> Generator[Progress, None, Score]:
            yield Progress("scoring", fraction)
            cancel.check()
            sound, music = sound_of(listener, findings.music), findings.music
            length_s = request.frames / ENGINE_RATE_HZ
            wanted, folder = request.thinking.model, self._models_folder
            liking = liked(self._language, folder, wanted, findings.codes, music, length_s, cancel)
            worth = yield from scaled(liking, fraction, 1.0)
            return score_of(sound, sung(findings.words, music, model), worth)

        return score

    def _judged(self, request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
        model = self._loaded(request.sampling.model)
        evaluate = EVALUATIONS[request.task.name]
        return retried(
            model.stage, lambda: evaluate(model, self._language, self._models_folder, request, cancel), lambda _: False
        )

    def _made(
        self, model: Model, request: EngineRequest, findings: Findings, cancel: CancelToken
    ) -> Iterator[EngineEvent]:
        job, thought = self._job_of(request), 0.0
        if request.thinking.on and request.task.can_plan and not request.codes:
            request = yield from self._planned(request, job, cancel)
            thought = _THOUGHT
        elif request.codes:
            yield Metadata({"plan": {"metadata": given_in(request.music, caption=True), "codes": list(request.codes)}})
        served = retried(
            model.stage,
            lambda: generate_blocks(model, request, cancel, job.made, findings),
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
        yield Metadata({"plan": {"metadata": dict(plan.metadata), "codes": list(plan.codes)}})
        music = plan.music(request.music, keep_caption=request.thinking.keep_caption)
        # Takes have plans of their own, so no two are made in one pass.
        return dataclasses.replace(request, music=music, codes=plan.codes, seeds=())

    def _answered(self, request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
        """Answer in words."""
        try:
            self._language.load(self._models_folder, request.thinking.model)
        except EngineFailure as missing:
            yield without(missing, "The draft engine answers.")
            yield from draft.FUNCTIONS[request.task.name](request, cancel)
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
            self._model = Model.load(checkpoint, self._device)
        return self._model

    def _forget(self) -> None:
        self._model = self._job = None
        self._give_back()

    @property
    def loaded(self) -> tuple[str, ...]:
        """See `acestep_runtime.engines.base.ModelHost`."""
        return (*(() if self._model is None else (self._model.checkpoint.name,)), *self._language.loaded)

    def load(self, model: str) -> str:
        """See `acestep_runtime.engines.base.ModelHost`."""
        if any(each.name == model for each in find_language_models(self._models_folder)):
            return self._language.load(self._models_folder, model)
        return self._loaded(model).checkpoint.name

    def unload(self, model: str) -> None:
        """See `acestep_runtime.engines.base.ModelHost`."""
        if model in self._language.loaded:
            self._language.forget()
            self._give_back()
        if model in self.loaded:
            self._forget()

    def _give_back(self) -> None:
        """Give memory that nothing uses any more back to the device."""
        gc.collect()
        release(self._device)
