"""The neural engine: ACE-Step 1.5 on the modules of diffusers. Needs weights and torch.

request ─► plan (language.py) ─► specs (recipes.py) ─► audio blocks (sampling.py) ─► score (evaluation.py)
"""

from __future__ import annotations

import dataclasses
import gc
import math
import operator
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from acestep_runtime.audio.samples import Samples
from acestep_runtime.dsp.quality import SignalMeter
from acestep_runtime.engines.base import Block, EngineEvent, EngineRequest, Metadata, Progress, TaskTraits
from acestep_runtime.engines.draft import engine as draft
from acestep_runtime.engines.metadata import Score, TakeMetadata
from acestep_runtime.engines.neural import finishing
from acestep_runtime.engines.neural.diffusion import LatentsCache, generate_audio
from acestep_runtime.engines.neural.evaluation import EVALUATIONS, TakeAnalysis, alignment_score, lm_score
from acestep_runtime.engines.neural.guide import play_guide
from acestep_runtime.engines.neural.language import (
    TEXT_TASKS,
    LanguageModelCache,
    Plan,
    missing_model_warning,
    plan_length,
    plan_takes,
    rescale_progress,
    run_text_task,
    user_metadata,
)
from acestep_runtime.engines.neural.model import Model
from acestep_runtime.engines.neural.own_latents import encode_source
from acestep_runtime.engines.neural.recipes import RECIPES
from acestep_runtime.engines.neural.reporting import add_warnings
from acestep_runtime.engines.signal.scoring import Scorer, add_score, analyse_sound, build_score
from acestep_runtime.engines.signal.transcription import SIGNAL_TASKS
from acestep_runtime.errors import EngineFailure, InvalidValue, UnsupportedTask
from acestep_runtime.memory.interrupt import Interrupt
from acestep_runtime.memory.machine import format_gib, usable_cores
from acestep_runtime.memory.need import NotEnoughMemory
from acestep_runtime.memory.parts import parse_parts
from acestep_runtime.memory.policy import check_device, select_device
from acestep_runtime.memory.stage import empty_device_cache, retry_with_offload
from acestep_runtime.midi.render import Rendering
from acestep_runtime.units import ENGINE_RATE_HZ
from acestep_runtime.values import CancelToken
from acestep_runtime.weights.folder import models_folder
from acestep_runtime.weights.language import find_language_models
from acestep_runtime.weights.layout import Checkpoint
from acestep_runtime.weights.part_files import ENDINGS
from acestep_runtime.weights.selection import select_checkpoint
from acestep_runtime.weights.vaes import with_vae

#: Share of planning in the progress of a request with a plan.
_PLANNING_SHARE = 0.5


@dataclass
class TakeCache:
    """Results for later takes of a job: latents, plans, and the sound of notes that are followed.

    ``key`` is the request without seed, variations and audio.
    """

    key: EngineRequest
    audio: tuple[Samples | None, Samples | None]
    guide: Rendering | None = None
    latents: LatentsCache = field(default_factory=dict)
    plans: dict[int, Plan] = field(default_factory=dict)


class NeuralEngine:
    """Keeps one model and one language model in memory. See `acestep_runtime.engines.base.Engine`."""

    name = "neural"
    context_limit_s = math.inf
    supports_reference = True
    supports_sampling = True
    supports_planning = True
    reads_context = True
    has_latents = True

    def __init__(
        self, folder: Path | None = None, *, device: str = "auto", memory_bytes: int = 0, parts: str = ""
    ) -> None:
        """``parts`` are on devices of their own, see `acestep_runtime.memory.parts`; then ``device`` does not count."""
        self._folder = folder
        self._memory_bytes = memory_bytes
        self._parts = parse_parts(parts)
        for name in dict.fromkeys(self._parts.values()):
            check_device(name)
        self._device = select_device(self._parts.get("dit", device))
        language_device = torch.device(self._parts.get("lm", str(self._device)))
        self._model: Model | None = None
        self._is_loading = False
        if "cpu" in (self._device.type, *self._parts.values()):  # more threads than cores wait for each other
            torch.set_num_threads(min(torch.get_num_threads(), usable_cores()))
        self._interrupt = Interrupt()
        self._language = LanguageModelCache(language_device, self._interrupt, memory_bytes)
        self._cache: TakeCache | None = None

    def model_kind(self, task: type[TaskTraits], model: str) -> str:
        """See `acestep_runtime.engines.base.Engine`."""
        return select_checkpoint(self._models_folder, model, task.needs_base_model).kind

    def plan_length(self, request: EngineRequest, cancel: CancelToken) -> Generator[Progress, None, float | None]:
        """See `acestep_runtime.engines.base.LengthPlanner`."""
        with self._interrupt.during(cancel.check):
            try:
                self._language.load(self._models_folder, request.thinking.model)
            except EngineFailure:
                return None  # the request itself says why
            return (yield from rescale_progress(plan_length(self._language, request, cancel), 0.0, 0.0))

    def run(self, request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
        """Serve one request. Raises `UnsupportedTask` for other tasks, `InvalidValue` and `EngineFailure` for the model."""
        return add_warnings(self._run_with_checks(request, cancel))

    def _run_with_checks(self, request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
        with self._interrupt.during(cancel.check):
            yield from self._run(request, cancel)

    def _run(self, request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
        name = request.task.name
        if name in TEXT_TASKS:
            yield from self._run_text_task(request, cancel)
            return
        if name in EVALUATIONS:
            yield from self._evaluate(request, cancel)
            return
        if name in SIGNAL_TASKS:
            yield from SIGNAL_TASKS[name](request, cancel)
            return
        if name not in RECIPES:
            raise UnsupportedTask(
                f"The neural engine cannot do {name}; it can do"
                f" {', '.join((*RECIPES, *TEXT_TASKS, *EVALUATIONS, *SIGNAL_TASKS))}.",
                remedy="Use the draft engine.",
            )
        sampling = request.sampling
        yield from self._announce_load(sampling.model, needs_base=request.chooses_base_model, vae=sampling.vae)
        model = self._load_model(sampling.model, needs_base=request.chooses_base_model, vae=sampling.vae)
        if request.morph.mode and model.spec.kind == "turbo":
            raise InvalidValue(
                "sampling.model",
                model.spec.name,
                "base and SFT models",
                message=f"Model {model.spec.name} is a turbo model; morphing needs a base or an SFT model.",
                remedy="Choose acestep-v15-base, or leave the model out.",
            )
        if model.set_adapters(self._models_folder, sampling.adapters):
            self._cache = None  # its takes were generated with other adapters
        analysis = TakeAnalysis()
        yield from add_score(
            self._generate(model, request, analysis, cancel),
            request,
            cancel,
            self._make_scorer(model, request, analysis, cancel),
        )

    def _make_scorer(self, model: Model, request: EngineRequest, analysis: TakeAnalysis, cancel: CancelToken) -> Scorer:
        """Return the function that scores a finished take."""

        def score(listener: SignalMeter, fraction: float, _: TakeMetadata) -> Generator[Progress, None, Score]:
            yield Progress("scoring", fraction)
            cancel.check()
            sound, music = analyse_sound(listener, analysis.music), analysis.music
            length_s = request.frames / ENGINE_RATE_HZ
            name, folder = request.thinking.model, self._models_folder
            scoring = lm_score(self._language, folder, name, analysis.codes, music, length_s, cancel)
            lm_component = yield from rescale_progress(scoring, fraction, 1.0)
            return build_score(sound, alignment_score(analysis.alignment, music, model), lm_component)

        return score

    def _evaluate(self, request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
        model = self._load_model(request.sampling.model, vae=request.sampling.vae)
        evaluate = EVALUATIONS[request.task.name]
        return retry_with_offload(
            model.placement,
            lambda: evaluate(model, self._language, self._models_folder, request, cancel),
            lambda _: False,
        )

    def _generate(
        self, model: Model, request: EngineRequest, analysis: TakeAnalysis, cancel: CancelToken
    ) -> Iterator[EngineEvent]:
        cache, planning_share, key = self._take_cache(request), 0.0, finishing.request_key(request)
        made: Mapping[int, Tensor] = {}
        if request.is_finishing:
            if why := finishing.why_made_again(request.full, model, key):
                yield Metadata({"warnings": [why]})
            elif request.full is not None:
                made = finishing.latents_by_number(request.full, model)
                if (plan := finishing.plan_of(request.full)) is not None:
                    cache.plans[request.seed] = plan
        follows_notes = request.guide_song is not None
        has_plan = request.thinking.plan_first and request.task.can_plan and not (request.codes or follows_notes)
        if has_plan and made and request.seed not in cache.plans:
            yield Metadata({"warnings": ["The preview was made without a plan, and so is the whole take."]})
        elif has_plan:
            request = yield from self._plan(request, cache, cancel)
            planning_share = _PLANNING_SHARE
        elif request.codes:
            yield Metadata(
                {"plan": {"metadata": user_metadata(request.music, caption=True), "codes": list(request.codes)}}
            )
        if follows_notes and not (made and not (request.auto_lrc or request.auto_score)):
            request, cache.guide = yield from play_guide(request, cache.guide, cancel)
        take_seed = request.take_seed

        def work() -> Iterator[EngineEvent]:
            cache.latents.update({(number, take_seed): latents for number, latents in made.items()})
            return generate_audio(model, request, cancel, cache.latents, analysis, decodes_only=bool(made))

        for event in retry_with_offload(model.placement, work, lambda event: isinstance(event, Block)):
            if isinstance(event, Block) and event.full is not None:
                full = finishing.with_origin(event.full, key, cache.plans.get(request.seed))
                event = dataclasses.replace(event, full=full)
            if isinstance(event, Progress):
                whole_s = None if event.whole_s is None else event.whole_s / (1 - planning_share)
                fraction = planning_share + (1 - planning_share) * event.fraction
                event = dataclasses.replace(event, fraction=fraction, whole_s=whole_s)
            yield event

    def _take_cache(self, request: EngineRequest) -> TakeCache:
        """Return the cache of the request's job, empty for a new job."""
        key = dataclasses.replace(request, seed=0, variations=(), source=None, reference=None, full=None)
        audio = request.source, request.reference
        if self._cache is None or self._cache.key != key or any(map(operator.is_not, self._cache.audio, audio)):
            self._cache = TakeCache(key, audio)
        return self._cache

    def _plan(
        self, request: EngineRequest, cache: TakeCache, cancel: CancelToken
    ) -> Generator[EngineEvent, None, EngineRequest]:
        """Yield progress and the plan of a take; return the request with the plan applied."""
        if request.seed not in cache.plans:
            try:
                self._language.load(self._models_folder, request.thinking.model)
            except EngineFailure as missing:
                yield missing_model_warning(missing, "The song is made without a plan.")
                return request
            others = dict.fromkeys(each.seed for each in request.take_seeds)
            seeds = [
                request.seed,
                *(seed for seed in others if seed != request.seed and seed not in cache.plans),
            ]
            planning = plan_takes(self._language, request, seeds, cancel)
            cache.plans.update((yield from rescale_progress(planning, 0.0, _PLANNING_SHARE)))
        plan = cache.plans[request.seed]
        yield Metadata({"plan": {"metadata": dict(plan.metadata), "codes": list(plan.codes)}})
        music = plan.apply_to(request.music, keep_caption=request.thinking.keep_caption)
        # Each take has its own plan, so takes are not batched.
        return dataclasses.replace(request, music=music, codes=plan.codes, take_seeds=())

    def _run_text_task(self, request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
        """Run a task that returns text: on the language model, or without one on the draft engine."""
        try:
            self._language.load(self._models_folder, request.thinking.model)
        except EngineFailure as missing:
            yield missing_model_warning(missing, "The draft engine answers.")
            yield from draft.FUNCTIONS[request.task.name](request, cancel)
            return

        def codes() -> list[int]:
            assert request.source is not None
            model = self._load_model(request.sampling.model, vae=request.sampling.vae)
            return model.latents_to_codes(encode_source(model, request, cancel))

        yield from run_text_task(self._language, request, codes, cancel)

    @property
    def _models_folder(self) -> Path:
        return self._folder or models_folder()

    def choose_model(self, model: str, *, needs_base: bool) -> str:
        """See `acestep_runtime.engines.base.ModelChooser`."""
        return select_checkpoint(self._models_folder, model, needs_base).name

    def _load_model(self, name: str, *, needs_base: bool = False, vae: str = "") -> Model:
        checkpoint = with_vae(select_checkpoint(self._models_folder, name, needs_base), self._models_folder, vae)
        if self._model is None or self._model.checkpoint != checkpoint:
            self._interrupt.check()
            self._unload_model()  # two models do not fit into memory
            self._is_loading = True
            try:
                self._model = self._load_beside_language(checkpoint)
            finally:
                self._is_loading = False
            self._interrupt.check()  # not on the way: the next job finds the model
        return self._model

    def _load_beside_language(self, checkpoint: Checkpoint) -> Model:
        """Load a model, and unload the language model where both do not fit: it is loaded again when a song is planned."""

        def load() -> Model:
            return Model.load(
                checkpoint,
                self._device,
                memory_bytes=self._memory_bytes,
                interrupt=self._interrupt,
                part_devices=self._parts,
            )

        try:
            return load()
        except NotEnoughMemory:
            if not self._language.resident_models:
                raise
        self._language.unload()
        self._free_device_memory()
        return load()

    def _announce_load(self, name: str, *, needs_base: bool, vae: str) -> Iterator[Progress]:
        """Yield a stage of its own before a model is loaded, which says how large its files are."""
        checkpoint = with_vae(select_checkpoint(self._models_folder, name, needs_base), self._models_folder, vae)
        if self._model is None or self._model.checkpoint != checkpoint:
            size = sum(size for path, size, _ in checkpoint.stamp if path.endswith(ENDINGS))
            yield Progress(f"loading {checkpoint.name}, {format_gib(size)}", 0.0)

    def _unload_model(self) -> None:
        if self._model is not None:
            self._model = self._cache = None
            self._free_device_memory()

    @property
    def is_loading(self) -> bool:
        """See `acestep_runtime.engines.base.ModelHost`."""
        return self._is_loading or self._language.is_loading

    @property
    def resident_models(self) -> tuple[str, ...]:
        """See `acestep_runtime.engines.base.ModelHost`."""
        return (*(() if self._model is None else (self._model.checkpoint.name,)), *self._language.resident_models)

    def load(self, model: str) -> str:
        """See `acestep_runtime.engines.base.ModelHost`."""
        if any(each.name == model for each in find_language_models(self._models_folder)):
            return self._language.load(self._models_folder, model)
        return self._load_model(model).checkpoint.name

    def unload(self, model: str) -> None:
        """See `acestep_runtime.engines.base.ModelHost`."""
        if model in self._language.resident_models:
            self._language.unload()
            self._free_device_memory()
        if model in self.resident_models:
            self._unload_model()

    def _free_device_memory(self) -> None:
        """Collect garbage and return unused cached memory to the device."""
        gc.collect()
        for name in dict.fromkeys((str(self._device), *self._parts.values())):
            empty_device_cache(torch.device(name))
