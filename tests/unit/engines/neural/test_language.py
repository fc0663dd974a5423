"""The language model in the neural engine: plans, text tasks and cancellation."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch
from torch import nn

from acestep_runtime.certainty import Certainty
from acestep_runtime.engines.base import Block, EngineRequest, Metadata, Progress
from acestep_runtime.engines.metadata import Measurement, TakeMetadata
from acestep_runtime.engines.neural import language as language_module
from acestep_runtime.engines.neural.engine import NeuralEngine
from acestep_runtime.engines.neural.language import (
    LanguageModelCache,
    Plan,
    _answer_certainty,
    _tempo_note,
    code_count,
    plan_takes,
    user_metadata,
)
from acestep_runtime.errors import Cancelled, EngineFailure
from acestep_runtime.lm.language import LanguageModel
from acestep_runtime.memory import machine
from acestep_runtime.memory.need import NotEnoughMemory
from acestep_runtime.tasks import TASKS
from acestep_runtime.values import CancelToken, Music, Sampling, TakeSeed, Thinking
from tests.support.signals import noise
from tests.support.tiny_lm import model, tiny_lm
from tests.support.tiny_models import tiny_checkpoint

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> NeuralEngine:
    folder: Path = tmp_path_factory.mktemp("models")
    tiny_checkpoint(folder, "diffusers", "turbo")
    tiny_lm(folder)
    return NeuralEngine(folder)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A language model to break."""
    return tiny_lm(tmp_path_factory.mktemp("models"))


def _song(seed: int = 1, seconds: float = 2.0, **more: Any) -> EngineRequest:
    thinking = Thinking(plan_first=True, top_k=20)  # random weights would choose among all tokens, slowly
    return EngineRequest(
        TASKS["text2music"], round(seconds * 48_000), seed, sampling=Sampling(steps=1), thinking=thinking, **more
    )


def test_a_language_model_with_changed_files_is_loaded_again(tmp_path: Path) -> None:
    cache, folder = LanguageModelCache(), tiny_lm(tmp_path)

    def embeddings() -> Any:
        def read(language: LanguageModel) -> Iterator[Any]:
            yield language.head.detach().float().numpy().copy()

        assert cache.load(tmp_path, "") == folder.name
        return next(cache.use(read))

    before = embeddings()
    assert np.array_equal(embeddings(), before)
    model(seed=2).save_pretrained(folder)
    assert not np.array_equal(embeddings(), before)


@pytest.mark.parametrize(
    ("free", "limit", "packed"),
    [(0, 0, True), (1 << 40, 1 << 40, True), (5 << 20, 0, False), (1 << 40, 600 << 20, False)],
)
def test_weights_are_packed_where_there_is_memory_for_a_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, limit: int, packed: bool
) -> None:
    monkeypatch.setattr(language_module, "can_pack", lambda _: True)
    monkeypatch.setattr(language_module, "pack_linears", lambda _: None)
    monkeypatch.setattr(language_module, "PackedLinear", lambda _: nn.Identity())
    monkeypatch.setattr(language_module, "native_dtype", lambda _: torch.bfloat16)
    monkeypatch.setattr(language_module.LanguageModelCache, "_check_memory", lambda *_: None)
    monkeypatch.setattr(machine, "available_bytes", lambda: free)
    monkeypatch.setattr(machine, "own_bytes", lambda: 100 << 20)
    tiny_lm(tmp_path)
    cache = LanguageModelCache(torch.device("cpu"), memory_bytes=limit)
    cache.load(tmp_path, "")
    assert cache._resident is not None
    assert (cache._resident[2].code_head is not None) is packed


@pytest.mark.parametrize(("dtype", "refuses"), [(torch.float32, True), (torch.bfloat16, False)])
def test_a_language_model_counts_against_what_the_process_may_take_unless_it_is_mapped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype, refuses: bool
) -> None:
    monkeypatch.setattr(language_module, "native_dtype", lambda _: dtype)
    monkeypatch.setattr(machine, "own_bytes", lambda: 100 << 20)
    tiny_lm(tmp_path)
    cache = LanguageModelCache(torch.device("cpu"), memory_bytes=(100 << 20) + (1 << 29) + 1000)
    if not refuses:
        cache.load(tmp_path, "")
        return
    with pytest.raises(NotEnoughMemory, match=r"acestep-5Hz-lm-0\.6B needs"):
        cache.load(tmp_path, "")
    assert not cache.resident_models


def test_a_model_that_does_not_fit_beside_the_language_model_takes_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_checkpoint(tmp_path)
    tiny_lm(tmp_path)
    engine = NeuralEngine(tmp_path)
    free: list[int] = []
    monkeypatch.setattr(machine, "available_bytes", lambda: free.pop(0) if free else 0)
    engine._language.load(tmp_path, "")
    free[:] = [100 << 20, 0]
    assert engine.load("acestep-v15-turbo") == "acestep-v15-turbo"
    assert engine.resident_models == ("acestep-v15-turbo",)
    free[:] = [100 << 20] * 2
    with pytest.raises(NotEnoughMemory):
        NeuralEngine(tmp_path).load("acestep-v15-turbo")
    assert len(free) == 1  # nothing to unload, so nothing to try again


@pytest.mark.parametrize(
    ("name", "text", "state"),
    [
        ("model.safetensors", "x", "is not whole: acestep-5Hz-lm-0.6B/model.safetensors is no safetensors file."),
        ("tokenizer.json", "{", "is not whole: acestep-5Hz-lm-0.6B/tokenizer.json is damaged."),
        ("tokenizer_config.json", "[]", "is not whole: acestep-5Hz-lm-0.6B/tokenizer_config.json is damaged."),
        ("config.json", '{"model_type": "qwen3"}', "cannot be loaded. "),
    ],
)
def test_a_broken_language_model_raises_with_a_remedy(
    tmp_path: Path, checkpoint: Path, name: str, text: str, state: str
) -> None:
    folder = Path(shutil.copytree(checkpoint, tmp_path / "acestep-5Hz-lm-0.6B"))
    (folder / name).write_text(text, "utf-8")
    with pytest.raises(EngineFailure) as caught:
        LanguageModelCache().load(tmp_path, "")
    assert caught.value.message.startswith(f"Language model acestep-5Hz-lm-0.6B {state}")
    assert caught.value.remedy == (
        "Run `acebridge models pull acestep-5Hz-lm-0.6B`. It fetches only what is missing or damaged."
    )


@pytest.mark.parametrize(("seconds", "codes"), [(0.1, 1), (10, 50), (33.4, 167), (33.44, 168), (600, 3000)])
def test_code_count_is_five_per_second(seconds: float, codes: int) -> None:
    assert code_count(round(seconds * 48_000)) == codes


def test_plans_keep_the_values_of_the_user() -> None:
    plan_metadata = {
        "bpm": 90,
        "caption": "lush",
        "keyscale": "C major",
        "language": "ko",
        "timesignature": 3,
        "duration": 20,
    }
    music = Music("warm", "la", "en", 97.5, "Am", 4)
    assert Plan(plan_metadata).apply_to(music, keep_caption=True) == music
    assert Plan(plan_metadata).apply_to(music, keep_caption=False).caption == "lush"
    planned_music = Plan(plan_metadata).apply_to(Music(lyrics="la"), keep_caption=True)
    assert planned_music == Music("lush", "la", "ko", 90, "C major", 3)
    assert Plan({}).apply_to(Music(), keep_caption=False) == Music()


def test_user_metadata_has_the_form_of_training() -> None:
    music = user_metadata(Music("warm", "la", "en", 97.5, "Am", 4), length_s=33.4)
    assert music == {"bpm": 98, "keyscale": "A minor", "language": "en", "timesignature": 4, "duration": 33}
    assert user_metadata(Music("warm"), caption=True) == {"caption": "warm"}
    assert user_metadata(Music(), length_s=0.2) == {"duration": 1}


@pytest.mark.parametrize(
    ("model_bpm", "measured_bpm", "note"),
    [(120, 121, ""), (60, 120, "twice"), (241, 120, "twice"), (100, 120, "The model says 100 bpm, the analysis 120.")],
)
def test_different_tempos_give_a_note(model_bpm: float, measured_bpm: float, note: str) -> None:
    assert (note in _tempo_note(model_bpm, measured_bpm)) if note else _tempo_note(model_bpm, measured_bpm) == ""


def test_progress_never_falls_and_names_its_stages(engine: NeuralEngine) -> None:
    plan_metadata = [event for event in engine.run(_song(), CancelToken()) if isinstance(event, Progress)]
    fractions = [event.fraction for event in plan_metadata]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1.0)
    stages = [each for each in dict.fromkeys(event.stage for event in plan_metadata) if not each.startswith("loading")]
    assert stages == ["thinking about the song", "planning the song", "reading the words", "step 1 of 1", "decoding"]


@pytest.mark.parametrize("stage", ["thinking about the song", "planning the song"])
def test_cancelling_stops_at_the_next_token(engine: NeuralEngine, stage: str) -> None:
    cancel, steps = CancelToken(), 0

    def cancel_at_stage() -> None:
        nonlocal steps
        for event in engine.run(_song(seed=9), cancel):
            steps += isinstance(event, Progress) and event.stage == stage
            if steps:
                cancel.cancel()

    with pytest.raises(Cancelled):
        cancel_at_stage()
    assert steps == 1


def test_takes_are_planned_in_one_batch_and_cached(engine: NeuralEngine) -> None:
    def plans(*seeds: int) -> list[object]:
        found = []
        for seed in seeds:
            takes = tuple(map(TakeSeed, seeds))
            events = list(engine.run(_song(seed, seconds=0.5, take_seeds=takes), CancelToken()))
            found += [
                event.values["plan"] for event in events if isinstance(event, Metadata) and "plan" in event.values
            ]
            planning = [event for event in events if isinstance(event, Progress) and event.stage == "planning the song"]
            assert bool(planning) == (seed == seeds[0])
        return found

    first = plans(1, 2, 3)
    engine._cache = None
    assert plans(1, 2, 3) == first


@pytest.mark.parametrize("music", [Music("warm", "la"), Music("warm", "la", "en", 90, "C major", 4)])
def test_the_plan_of_a_planned_length_is_the_plan_that_has_it(engine: NeuralEngine, music: Music) -> None:
    thinking = Thinking(plan_first=True, top_k=20)
    request = EngineRequest(TASKS["text2music"], 0, 4, music, thinking=thinking)

    def finish(work: Generator[Any, None, Any]) -> Any:
        try:
            while True:
                next(work)
        except StopIteration as end:
            return end.value

    length_s = finish(engine.plan_length(request, CancelToken()))
    assert 10 <= length_s <= 600
    # A source, so that no codes are planned: they take long.
    whole = replace(
        request, frames=round(length_s * 48_000), has_planned_length=True, source=np.zeros((1, 2), np.float32)
    )
    plan = finish(plan_takes(engine._language, whole, [4], CancelToken()))[4]
    assert plan.metadata["duration"] == length_s
    assert plan.metadata["caption"]  # the model was asked, though nothing else is missing
    asked = replace(whole, has_planned_length=False)
    (known,) = finish(plan_takes(engine._language, asked, [4], CancelToken())).values()
    assert ("caption" in known.metadata) == (music.bpm is None)


def test_a_cancel_does_not_wait_for_a_language_model_that_is_loaded_for_a_length(checkpoint: Path) -> None:
    other, cancel = NeuralEngine(checkpoint.parent), CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        next(other.plan_length(replace(_song(), frames=0), cancel))
    assert other.resident_models == ()
    assert next(other.plan_length(replace(_song(), frames=0), CancelToken())).fraction == 0
    assert len(other.resident_models) == 1


def test_without_a_language_model_no_length_is_planned(tmp_path: Path) -> None:
    work = NeuralEngine(tmp_path).plan_length(EngineRequest(TASKS["text2music"], 0, 1), CancelToken())
    with pytest.raises(StopIteration) as end:
        next(work)
    assert end.value.value is None


def test_audio_is_encoded_to_codes(engine: NeuralEngine) -> None:
    source = np.ascontiguousarray(0.3 * noise(4.2, rate_hz=48_000))
    model = engine._load_model("")
    latents = model.encode_audio(source, CancelToken())
    codes = model.latents_to_codes(latents)
    assert len(codes) == code_count(len(source)) == 21
    assert codes == model.latents_to_codes(latents)
    assert model.codes_to_latents(codes).shape == (1, 105, model.spec.channels)


def test_generation_follows_the_codes_of_a_plan(engine: NeuralEngine) -> None:
    def generate(codes: tuple[int, ...]) -> Any:
        request = EngineRequest(TASKS["text2music"], 96_000, 5, sampling=Sampling(steps=1), codes=codes)
        return np.concatenate([e.samples for e in engine.run(request, CancelToken()) if isinstance(e, Block)])

    first = generate(tuple(range(10)))
    assert first.shape == (96_000, 2)
    assert np.array_equal(first, generate(tuple(range(10))))
    assert not np.array_equal(first, generate(tuple(range(1, 11))))
    assert generate((5,)).shape == (96_000, 2)


def test_an_answer_is_as_certain_as_an_analysis_that_says_the_same() -> None:
    sure: dict[str, Certainty] = {"tempo": "sure", "beats": "sure", "key": "sure", "meter": "perhaps"}
    measured = Measurement(bpm=120.4, keyscale="A minor", timesignature=4)
    agrees = TakeMetadata(bpm=121, keyscale="Am", timesignature=4)
    assert _answer_certainty(agrees, measured, sure) == {"tempo": "sure", "key": "sure", "meter": "perhaps"}
    differs = TakeMetadata(bpm=60, keyscale="C major", timesignature=3)
    assert set(_answer_certainty(differs, measured, sure).values()) == {"perhaps"}
    silence = dict.fromkeys(sure, "not heard")
    assert set(_answer_certainty(agrees, Measurement(), silence).values()) == {"perhaps"}
    assert _answer_certainty(TakeMetadata(lyrics="la"), measured, sure) == {}
