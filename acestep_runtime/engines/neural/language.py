"""What the neural engine does with a language model: it plans songs, and answers in words.

    text2music        metadata and codes, which the transformer then follows
    lego, complete    metadata: the codes would take the place of the source
    understand        codes of the source ─► metadata and lyrics; what signal processing hears stands beside them
    create_sample     a sentence ─► caption, lyrics, metadata
    format_sample     caption and lyrics ─► the same in form

Without a language model songs are made without a plan, and the draft engine answers; both are said.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor, nn

from acestep_runtime.conditioning.codes import FRAMES_A_CODE
from acestep_runtime.conditioning.latents import frames_of
from acestep_runtime.engines.base import EngineEvent, EngineRequest, Metadata, Progress
from acestep_runtime.engines.metadata import TakeMetadata, metadata_from_json
from acestep_runtime.engines.signal.analysis import analyse_source, analysis_metadata
from acestep_runtime.engines.signal.blocks import tempo_and_key
from acestep_runtime.errors import EngineFailure
from acestep_runtime.lm import grammar, planning, writing
from acestep_runtime.lm.language import Language
from acestep_runtime.lm.sampling import Choice
from acestep_runtime.lm.vocabulary import Vocabulary
from acestep_runtime.lyrics.text import lyric_lines
from acestep_runtime.memory.policy import GIB, Offload, Place, best_device, free_gib, native_dtype
from acestep_runtime.memory.stage import Stage, release
from acestep_runtime.units import ENGINE_RATE_HZ
from acestep_runtime.values import CancelToken, Key, Music, Thinking
from acestep_runtime.weights.catalogue import mend_hint
from acestep_runtime.weights.language import LanguageCheckpoint, chosen_language_model, load_language_model

if TYPE_CHECKING:
    from transformers import Qwen3Model

T = TypeVar("T")
R = TypeVar("R")
_USUAL = Choice()
_TO_UNDERSTAND = 0.3
_GUIDANCE = 2.0
#: Room beside the weights for what is read and written, as a share of them.
_ROOM = 1.5
#: Tempos closer than this are the same; so is their ratio to a power of two.
_SAME = 0.04
_UNKNOWN = "unknown"


@dataclass(frozen=True)
class Plan:
    """What was thought of a take: metadata by the names of `lm.grammar.FIELDS`, and codes, none where only words matter."""

    metadata: grammar.Metadata
    codes: tuple[int, ...] = ()

    def music(self, given: Music, *, keep_caption: bool) -> Music:
        """Return what is to be made: what was given, and what was thought of where nothing was."""
        told = metadata_from_json(self.metadata)
        return dataclasses.replace(
            given,
            caption=given.caption if keep_caption and given.caption else told.get("caption", given.caption),
            bpm=given.bpm if given.bpm is not None else told.get("bpm"),
            keyscale=given.keyscale or told.get("keyscale"),
            timesignature=given.timesignature or told.get("timesignature"),
            language=given.language if given.language != _UNKNOWN else told.get("language", _UNKNOWN),
        )


class _Modules(nn.Module):
    """A language model as one module, so that all of it moves."""

    def __init__(self, core: Qwen3Model, head: Tensor) -> None:
        super().__init__()
        self.core = core
        self.head = head if isinstance(head, nn.Parameter) else nn.Parameter(head, requires_grad=False)


class LanguageModelCache:
    """Keeps one language model loaded, on the device when it is used if there is no room for it beside the others."""

    def __init__(self, device: torch.device | None = None) -> None:
        self._device = device or best_device()
        self._held: tuple[LanguageCheckpoint, Stage, _Modules, Vocabulary] | None = None

    @property
    def loaded(self) -> tuple[str, ...]:
        """The name of the model that is loaded."""
        return () if self._held is None else (self._held[0].name,)

    def forget(self) -> None:
        """Let go of the model."""
        self._held = None

    def load(self, folder: Path, name: str) -> str:
        """Load a model, if another is loaded or none, and return its name. Raises as `chosen_language_model` does."""
        checkpoint = chosen_language_model(folder, name)
        if self._held is None or self._held[0] != checkpoint:
            self._held = None
            device = self._device
            dtype = native_dtype(device)
            try:
                core, head, tokenizer = load_language_model(checkpoint, dtype)
                vocabulary = Vocabulary(tokenizer)
            except EngineFailure as failure:
                raise EngineFailure(
                    f"Language model {checkpoint.name} cannot be loaded. {failure.message}",
                    remedy=mend_hint(checkpoint.name, checkpoint.folder),
                ) from failure
            modules = _Modules(core, head)
            free, size = free_gib(device), sum(each.nbytes for each in modules.parameters()) / GIB
            level = Offload.NONE if free is None or free > _ROOM * size else Offload.ONE_AT_A_TIME
            self._held = checkpoint, Stage({"language": modules}, Place(device, dtype, level)), modules, vocabulary
        return checkpoint.name

    def use(self, work: Callable[[Language], Generator[T, None, R]]) -> Generator[T, None, R]:
        """Yield and return what ``work`` does with the model, which is loaded."""
        assert self._held is not None
        _, stage, modules, vocabulary = self._held
        try:
            with stage.using("language"):
                return (yield from work(Language(modules.core, modules.head, vocabulary)))
        except torch.OutOfMemoryError:
            pass  # what it held is freed only once the error is gone
        release(stage.place.device)
        raise EngineFailure(
            f"The memory of {stage.place.device.type} is not enough for the language model.",
            remedy="Think about fewer takes at once, take a smaller language model, or do without thinking.",
        )


def choice_of(thinking: Thinking, temperature: float = _USUAL.temperature) -> Choice:
    """Return how tokens are chosen, with the usual way where nothing is asked."""
    return Choice(
        temperature if thinking.temperature is None else thinking.temperature,
        thinking.top_k,
        _USUAL.top_p if thinking.top_p is None else thinking.top_p,
        thinking.repetition_penalty or 1.0,
    )


def user_metadata(music: Music, *, length_s: float | None = None, caption: bool = False) -> dict[str, str | int]:
    """Return the metadata that a user gave, as models word it."""
    found = {
        "bpm": None if music.bpm is None else round(music.bpm),
        "caption": music.caption if caption and music.caption else None,
        "duration": None if length_s is None else max(1, round(length_s)),
        "keyscale": None if music.keyscale is None else str(Key.parse(music.keyscale)),
        "language": None if music.language == _UNKNOWN else music.language,
        "timesignature": music.timesignature,
    }
    return {name: value for name, value in found.items() if value is not None}


@torch.inference_mode()
def plan_takes(
    language_models: LanguageModelCache, request: EngineRequest, seeds: Sequence[int], cancel: CancelToken
) -> Generator[Progress, None, dict[int, Plan]]:
    """Yield progress, and return a plan for each of ``seeds``."""
    plans: dict[int, Plan] = {}
    for at in range(0, len(seeds), request.thinking.at_once):
        some = seeds[at : at + request.thinking.at_once]
        work = language_models.use(partial(_plans, request=request, seeds=some, cancel=cancel))
        plans.update((yield from rescale_progress(work, at / len(seeds), (at + len(some)) / len(seeds))))
    return plans


def _plans(
    language: Language, *, request: EngineRequest, seeds: Sequence[int], cancel: CancelToken
) -> Generator[Progress, None, dict[int, Plan]]:
    thinking, music, choice = request.thinking, request.music, choice_of(request.thinking)
    given = user_metadata(music, length_s=request.frames / ENGINE_RATE_HZ)
    skipped = ("genres", "caption") if thinking.keep_caption else ("genres",)
    thought = planning.think(language, music.caption, music.lyrics, given, skipped, seeds, choice)
    metadata = yield from rescale_progress(token_progress(thought, "thinking about the song", cancel), 0.0, 0.1)
    codes: list[list[int]] = [[] for _ in seeds]
    if request.source is None:  # codes would take the place of a source
        composed = planning.compose(
            language, music.caption, music.lyrics, metadata, codes_for(request.frames), seeds, choice,
            _GUIDANCE if thinking.guidance is None else thinking.guidance, thinking.negative,
        )  # fmt: skip
        codes = yield from rescale_progress(token_progress(composed, "planning the song", cancel), 0.1, 1.0)
    return {seed: Plan(told, tuple(made)) for seed, told, made in zip(seeds, metadata, codes, strict=True)}


def rescale_progress(events: Generator[Progress, None, T], low: float, high: float) -> Generator[Progress, None, T]:
    """Yield progress as that from ``low`` to ``high`` of a whole; return what the generator returns."""
    while True:
        try:
            event = next(events)
        except StopIteration as end:
            result: T = end.value
            return result
        yield dataclasses.replace(event, fraction=low + (high - low) * event.fraction)


def codes_for(frames: int) -> int:
    """Return how many codes so many samples at 48 kHz take: five for a second, and one for what is left."""
    return math.ceil(frames_of(frames) / FRAMES_A_CODE)


def token_progress(
    work: Generator[planning.Told, None, T], stage: str, cancel: CancelToken
) -> Generator[Progress, None, T]:
    """Yield the tokens that are done as progress; cancels between tokens."""
    while True:
        try:
            done, most = next(work)
        except StopIteration as end:
            result: T = end.value
            return result
        cancel.check()
        yield Progress(stage, done / most)


@torch.inference_mode()
def answer_request(
    language_models: LanguageModelCache, request: EngineRequest, codes: Callable[[], list[int]], cancel: CancelToken
) -> Iterator[EngineEvent]:
    """Answer a task of `ANSWERS`; ``codes`` returns those of the source."""
    yield from ANSWERS[request.task.name](language_models, request, codes, cancel)


def _understand(
    language_models: LanguageModelCache, request: EngineRequest, codes: Callable[[], list[int]], cancel: CancelToken
) -> Iterator[EngineEvent]:
    yield Progress("listening", 0.0)
    analysis = analyse_source(request)
    cancel.check()
    found, choice = codes(), choice_of(request.thinking, _TO_UNDERSTAND)
    given = user_metadata(request.music, caption=True)
    work = language_models.use(lambda language: writing.understand(language, found, given, request.seed, choice))
    answer = yield from rescale_progress(token_progress(work, "describing", cancel), 0.2, 1.0)
    told = _answer_metadata(answer)
    told.pop("duration_s", None)
    measured = tempo_and_key(analysis.grid, analysis.key)
    note = _tempo_note(float(told["bpm"] or 0), measured["bpm"])
    yield Metadata({**analysis_metadata(analysis), **told, "measured": measured, "notes": [note] if note else []})


def _answer_metadata(answer: writing.Answer) -> TakeMetadata:
    """Return what a language model said, by the names of tasks."""
    said: dict[str, str | int] = {**answer.metadata, "lyrics": answer.lyrics}
    if "duration" in said:
        said["duration_s"] = said.pop("duration")
    return metadata_from_json(said)


def _tempo_note(said: float, measured: float) -> str:
    """Return the sentence on a tempo that the model says and another that is measured; "" where they agree."""
    octaves = math.log2(said / measured)
    if abs(octaves) < _SAME:
        return ""
    if abs(abs(octaves) - 1) < _SAME:
        return (
            f"The model says {said:g} bpm, the analysis {measured:g}: one of them counts every beat of the other twice."
        )
    return f"The model says {said:g} bpm, the analysis {measured:g}."


def _create_sample(
    language_models: LanguageModelCache, request: EngineRequest, _codes: Callable[[], list[int]], cancel: CancelToken
) -> Iterator[EngineEvent]:
    sentence, choice, instrumental = request.music.caption, choice_of(request.thinking), request.mode == "instrumental"

    def write(language: Language) -> Generator[planning.Told, None, writing.Answer]:
        return writing.simple(language, sentence, instrumental=instrumental, given={}, seed=request.seed, choice=choice)

    yield from _write(language_models, write, cancel, instrumental=instrumental)


def _format_sample(
    language_models: LanguageModelCache, request: EngineRequest, _codes: Callable[[], list[int]], cancel: CancelToken
) -> Iterator[EngineEvent]:
    music, choice = request.music, choice_of(request.thinking)

    def write(language: Language) -> Generator[planning.Told, None, writing.Answer]:
        return writing.formatted(language, music.caption, music.lyrics, user_metadata(music), request.seed, choice)

    yield from _write(language_models, write, cancel)


def _write(
    language_models: LanguageModelCache,
    write: Callable[[Language], Generator[planning.Told, None, writing.Answer]],
    cancel: CancelToken,
    *,
    instrumental: bool = False,
) -> Iterator[EngineEvent]:
    answer = yield from token_progress(language_models.use(write), "writing", cancel)
    silent = instrumental or not lyric_lines(answer.lyrics)
    yield Metadata({**_answer_metadata(answer), "instrumental": silent})


#: What answers each task in words, by the name of the task.
ANSWERS: dict[str, Callable[..., Iterator[EngineEvent]]] = {
    "understand": _understand,
    "create_sample": _create_sample,
    "format_sample": _format_sample,
}


def missing_model_warning(missing: EngineFailure, instead: str) -> Metadata:
    """Return the warning that there is no language model, and what is done ``instead``."""
    return Metadata({"warnings": [f"{missing.message} {instead} {missing.remedy}"]})
