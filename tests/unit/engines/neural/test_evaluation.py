"""The neural engine times words, scores what it makes and what it hears, and says what every score comes from."""

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
from acestep_runtime.values import CancelToken, Music, Sampling, Thinking
from acestep_runtime.weights.layout import find
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
def speaking(tmp_path_factory: pytest.TempPathFactory) -> NeuralEngine:
    folder = tmp_path_factory.mktemp("speaking")
    tiny_checkpoint(folder)
    tiny_lm(folder)
    return NeuralEngine(folder)


@pytest.fixture(scope="module")
def source() -> Samples:
    return np.ascontiguousarray(0.3 * noise(float(SECONDS), rate_hz=48_000)[:FRAMES])


def facts_of(engine: NeuralEngine, task: str, **more: Any) -> dict[str, Any]:
    asked = {"music": MUSIC, "sampling": FEW, "span": (0, FRAMES), "known": (0, FRAMES), **more}
    facts: dict[str, Any] = {}
    fraction = 0.0
    for event in engine.run(EngineRequest(TASKS[task], FRAMES, 7, **asked), CancelToken()):
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
def test_words_of_what_is_made_are_timed(
    engine: NeuralEngine, source: Samples, task: str, more: dict[str, Any]
) -> None:
    heard = {} if task == "text2music" else {"source": source}
    facts = facts_of(engine, task, auto_lrc=True, **heard, **more)
    check_times(facts)
    assert "score" not in facts
    assert facts_of(engine, task, auto_lrc=True, **heard, **more)["lines"] == facts["lines"]


def test_where_nobody_sings_there_are_no_times(engine: NeuralEngine, source: Samples) -> None:
    assert "lrc" not in facts_of(engine, "text2music", auto_lrc=True, music=replace(MUSIC, lyrics=""))
    assert "lrc" not in facts_of(engine, "text2music", auto_lrc=True, music=replace(MUSIC, lyrics="[Intro]"))
    drums = facts_of(engine, "lego", source=source, tracks=("drums",), auto_lrc=True, auto_score=True)
    assert "lrc" not in drums
    assert drums["score"]["missing"] == {
        "lyrics_alignment": "Words are timed only in mix, vocals, backing_vocals.",
        "lm": "A language model judges only what comes as one mix.",
    }


def test_a_recording_is_timed(engine: NeuralEngine, source: Samples) -> None:
    facts = facts_of(engine, "align_lyrics", source=source)
    check_times(facts)
    score = facts["score"]
    assert 0 <= score["lyrics_alignment"] <= 1
    assert set(score["parts"]) == {"lyrics_coverage", "lyrics_monotonicity", "lyrics_confidence"}
    assert score["computed_from"] == {"lyrics_alignment": f"the attention of {facts['model']} to the words"}
    with pytest.raises(InvalidValue, match="Give words to align"):
        facts_of(engine, "align_lyrics", source=source, music=replace(MUSIC, lyrics="[Intro]"))


def test_without_a_language_model_its_score_is_missing_with_the_reason(engine: NeuralEngine, source: Samples) -> None:
    for task, more in (("score", {"source": source}), ("text2music", {"auto_score": True})):
        score = facts_of(engine, task, **more)["score"]
        assert 0 <= score["quality"] <= 1
        assert 0 <= score["lyrics_alignment"] <= 1
        assert score["lm"] is None
        assert "language model" in score["missing"]["lm"]
        assert set(score["computed_from"]) == {"quality", "lyrics_alignment"}


def test_a_language_model_judges_too(speaking: NeuralEngine, source: Samples) -> None:
    for task, more in (("score", {"source": source}), ("text2music", {"auto_score": True})):
        facts = facts_of(speaking, task, **more)
        score = facts["score"]
        assert 0 <= score["lm"] <= 1
        assert {"lm_caption", "lm_lyrics", "lm_bpm", "lm_perplexity"} <= set(score["parts"])
        assert score["computed_from"]["lm"].startswith("acestep-5Hz-lm-0.6B: ")
        assert score["missing"] == {}
        assert facts_of(speaking, task, **more)["score"] == score
    plain = facts_of(speaking, "score", source=source, music=Music())["score"]
    assert plain["missing"] == {
        "lyrics_alignment": "No words are given that could be sung.",
        "lm": "No caption, lyrics or facts are given that a language model could judge by.",
    }


def test_a_language_model_that_fails_costs_only_its_own_score(
    speaking: NeuralEngine, source: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> Iterator[Any]:
        yield 1, 2
        raise EngineFailure("It makes values that are no numbers.")

    monkeypatch.setattr(evaluation, "judge", fails)
    score = facts_of(speaking, "score", source=source)["score"]
    assert score["lyrics_alignment"] is not None
    assert score["missing"] == {"lm": "It makes values that are no numbers."}


def test_a_planned_song_is_scored_as_planned(speaking: NeuralEngine) -> None:
    facts = facts_of(speaking, "text2music", auto_score=True, thinking=Thinking(on=True), music=Music("piano"))
    assert facts["plan"]["codes"]
    assert facts["score"]["lm"] is not None


def test_takes_that_are_made_together_have_times_of_their_own(engine: NeuralEngine) -> None:
    asked = {"auto_lrc": True, "seeds": (7, 8)}
    both = [
        [event.values for event in engine.run(
            EngineRequest(TASKS["text2music"], FRAMES, seed, MUSIC, FEW, **asked), CancelToken()
        ) if isinstance(event, Metadata) and "lrc" in event.values]
        for seed in (7, 8)
    ]  # fmt: skip
    assert all(len(each) == 1 for each in both)
    alone = facts_of(engine, "text2music", auto_lrc=True)
    assert both[0][0]["lines"] == alone["lines"]


def test_only_the_tokens_of_the_words_are_looked_at(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The maps are those of the transformer for latents at the noise level of the last step, cut to the words."""
    model = Model.load(find(folder)[0])
    asked = Prompt("Fill:", MUSIC, 4.0)
    latents, seen = torch.randn(1, 100, model.facts.channels), torch.zeros(1, 100, 2 * model.facts.channels)
    taken: list[Any] = []

    def noting(maps: Any, pieces: Any, *times: float) -> Any:
        taken.extend((list(maps), pieces, times))

    monkeypatch.setattr(evaluation, "aligned", noting)
    with torch.inference_mode():
        evaluation.align_words(model, latents, asked, seen, model.timbre, 8)
        x = loop.add_noise(latents, loop.draw_noise([42], 100, model.facts.channels), 1 / 8)
        keys = model.keys(*asked.texts, model.timbre)
        every = dict(model.velocity.attention_maps(x, torch.tensor([1 / 8]), seen, keys, model.facts.lyric_heads))
    maps, pieces, times = taken
    tokens = lyric_tokens(MUSIC, model.text_tokenizer)
    assert b"".join(pieces).decode() == LYRICS
    assert times == (4.0, 4.0)
    assert len(maps) == sum(map(len, model.facts.lyric_heads.values())) == len(every)
    for found, whole in zip(maps, every.values(), strict=True):
        assert np.allclose(found, whole[tokens.span].numpy(), atol=1e-6)
