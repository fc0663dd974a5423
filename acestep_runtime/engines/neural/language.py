"""The language model in the neural engine: plans songs and runs text tasks.

    text2music        metadata and codes, which the transformer follows
    lego, complete    metadata only: codes would replace the source
    understand        codes of the source ─► metadata and lyrics, beside those of signal processing
    create_sample     a sentence ─► caption, lyrics, metadata
    format_sample     caption and lyrics ─► the same in standard form

Without a language model, songs are generated without a plan and the draft engine runs the text tasks; a warning says so.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor, nn

from acestep_runtime.certainty import FINDINGS, Certainty
from acestep_runtime.conditioning.codes import FRAMES_PER_CODE
from acestep_runtime.conditioning.latents import samples_to_frames
from acestep_runtime.engines.base import EngineEvent, EngineRequest, Metadata, Progress
from acestep_runtime.engines.metadata import TakeMetadata, measurement, metadata_from_json
from acestep_runtime.engines.signal.analysis import analyse_source, analysis_metadata
from acestep_runtime.errors import EngineFailure
from acestep_runtime.lm import grammar, planning, writing
from acestep_runtime.lm.language import LanguageModel
from acestep_runtime.lm.packed import PackedLinear, can_pack, linear_bytes, pack_linears
from acestep_runtime.lm.sampling import SamplingParams
from acestep_runtime.lm.vocabulary import Vocabulary
from acestep_runtime.lyrics.text import lyric_lines
from acestep_runtime.memory import machine
from acestep_runtime.memory.interrupt import Interrupt
from acestep_runtime.memory.need import STORED_BYTES, does_not_fit
from acestep_runtime.memory.policy import GIB, ComputeConfig, Offload, free_gib, native_dtype, select_device
from acestep_runtime.memory.stage import ModulePlacement, empty_device_cache
from acestep_runtime.units import ENGINE_RATE_HZ
from acestep_runtime.values import CancelToken, Key, Music, Thinking, spell_key
from acestep_runtime.weights.catalogue import repair_hint
from acestep_runtime.weights.language import LanguageCheckpoint, load_language_model, select_language_model
from acestep_runtime.weights.numbers import count_numbers
from acestep_runtime.weights.part_files import LANGUAGE

if TYPE_CHECKING:
    from transformers import Qwen3Model

T = TypeVar("T")
R = TypeVar("R")
_DEFAULT_PARAMS = SamplingParams()
_UNDERSTAND_TEMPERATURE = 0.3
_DEFAULT_GUIDANCE = 2.0
#: Memory needed for a language model, as a multiple of its weights.
_MEMORY_FACTOR = 1.5
#: Room for its cache of keys and values, and for its logits.
_MEMORY_RESERVE_BYTES = 1 << 29
#: Tempos that differ by less, in octaves, are equal; the tolerance also applies to tempo ratios of 2.
_TEMPO_TOLERANCE = 0.04
_UNKNOWN_LANGUAGE = "unknown"


@dataclass(frozen=True)
class Plan:
    """The plan of a take: metadata by the names of `lm.grammar.FIELDS`, and codes, empty where the task needs none."""

    metadata: grammar.LmMetadata
    codes: tuple[int, ...] = ()

    def apply_to(self, music: Music, *, keep_caption: bool) -> Music:
        """Return ``music`` with its missing values filled in from the plan."""
        planned = metadata_from_json(self.metadata)
        return dataclasses.replace(
            music,
            caption=music.caption if keep_caption and music.caption else planned.get("caption", music.caption),
            bpm=music.bpm if music.bpm is not None else planned.get("bpm"),
            keyscale=music.keyscale or planned.get("keyscale"),
            timesignature=music.timesignature or planned.get("timesignature"),
            language=music.language
            if music.language != _UNKNOWN_LANGUAGE
            else planned.get("language", _UNKNOWN_LANGUAGE),
        )


class _CoreWithHead(nn.Module):
    """A language model as one module, so that it moves between devices as a whole."""

    def __init__(self, core: Qwen3Model, head: Tensor) -> None:
        super().__init__()
        self.core = core
        self.head = head if isinstance(head, nn.Parameter) else nn.Parameter(head, requires_grad=False)
        #: Computes the logits of codes, where weights are packed.
        self.code_head: PackedLinear | None = None


class LanguageModelCache:
    """Keeps one language model in memory: on the device if it fits beside the other models, else only while in use."""

    def __init__(
        self, device: torch.device | None = None, interrupt: Interrupt | None = None, memory_bytes: int = 0
    ) -> None:
        """``memory_bytes`` is what this process may take beside mapped files, 0 for any."""
        self._device = device or select_device()
        self._interrupt = interrupt or Interrupt()
        self._memory_bytes = memory_bytes
        self._resident: tuple[LanguageCheckpoint, ModulePlacement, _CoreWithHead, Vocabulary] | None = None
        self.is_loading = False

    @property
    def resident_models(self) -> tuple[str, ...]:
        """The name of the model in memory."""
        return () if self._resident is None else (self._resident[0].name,)

    def unload(self) -> None:
        """Release the model."""
        self._resident = None

    def load(self, folder: Path, name: str) -> str:
        """Load a model unless it is in memory, and return its name. Raises as `select_language_model` does."""
        checkpoint = select_language_model(folder, name)
        if self._resident is None or self._resident[0] != checkpoint:
            self._interrupt.check()
            self._resident = None
            self.is_loading = True
            try:
                self._load(checkpoint)
            finally:
                self.is_loading = False
            self._interrupt.check()  # not on the way: the next job finds the model
        return checkpoint.name

    def _load(self, checkpoint: LanguageCheckpoint) -> None:
        device = self._device
        dtype = native_dtype(device)
        self._check_memory(checkpoint, dtype)
        try:
            core, head, tokenizer = load_language_model(checkpoint, dtype)
            vocabulary = Vocabulary(tokenizer)
        except EngineFailure as failure:
            raise EngineFailure(
                f"Language model {checkpoint.name} cannot be loaded. {failure.message}",
                remedy=repair_hint(checkpoint.name, checkpoint.folder),
            ) from failure
        modules = _CoreWithHead(core, head)
        free, size = free_gib(device), sum(each.nbytes for each in modules.parameters()) / GIB
        if device.type == "cpu" and can_pack(dtype):
            self._pack(modules, vocabulary)
        level = Offload.NONE if free is None or free > _MEMORY_FACTOR * size else Offload.ONE_AT_A_TIME
        self._resident = (
            checkpoint,
            ModulePlacement({"language": modules}, ComputeConfig(device, dtype, level)),
            modules,
            vocabulary,
        )

    def _check_memory(self, checkpoint: LanguageCheckpoint, dtype: torch.dtype) -> None:
        if self._device.type != "cpu":
            return
        weights = count_numbers(checkpoint.folder, LANGUAGE) * dtype.itemsize
        own = 0 if dtype.itemsize == STORED_BYTES else weights  # the rest is mapped
        limits = ((weights, machine.available_bytes()), (own, machine.left_of(self._memory_bytes)))
        for size, available in limits:
            need = size + _MEMORY_RESERVE_BYTES
            if 0 < available < need:
                raise does_not_fit(checkpoint.name, need, available, can_shrink=False)

    def _pack(self, modules: _CoreWithHead, vocabulary: Vocabulary) -> None:
        """Pack the weights where there is room for a copy of them, which is no file, and for other models beside it."""
        size = sum(each.nbytes for each in modules.parameters())
        codes = modules.head[vocabulary.code_ids]
        own = linear_bytes(modules.core) + codes.nbytes + _MEMORY_RESERVE_BYTES
        available, left = machine.available_bytes(), machine.left_of(self._memory_bytes)
        if 0 < available < 2 * size or 0 < left < own:
            return
        pack_linears(modules.core)
        modules.code_head = PackedLinear(codes)

    def use(self, work: Callable[[LanguageModel], Generator[T, None, R]]) -> Generator[T, None, R]:
        """Run the generator ``work`` with the model in memory: yield its items and return its result."""
        assert self._resident is not None
        _, placement, modules, vocabulary = self._resident
        try:
            with placement.on_device("language"):
                language = LanguageModel(modules.core, modules.head, vocabulary, self._interrupt, modules.code_head)
                return (yield from work(language))
        except torch.OutOfMemoryError:
            pass  # the traceback holds tensors until this block ends
        empty_device_cache(placement.config.device)
        raise EngineFailure(
            f"The memory of {placement.config.device.type} is not enough for the language model.",
            remedy="Think about fewer takes at once, take a smaller language model, or do without thinking.",
        )


def sampling_params(thinking: Thinking, temperature: float = _DEFAULT_PARAMS.temperature) -> SamplingParams:
    """Return the parameters of token sampling, with defaults for missing values."""
    return SamplingParams(
        temperature if thinking.temperature is None else thinking.temperature,
        thinking.top_k,
        _DEFAULT_PARAMS.top_p if thinking.top_p is None else thinking.top_p,
        thinking.repetition_penalty or 1.0,
    )


def user_metadata(music: Music, *, length_s: float | None = None, caption: bool = False) -> dict[str, str | int]:
    """Return the user's metadata by the names of `lm.grammar.FIELDS`."""
    values = {
        "bpm": None if music.bpm is None else round(music.bpm),
        "caption": music.caption if caption and music.caption else None,
        "duration": None if length_s is None else max(1, int(length_s)),
        "keyscale": None if music.keyscale is None else spell_key(music.keyscale),
        "language": None if music.language == _UNKNOWN_LANGUAGE else music.language,
        "timesignature": music.timesignature,
    }
    return {name: value for name, value in values.items() if value is not None}


@torch.inference_mode()
def plan_takes(
    language_models: LanguageModelCache, request: EngineRequest, seeds: Sequence[int], cancel: CancelToken
) -> Generator[Progress, None, dict[int, Plan]]:
    """Yield progress and return a plan for each of ``seeds``."""
    plans: dict[int, Plan] = {}
    for first in range(0, len(seeds), request.thinking.at_once):
        batch = seeds[first : first + request.thinking.at_once]
        work = language_models.use(partial(_plan_batch, request=request, seeds=batch, cancel=cancel))
        plans.update((yield from rescale_progress(work, first / len(seeds), (first + len(batch)) / len(seeds))))
    return plans


def _plan_batch(
    language: LanguageModel, *, request: EngineRequest, seeds: Sequence[int], cancel: CancelToken
) -> Generator[Progress, None, dict[int, Plan]]:
    thinking, music, params = request.thinking, request.music, sampling_params(request.thinking)
    preset = user_metadata(music, length_s=request.frames / ENGINE_RATE_HZ)
    asked = user_metadata(music) if request.has_planned_length else preset
    metadata_work = planning.plan_metadata(
        language, music.caption, music.lyrics, preset, _absent_fields(thinking), seeds, params, asked=asked
    )
    metadata = yield from rescale_progress(token_progress(metadata_work, "thinking about the song", cancel), 0.0, 0.1)
    codes: list[list[int]] = [[] for _ in seeds]
    if request.source is None:  # codes would replace a source
        codes_work = planning.plan_codes(
            language, music.caption, music.lyrics, metadata, code_count(request.frames), seeds, params,
            _DEFAULT_GUIDANCE if thinking.guidance is None else thinking.guidance, thinking.negative,
        )  # fmt: skip
        codes = yield from rescale_progress(token_progress(codes_work, "planning the song", cancel), 0.1, 1.0)
    return {
        seed: Plan(song_metadata, tuple(song_codes))
        for seed, song_metadata, song_codes in zip(seeds, metadata, codes, strict=True)
    }


def _absent_fields(thinking: Thinking) -> tuple[str, ...]:
    return ("genres", "caption") if thinking.keep_caption else ("genres",)


@torch.inference_mode()
def plan_length(
    language_models: LanguageModelCache, request: EngineRequest, cancel: CancelToken
) -> Generator[Progress, None, float]:
    """Yield progress; return the seconds in the plan of a request without a length."""
    music, thinking = request.music, request.thinking

    def plan(language: LanguageModel) -> Generator[planning.TokenCount, None, list[dict[str, str | int]]]:
        return planning.plan_metadata(
            language, music.caption, music.lyrics, user_metadata(music), _absent_fields(thinking), [request.seed],
            sampling_params(thinking),
        )  # fmt: skip

    (metadata,) = yield from token_progress(language_models.use(plan), "thinking about the song", cancel)
    return float(metadata["duration"])


def rescale_progress(events: Generator[Progress, None, T], low: float, high: float) -> Generator[Progress, None, T]:
    """Yield progress rescaled to ``low`` to ``high``; return the generator's result."""
    while True:
        try:
            event = next(events)
        except StopIteration as end:
            result: T = end.value
            return result
        yield dataclasses.replace(event, fraction=low + (high - low) * event.fraction)


def code_count(frames: int) -> int:
    """Return the number of codes for ``frames`` samples at 48 kHz: five per second, rounded up."""
    return math.ceil(samples_to_frames(frames) / FRAMES_PER_CODE)


def token_progress(
    work: Generator[planning.TokenCount, None, T], stage: str, cancel: CancelToken
) -> Generator[Progress, None, T]:
    """Yield token counts as progress; return the generator's result. Checks ``cancel`` at every token."""
    while True:
        try:
            done, total = next(work)
        except StopIteration as end:
            result: T = end.value
            return result
        cancel.check()
        yield Progress(stage, done / total)


@torch.inference_mode()
def run_text_task(
    language_models: LanguageModelCache, request: EngineRequest, codes: Callable[[], list[int]], cancel: CancelToken
) -> Iterator[EngineEvent]:
    """Run a task of `TEXT_TASKS`; ``codes`` returns the codes of the source."""
    yield from TEXT_TASKS[request.task.name](language_models, request, codes, cancel)


def _understand(
    language_models: LanguageModelCache, request: EngineRequest, codes: Callable[[], list[int]], cancel: CancelToken
) -> Iterator[EngineEvent]:
    yield Progress("listening", 0.0)
    analysis = analyse_source(request)
    cancel.check()
    audio_codes, params = codes(), sampling_params(request.thinking, _UNDERSTAND_TEMPERATURE)
    preset = user_metadata(request.music, caption=True)
    work = language_models.use(
        lambda language: writing.describe_audio(language, audio_codes, preset, request.seed, params)
    )
    answer = yield from rescale_progress(token_progress(work, "describing", cancel), 0.2, 1.0)
    metadata = _answer_metadata(answer)
    metadata.pop("duration_s", None)
    findings = analysis_metadata(analysis)
    measured = measurement(findings)
    note = _tempo_note(float(metadata["bpm"] or 0), measured["bpm"]) if "bpm" in measured else ""
    yield Metadata({
        **findings, **metadata, "measured": measured, "notes": [*findings.get("notes", ()), *([note] if note else ())],
        "certainty": {**findings["certainty"], **_answer_certainty(metadata, measured, findings["certainty"])},
    })  # fmt: skip


def _answer_certainty(
    answer: Mapping[str, object], measured: Mapping[str, object], certainties: Mapping[str, Certainty]
) -> dict[str, Certainty]:
    """Return how certain tempo, key and meter of a model's answer are: as certain as the analysis, where that says the same.

    A model always answers, also on silence and noise: what the analysis does not confirm is only "perhaps" so.
    """
    return {
        finding: certainties[finding] if _agree(name, answer.get(name), measured.get(name)) else "perhaps"
        for name, finding in FINDINGS.items()
        if answer.get(name) is not None
    }


def _agree(name: str, one: object, other: object) -> bool:
    """Return whether two values of a finding are the same: tempos within the tolerance, keys by whatever name."""
    if isinstance(one, (int, float)) and isinstance(other, (int, float)) and name == "bpm":
        return one > 0 and abs(math.log2(one / other)) < _TEMPO_TOLERANCE
    if isinstance(one, str) and isinstance(other, str):
        return Key.parse(one) == Key.parse(other)
    return one == other


def _answer_metadata(answer: writing.Answer) -> TakeMetadata:
    """Return the answer of a language model as take metadata."""
    values: dict[str, str | int] = {**answer.metadata, "lyrics": answer.lyrics}
    if "duration" in values:
        values["duration_s"] = values.pop("duration")
    return metadata_from_json(values)


def _tempo_note(model_bpm: float, measured_bpm: float) -> str:
    """Return a note on the difference between the model's tempo and the measured one, "" if there is none."""
    octaves = math.log2(model_bpm / measured_bpm)
    difference = f"The model says {model_bpm:g} bpm, the analysis {measured_bpm:g}"
    if abs(octaves) < _TEMPO_TOLERANCE:
        return ""
    if abs(abs(octaves) - 1) < _TEMPO_TOLERANCE:
        return f"{difference}: one of them counts every beat of the other twice."
    return f"{difference}."


def _create_sample(
    language_models: LanguageModelCache, request: EngineRequest, _codes: Callable[[], list[int]], cancel: CancelToken
) -> Iterator[EngineEvent]:
    sentence, params = request.music.caption, sampling_params(request.thinking)
    instrumental = request.mode == "instrumental"

    def write_sample(language: LanguageModel) -> Generator[planning.TokenCount, None, writing.Answer]:
        return writing.write_sample(
            language, sentence, instrumental=instrumental, preset={}, seed=request.seed, params=params
        )

    yield from _stream_answer(language_models, write_sample, cancel, instrumental=instrumental)


def _format_sample(
    language_models: LanguageModelCache, request: EngineRequest, _codes: Callable[[], list[int]], cancel: CancelToken
) -> Iterator[EngineEvent]:
    music, params = request.music, sampling_params(request.thinking)

    def format_sample(language: LanguageModel) -> Generator[planning.TokenCount, None, writing.Answer]:
        return writing.format_sample(language, music.caption, music.lyrics, user_metadata(music), request.seed, params)

    yield from _stream_answer(language_models, format_sample, cancel)


def _stream_answer(
    language_models: LanguageModelCache,
    write: Callable[[LanguageModel], Generator[planning.TokenCount, None, writing.Answer]],
    cancel: CancelToken,
    *,
    instrumental: bool = False,
) -> Iterator[EngineEvent]:
    answer = yield from token_progress(language_models.use(write), "writing", cancel)
    is_instrumental = instrumental or not lyric_lines(answer.lyrics)
    yield Metadata({**_answer_metadata(answer), "instrumental": is_instrumental})


#: The function of each text task, by the name of the task.
TEXT_TASKS: dict[str, Callable[..., Iterator[EngineEvent]]] = {
    "understand": _understand,
    "create_sample": _create_sample,
    "format_sample": _format_sample,
}


def missing_model_warning(missing: EngineFailure, fallback: str) -> Metadata:
    """Return the warning that there is no language model, and the ``fallback``."""
    return Metadata({"warnings": [f"{missing.message} {fallback} {missing.remedy}"]})
