"""The neural engine: ACE-Step 1.5 on the modules of diffusers. Needs weights, and torch.

request ─► plan (language.py) ─► specs (recipes.py) ─► audio blocks (sampling.py) ─► score (evaluation.py)
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
from acestep_runtime.dsp.quality import SignalMeter
from acestep_runtime.engines.base import Block, EngineEvent, EngineRequest, Metadata, Progress
from acestep_runtime.engines.draft import engine as draft
from acestep_runtime.engines.metadata import Score, TakeMetadata
from acestep_runtime.engines.neural.evaluation import EVALUATIONS, TakeAnalysis, alignment_score, lm_score
from acestep_runtime.engines.neural.language import (
    ANSWERS,
    LanguageModelCache,
    Plan,
    answer_request,
    missing_model_warning,
    plan_takes,
    rescale_progress,
    user_metadata,
)
from acestep_runtime.engines.neural.model import Model
from acestep_runtime.engines.neural.recipes import RECIPES
from acestep_runtime.engines.neural.reporting import add_warnings
from acestep_runtime.engines.neural.sampling import LatentsCache, generate_blocks
from acestep_runtime.engines.signal.scoring import Scorer, add_score, analyse_sound, build_score
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
class JobCache:
    """What is known of a job's later takes: the request without what differs, the audio it hears, latents, and plans."""

    like: EngineRequest
    audio: tuple[Samples | None, Samples | None]
    latents: LatentsCache = field(default_factory=dict)
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
        self._language = LanguageModelCache(self._device)
        self._cache: JobCache | None = None

    def run(self, request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
        """Serve one request. Raises `UnsupportedTask` for tasks it lacks, `InvalidValue` and `EngineFailure` for its model."""
        return add_warnings(self._run(request, cancel))

    def _run(self, request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
        name = request.task.name
        if name in ANSWERS:
            return self._answer(request, cancel)
        if name in EVALUATIONS:
            return self._evaluate(request, cancel)
        if name not in RECIPES:
            raise UnsupportedTask(
                f"The neural engine cannot do {name}; it can do {', '.join((*RECIPES, *ANSWERS, *EVALUATIONS))}.",
                remedy="Use the draft engine.",
            )
        model = self._loaded(request.sampling.model, needs_base=request.task.needs_base_model)
        if model.set_adapters(self._models_folder, request.sampling.adapters):
            self._cache = None  # what it made ahead was made with others
        analysis = TakeAnalysis()
        return add_score(
            self._generate(model, request, analysis, cancel),
            request,
            cancel,
            self._scorer(model, request, analysis, cancel),
        )

    def _scorer(self, model: Model, request: EngineRequest, analysis: TakeAnalysis, cancel: CancelToken) -> Scorer:
        """Return what scores a take when it is made."""

        def score(listener: SignalMeter, fraction: float, _: TakeMetadata) -> Generator[Progress, None, Score]:
            yield Progress("scoring", fraction)
            cancel.check()
            sound, music = analyse_sound(listener, analysis.music), analysis.music
            length_s = request.frames / ENGINE_RATE_HZ
            wanted, folder = request.thinking.model, self._models_folder
            liking = lm_score(self._language, folder, wanted, analysis.codes, music, length_s, cancel)
            worth = yield from rescale_progress(liking, fraction, 1.0)
            return build_score(sound, alignment_score(analysis.words, music, model), worth)

        return score

    def _evaluate(self, request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
        model = self._loaded(request.sampling.model)
        evaluate = EVALUATIONS[request.task.name]
        return retried(
            model.stage, lambda: evaluate(model, self._language, self._models_folder, request, cancel), lambda _: False
        )

    def _generate(
        self, model: Model, request: EngineRequest, analysis: TakeAnalysis, cancel: CancelToken
    ) -> Iterator[EngineEvent]:
        cache, thought = self._cache_of(request), 0.0
        if request.thinking.on and request.task.can_plan and not request.codes:
            request = yield from self._plan(request, cache, cancel)
            thought = _THOUGHT
        elif request.codes:
            yield Metadata(
                {"plan": {"metadata": user_metadata(request.music, caption=True), "codes": list(request.codes)}}
            )
        served = retried(
            model.stage,
            lambda: generate_blocks(model, request, cancel, cache.latents, analysis),
            lambda event: isinstance(event, Block),
        )
        for event in served:
            if isinstance(event, Progress):
                event = dataclasses.replace(event, fraction=thought + (1 - thought) * event.fraction)
            yield event

    def _cache_of(self, request: EngineRequest) -> JobCache:
        """Return what was made and thought of beside earlier takes of the same job."""
        like = dataclasses.replace(request, seed=0, source=None, reference=None)
        audio = request.source, request.reference
        if self._cache is None or self._cache.like != like or any(map(operator.is_not, self._cache.audio, audio)):
            self._cache = JobCache(like, audio)
        return self._cache

    def _plan(
        self, request: EngineRequest, cache: JobCache, cancel: CancelToken
    ) -> Generator[EngineEvent, None, EngineRequest]:
        """Yield progress and the plan of a take, and return the request with the plan in it."""
        if request.seed not in cache.plans:
            try:
                self._language.load(self._models_folder, request.thinking.model)
            except EngineFailure as missing:
                yield missing_model_warning(missing, "The song is made without a plan.")
                return request
            seeds = [
                request.seed,
                *(seed for seed in request.seeds if seed != request.seed and seed not in cache.plans),
            ]
            planning = plan_takes(self._language, request, seeds, cancel)
            cache.plans.update((yield from rescale_progress(planning, 0.0, _THOUGHT)))
        plan = cache.plans[request.seed]
        yield Metadata({"plan": {"metadata": dict(plan.metadata), "codes": list(plan.codes)}})
        music = plan.music(request.music, keep_caption=request.thinking.keep_caption)
        # Takes have plans of their own, so no two are made in one pass.
        return dataclasses.replace(request, music=music, codes=plan.codes, seeds=())

    def _answer(self, request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
        """Answer in words."""
        try:
            self._language.load(self._models_folder, request.thinking.model)
        except EngineFailure as missing:
            yield missing_model_warning(missing, "The draft engine answers.")
            yield from draft.FUNCTIONS[request.task.name](request, cancel)
            return

        def codes() -> list[int]:
            assert request.source is not None
            model = self._loaded(request.sampling.model)
            return model.codes(model.encode_audio(request.source, cancel))

        yield from answer_request(self._language, request, codes, cancel)

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
        self._model = self._cache = None
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
