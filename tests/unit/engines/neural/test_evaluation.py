"""Lyrics alignment and scores of generated and recorded audio, with their sources."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch

from acestep_runtime.audio.samples import Samples
from acestep_runtime.conditioning.lyric_tokens import lyric_tokens
from acestep_runtime.engines.base import EngineRequest, Metadata, Progress
from acestep_runtime.engines.neural import evaluation
from acestep_runtime.engines.neural.engine import NeuralEngine
from acestep_runtime.engines.neural.model import Model
from acestep_runtime.engines.neural.recipes import Prompt
from acestep_runtime.errors import EngineFailure, InvalidValue
from acestep_runtime.samplers import loop
from acestep_runtime.tasks import TASKS
from acestep_runtime.values import CancelToken, Music, Sampling, TakeSeed, Thinking
from acestep_runtime.weights.layout import find_checkpoints
from tests.support.signals import noise
from tests.support.tiny_lm import tiny_lm
from tests.support.tiny_models import tiny_checkpoint, tiny_models

pytestmark = pytest.mark.slow

SECONDS = 4
FRAMES = SECONDS * 48_000
LYRICS = "[Verse]\n하늘 별 one two\nthree\n[Chorus]\n空を見る"
MUSIC = Music("warm piano", LYRICS, "en", bpm=120.0)
FEW = Sampling(steps=2, skip_loop=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def engine(folder: Path) -> NeuralEngine:
    return NeuralEngine(folder)


@pytest.fixture(scope="module")
def engine_with_lm(tmp_path_factory: pytest.TempPathFactory) -> NeuralEngine:
    folder = tmp_path_factory.mktemp("speaking")
    tiny_checkpoint(folder)
    tiny_lm(folder)
    return NeuralEngine(folder)


@pytest.fixture(scope="module")
def source() -> Samples:
    return np.ascontiguousarray(0.3 * noise(float(SECONDS), rate_hz=48_000)[:FRAMES])


def run_metadata(engine: NeuralEngine, task: str, **more: Any) -> dict[str, Any]:
    options = {"music": MUSIC, "sampling": FEW, "span": (0, FRAMES), "known": (0, FRAMES), **more}
    facts: dict[str, Any] = {}
    fraction = 0.0
    for event in engine.run(EngineRequest(TASKS[task], FRAMES, 7, **options), CancelToken()):
        if isinstance(event, Metadata):
            facts.update(event.values)
        elif isinstance(event, Progress):
            assert fraction <= event.fraction <= 1
            fraction = event.fraction
    return facts


def check_times(facts: dict[str, Any]) -> None:
    assert [line["text"] for line in facts["lines"]] == ["하늘 별 one two", "three", "空を見る"]
    assert [[word["text"] for word in line["words"]] for line in facts["lines"]] == [
        ["하늘", "별", "one", "two"], ["three"], ["空", "を", "見", "る"],
    ]  # fmt: skip
    assert [section["name"] for section in facts["sections"]] == ["Verse", "Chorus"]
    assert facts["lrc"].count("\n") == 3
    assert "[Verse]" not in facts["lrc"]
    for each in (*facts["lines"], *facts["sections"]):
        assert 0 <= each["start_s"] <= each["end_s"] <= SECONDS


@pytest.mark.parametrize(
    ("task", "more"),
    [
        ("text2music", {}), ("cover", {"strength": 0.5}), ("repaint", {"mode": "balanced", "span": (48_000, 96_000)}),
        ("complete", {"tracks": ("vocals", "drums")}), ("lego", {"tracks": ("drums", "vocals")}),
    ],
)  # fmt: skip
def test_lyrics_of_generated_audio_are_aligned(
    engine: NeuralEngine, source: Samples, task: str, more: dict[str, Any]
) -> None:
    inputs = {} if task == "text2music" else {"source": source}
    facts = run_metadata(engine, task, auto_lrc=True, **inputs, **more)
    check_times(facts)
    assert "score" not in facts
    assert run_metadata(engine, task, auto_lrc=True, **inputs, **more)["lines"] == facts["lines"]


def test_without_vocals_there_is_no_alignment(engine: NeuralEngine, source: Samples) -> None:
    assert "lrc" not in run_metadata(engine, "text2music", auto_lrc=True, music=replace(MUSIC, lyrics=""))
    assert "lrc" not in run_metadata(engine, "text2music", auto_lrc=True, music=replace(MUSIC, lyrics="[Intro]"))
    drums = run_metadata(engine, "lego", source=source, tracks=("drums",), auto_lrc=True, auto_score=True)
    assert "lrc" not in drums
    assert drums["score"]["missing"] == {
        "lyrics_alignment": "Words are timed only in mix, vocals, backing_vocals.",
        "lm": "A language model judges only what comes as one mix.",
    }


def test_lyrics_of_a_recording_are_aligned(engine: NeuralEngine, source: Samples) -> None:
    facts = run_metadata(engine, "align_lyrics", source=source)
    check_times(facts)
    score = facts["score"]
    assert 0 <= score["lyrics_alignment"] <= 1
    assert set(score["parts"]) == {"lyrics_coverage", "lyrics_monotonicity", "lyrics_confidence"}
    assert score["computed_from"] == {"lyrics_alignment": f"the attention of {facts['model']} to the words"}
    with pytest.raises(InvalidValue, match="Give words to align"):
        run_metadata(engine, "align_lyrics", source=source, music=replace(MUSIC, lyrics="[Intro]"))


def test_without_a_language_model_the_lm_score_has_a_reason(engine: NeuralEngine, source: Samples) -> None:
    for task, more in (("score", {"source": source}), ("text2music", {"auto_score": True})):
        score = run_metadata(engine, task, **more)["score"]
        assert 0 <= score["quality"] <= 1
        assert 0 <= score["lyrics_alignment"] <= 1
        assert score["lm"] is None
        assert "language model" in score["missing"]["lm"]
        assert set(score["computed_from"]) == {"quality", "lyrics_alignment"}


def test_a_language_model_adds_its_score(engine_with_lm: NeuralEngine, source: Samples) -> None:
    for task, more in (("score", {"source": source}), ("text2music", {"auto_score": True})):
        facts = run_metadata(engine_with_lm, task, **more)
        score = facts["score"]
        assert 0 <= score["lm"] <= 1
        assert {"lm_caption", "lm_lyrics", "lm_bpm", "lm_perplexity"} <= set(score["parts"])
        assert score["computed_from"]["lm"].startswith("acestep-5Hz-lm-0.6B: ")
        assert score["missing"] == {}
        assert run_metadata(engine_with_lm, task, **more)["score"] == score
    without_words = run_metadata(engine_with_lm, "score", source=source, music=Music())["score"]
    assert without_words["missing"] == {
        "lyrics_alignment": "No words are given that could be sung.",
        "lm": "No caption, lyrics or facts are given that a language model could judge by.",
    }


def test_a_failing_language_model_affects_only_its_score(
    engine_with_lm: NeuralEngine, source: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> Iterator[Any]:
        yield 1, 2
        raise EngineFailure("It makes values that are no numbers.")

    monkeypatch.setattr(evaluation, "score_codes", fails)
    score = run_metadata(engine_with_lm, "score", source=source)["score"]
    assert score["lyrics_alignment"] is not None
    assert score["missing"] == {"lm": "It makes values that are no numbers."}


def test_a_planned_song_is_scored_with_its_plan(engine_with_lm: NeuralEngine) -> None:
    facts = run_metadata(
        engine_with_lm, "text2music", auto_score=True, thinking=Thinking(plan_first=True), music=Music("piano")
    )
    assert facts["plan"]["codes"]
    assert facts["score"]["lm"] is not None


def test_takes_of_a_batch_have_separate_alignments(engine: NeuralEngine) -> None:
    options = {"auto_lrc": True, "take_seeds": (TakeSeed(7), TakeSeed(8))}
    both = [
        [event.values for event in engine.run(
            EngineRequest(TASKS["text2music"], FRAMES, seed, MUSIC, FEW, **options), CancelToken()
        ) if isinstance(event, Metadata) and "lrc" in event.values]
        for seed in (7, 8)
    ]  # fmt: skip
    assert all(len(each) == 1 for each in both)
    alone = run_metadata(engine, "text2music", auto_lrc=True)
    assert both[0][0]["lines"] == alone["lines"]


def test_alignment_uses_only_lyric_tokens(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The maps equal those of the transformer for latents at the noise level of the last step, restricted to lyric tokens."""
    model = Model.load(find_checkpoints(folder)[0])
    prompt = Prompt("Fill:", MUSIC, 4.0)
    latents, context = torch.randn(1, 100, model.spec.channels), torch.zeros(1, 100, 2 * model.spec.channels)
    arguments: list[Any] = []

    def record(maps: Any, token_bytes: Any, *times: float) -> Any:
        arguments.extend((list(maps), token_bytes, times))

    monkeypatch.setattr(evaluation, "align_by_attention", record)
    with torch.inference_mode():
        evaluation.align_take(model, latents, prompt, context, model.timbre, 8, 3.5)
        x = loop.add_noise(latents, loop.draw_noise([42], 100, model.spec.channels), 1 / 8)
        condition = model.encode_prompt(prompt, model.timbre)
        all_maps = dict(
            model.velocity.attention_maps(x, torch.tensor([1 / 8]), context, condition, model.spec.lyric_heads)
        )
    maps, token_bytes, times = arguments
    tokens = lyric_tokens(MUSIC, model.text_tokenizer)
    assert b"".join(token_bytes).decode() == LYRICS
    assert times == (4.0, 3.5)
    assert len(maps) == sum(map(len, model.spec.lyric_heads.values())) == len(all_maps)
    for found, whole in zip(maps, all_maps.values(), strict=True):
        assert np.allclose(found, whole[tokens.span].numpy(), atol=1e-6)
