"""Notes that the transformer follows, on a tiny complete checkpoint: as a plan, and as the source of a cover."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

from acestep_runtime.audio.samples import Samples
from acestep_runtime.engines.base import Block, EngineRequest, Metadata, Progress
from acestep_runtime.engines.neural import guide
from acestep_runtime.engines.neural.engine import NeuralEngine
from acestep_runtime.errors import Cancelled
from acestep_runtime.midi.files import file_text
from acestep_runtime.midi.read import read_midi
from acestep_runtime.midi.render import render
from acestep_runtime.midi.sound_fonts import VARIABLE
from acestep_runtime.previews import FROM_REQUEST, FullLatents, Preview, Tempo
from acestep_runtime.tasks import TASKS, TextToMusic, build_task
from acestep_runtime.tasks.base import OutputBlock, Take
from acestep_runtime.tasks.takes import engine_request
from acestep_runtime.values import CancelToken, Music, Sampling, TakeSeed, Thinking, Variation
from tests.support.midi_files import band
from tests.support.tiny_models import tiny_models

pytestmark = pytest.mark.slow

SONG = read_midi(band(3))
#: Longer than the shortest input of the transformer, so that nothing is padded.
FRAMES = 6 * 48_000
MUSIC = Music("warm piano", "la la\nla", "en", bpm=120.0, timesignature=4)
REQUEST = EngineRequest(TASKS["text2music"], FRAMES, 7, MUSIC, Sampling(steps=2), guide_song=SONG)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> NeuralEngine:
    return NeuralEngine(tiny_models(tmp_path_factory.mktemp("models")))


@pytest.fixture(autouse=True)
def own_voices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "none")


def run(engine: NeuralEngine, request: EngineRequest) -> tuple[Samples, dict[str, Any], list[str], FullLatents | None]:
    blocks, facts, stages, full = [], {}, [], None
    for event in engine.run(request, CancelToken()):
        if isinstance(event, Block):
            blocks.append(event.samples)
            full = event.full or full
        elif isinstance(event, Metadata):
            facts.update(event.values)
        else:
            stages.append(event.stage)
    return np.concatenate(blocks), dict(facts), stages, full


def cover_of_the_sound(strength: float) -> EngineRequest:
    whole = (0, FRAMES)
    return replace(REQUEST, task=TASKS["cover"], guide_song=None, source=render(SONG, FRAMES).samples, span=whole,
                   known=whole, strength=strength)  # fmt: skip


@pytest.mark.parametrize("way", ["", "codes", "cover"])
@pytest.mark.parametrize("strength", [1.0, 0.5])
def test_notes_condition_as_their_sound_does(engine: NeuralEngine, way: str, strength: float) -> None:
    made, facts, stages, _ = run(engine, replace(REQUEST, guide=way, strength=strength))
    expected, _, _, _ = run(engine, cover_of_the_sound(strength))
    assert np.array_equal(made, expected)
    assert "rendering the notes" in stages
    assert "listening" in stages
    assert facts["notes"] == ["The notes that the model follows were played by AceBridge's own voices."]


def test_other_notes_make_another_song(engine: NeuralEngine) -> None:
    made, _, _, _ = run(engine, REQUEST)
    other, _, _, _ = run(engine, replace(REQUEST, guide_song=read_midi(band(3, melody=(84, 60, 84, 60)))))
    none, _, _, _ = run(engine, replace(REQUEST, guide_song=None))
    assert not np.array_equal(made, other)
    assert not np.array_equal(made, none)


def test_a_short_song_is_padded(engine: NeuralEngine) -> None:
    made, _, _, _ = run(engine, replace(REQUEST, frames=48_000))
    assert made.shape == (48_000, 2)
    assert np.abs(made).max() > 0.01


def test_takes_of_a_job_render_and_encode_once(engine: NeuralEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    rendered: list[int] = []
    monkeypatch.setattr(guide, "render", lambda *a: (rendered.append(1), render(*a))[1])
    seeds = (TakeSeed(21), TakeSeed(22))
    first, _, _, _ = run(engine, replace(REQUEST, seed=21, take_seeds=seeds))
    assert engine._model is not None
    encoded: list[int] = []
    means = type(engine._model.codec)._posterior_mean
    monkeypatch.setattr(type(engine._model.codec), "_posterior_mean", lambda *a: (encoded.append(1), means(*a))[1])
    second, _, _, _ = run(engine, replace(REQUEST, seed=22, take_seeds=seeds))
    assert (len(rendered), encoded) == (1, [])
    assert not np.array_equal(first, second)
    alone, _, _, _ = run(engine, replace(REQUEST, seed=22))
    assert np.abs(alone - second).max() < 1e-4


def test_a_variation_lies_between_its_takes(engine: NeuralEngine) -> None:
    base, _, _, _ = run(engine, replace(REQUEST, seed=31))
    none, _, _, _ = run(engine, replace(REQUEST, seed=31, variations=(Variation(0.0, 32),)))
    near, _, _, _ = run(engine, replace(REQUEST, seed=31, variations=(Variation(0.2, 32),)))
    far, _, _, _ = run(engine, replace(REQUEST, seed=31, variations=(Variation(1.0, 32),)))
    assert np.abs(none - base).max() < 1e-4
    assert 0 < np.abs(near - base).mean() < np.abs(far - base).mean()


def test_a_preview_is_finished_without_the_sound_of_the_notes(
    engine: NeuralEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    preview = Preview(1, 0, FRAMES, Tempo(120.0, 4, FROM_REQUEST), 0)
    whole, _, _, _ = run(engine, replace(REQUEST, seed=41))
    part, facts, _, full = run(engine, replace(REQUEST, seed=41, preview=preview))
    assert facts["preview"]["bars"] == 1
    assert np.abs(part[:96_000] - whole[:96_000]).max() < 1e-4
    assert full is not None
    monkeypatch.setattr(guide, "render", lambda *_: pytest.fail("nothing has to be rendered again"))
    finished, facts, _, _ = run(engine, replace(REQUEST, seed=41, full=full, is_finishing=True))
    assert "warnings" not in facts
    assert np.abs(finished - whole).max() < 1e-4


def test_no_plan_is_made_beside_notes(engine: NeuralEngine) -> None:
    made, facts, _, _ = run(engine, replace(REQUEST, thinking=Thinking(plan_first=True)))
    assert "plan" not in facts
    plain, _, _, _ = run(engine, REQUEST)
    assert np.array_equal(made, plain)


def test_rendering_can_be_cancelled(engine: NeuralEngine) -> None:
    cancel = CancelToken()

    def events() -> Iterator[Any]:
        for event in engine.run(replace(REQUEST, seed=51, guide_song=read_midi(band(40)), frames=80 * 48_000), cancel):
            if isinstance(event, Progress) and event.stage == "rendering the notes":
                cancel.cancel()
            yield event

    with pytest.raises(Cancelled):
        list(events())


@pytest.mark.parametrize(("guide_name", "strength"), [("", 1.0), ("codes", 1.0), ("cover", 0.5)])
def test_the_task_gives_notes_tempo_and_strength(engine: NeuralEngine, guide_name: str, strength: float) -> None:
    fields = {"midi": file_text(band(3)), "guide": guide_name, "output": {"seeds": [3]}, "sampling": {"steps": 2}}
    task = build_task("text2music", fields)
    assert isinstance(task, TextToMusic)
    request = engine_request(task, engine)
    assert (request.strength, request.guide_song, request.guide) == (strength, SONG, guide_name)
    assert (request.music.bpm, request.music.timesignature) == (120.0, 4)
    events = list(task.run(engine, CancelToken()))
    assert sum(len(event.samples) for event in events if isinstance(event, OutputBlock)) == FRAMES
    (take,) = (event for event in events if isinstance(event, Take))
    assert take.metadata["bpm"] == 120.0
