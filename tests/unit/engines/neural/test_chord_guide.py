"""Chords that the transformer follows, on a tiny complete checkpoint: played as notes, and heard as those of a file are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

from acestep_runtime.audio.samples import Samples
from acestep_runtime.chords.read import read_chords
from acestep_runtime.chords.voicing import chart_to_midi, voice_chord
from acestep_runtime.engines.base import Progress
from acestep_runtime.engines.neural import guide
from acestep_runtime.engines.neural.engine import NeuralEngine
from acestep_runtime.midi.files import file_text
from acestep_runtime.midi.render import render
from acestep_runtime.midi.sound_fonts import VARIABLE
from acestep_runtime.midi.write import write_midi
from acestep_runtime.tasks import TextToMusic, build_task
from acestep_runtime.tasks.base import OutputBlock, OutputHeader, Take, TaskEvent
from acestep_runtime.tasks.takes import engine_request
from acestep_runtime.tasks.unused import describe_unused
from acestep_runtime.values import CancelToken
from tests.support.tiny_models import tiny_models

pytestmark = pytest.mark.slow

RATE_HZ = 48_000
CHORDS = "Am F/A | C . G7 ."
#: Longer than the shortest input of the transformer, so that nothing is padded.
LENGTH_S = 6.0
NOTES_FOLLOWED = ["The notes that the model follows were played by AceBridge's own voices."]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> NeuralEngine:
    return NeuralEngine(tiny_models(tmp_path_factory.mktemp("models")))


@pytest.fixture(autouse=True)
def own_voices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "none")


def song(music: dict[str, Any], **fields: Any) -> TextToMusic:
    output = {"seeds": [3], **fields.pop("output", {})}
    words = {"caption": "warm piano", **music}
    task = build_task("text2music", {"music": words, "output": output, "sampling": {"steps": 2}, **fields})
    assert isinstance(task, TextToMusic)
    return task


def samples_of(events: list[TaskEvent], output: int = 0) -> Samples:
    return np.concatenate(
        [event.samples for event in events if isinstance(event, OutputBlock) and event.output == output]
    )


def run(engine: NeuralEngine, task: TextToMusic) -> list[TaskEvent]:
    task.validate()
    return list(task.run(engine, CancelToken()))


def takes_of(events: list[TaskEvent]) -> list[Take]:
    return [event for event in events if isinstance(event, Take)]


@pytest.mark.parametrize("way", ["", "codes", "cover"])
def test_chords_condition_as_the_same_notes_in_a_file_do(engine: NeuralEngine, way: str) -> None:
    music = {"bpm": 120.0, "timesignature": 4}
    notes = chart_to_midi(read_chords(CHORDS), bpm=120.0, beats_per_bar=4, end_s=LENGTH_S)
    by_chords = run(engine, song({**music, "chords": CHORDS}, duration_s=LENGTH_S, guide=way))
    by_file = run(engine, song(music, duration_s=LENGTH_S, guide=way, midi=file_text(write_midi(notes))))
    apart = np.abs(samples_of(by_chords) - samples_of(by_file)).max()
    assert apart < 1e-4
    (take,) = takes_of(by_chords)
    assert take.metadata["notes"] == NOTES_FOLLOWED
    other = run(engine, song({**music, "chords": "Eb Ab Bb Gm"}, duration_s=LENGTH_S, guide=way))
    assert np.abs(samples_of(by_chords) - samples_of(other)).max() > 5 * apart


def test_without_length_and_tempo_it_is_whole_bars_of_the_styles(engine: NeuralEngine) -> None:
    task = song({"caption": "techno", "chords": CHORDS})
    header = next(event for event in task.run(engine, CancelToken()) if isinstance(event, OutputHeader))
    request = engine_request(task, engine, header.frames)
    assert request.music.bpm is not None
    assert request.music.timesignature == 4
    bars = header.frames / RATE_HZ * request.music.bpm / 240
    assert bars == pytest.approx(round(bars), abs=1e-3)
    assert round(bars) % 2 == 1, "whole passes of two bars, and one to end"


@pytest.mark.parametrize(
    ("meter", "bpm", "quarter_bpm", "beat_s"), [(2, 100, 100, 0.6), (3, 90, 90, 2 / 3), (6, 180, 90, 1 / 3)]
)
def test_bars_have_the_beats_of_the_meter(
    engine: NeuralEngine, meter: int, bpm: int, quarter_bpm: int, beat_s: float
) -> None:
    task = song({"chords": "C Am", "bpm": float(bpm), "timesignature": meter}, duration_s=LENGTH_S)
    request = engine_request(task, engine, round(LENGTH_S * RATE_HZ))
    notes = request.guide_song
    assert notes is not None
    assert (request.music.bpm, request.music.timesignature) == (bpm, meter)
    assert notes.tempos[0].bpm == pytest.approx(quarter_bpm)
    assert (notes.meters[0].beats, notes.meters[0].unit) == (meter, 8 if meter == 6 else 4)
    (bass,) = (part for part in notes.parts if part.name == "Bass")
    pitches = [note.pitch % 12 for note in bass.notes]
    beats = int(LENGTH_S / beat_s + 1e-6)
    assert pitches[:beats] == [9 if beat // meter % 2 else 0 for beat in range(beats)]
    assert np.allclose(np.diff([note.start_s for note in bass.notes]), beat_s)
    made = samples_of(run(engine, task))
    assert len(made) == LENGTH_S * RATE_HZ


def test_degrees_are_read_in_the_key(engine: NeuralEngine) -> None:
    music = {"bpm": 120.0, "keyscale": "A minor"}
    by_degrees, by_symbols = (
        run(engine, song({**music, "chords": chords}, duration_s=LENGTH_S)) for chords in ("i VI III VII", "Am F C G")
    )
    assert np.array_equal(samples_of(by_degrees), samples_of(by_symbols))


def test_no_chord_is_silence_that_is_followed(engine: NeuralEngine) -> None:
    made = samples_of(run(engine, song({"chords": "N.C.", "bpm": 120.0}, duration_s=LENGTH_S)))
    assert made.shape == (LENGTH_S * RATE_HZ, 2)
    assert np.isfinite(made).all()


def test_no_plan_is_made_beside_chords_and_a_warning_says_so(engine: NeuralEngine) -> None:
    music = {"chords": CHORDS, "bpm": 120.0}
    planned = song(music, duration_s=LENGTH_S, thinking={"plan_first": True, "temperature": 0.5})
    why = "the song follows its notes, and no plan"
    assert list(describe_unused(planned, engine)) == [
        f"thinking on had no effect: {why}.", f"temperature 0.5 had no effect: {why}."
    ]  # fmt: skip
    events = run(engine, planned)
    assert not [event for event in events if isinstance(event, Progress) and "plan" in event.stage]
    (take,) = takes_of(events)
    assert "plan" not in take.metadata
    assert np.array_equal(samples_of(events), samples_of(run(engine, song(music, duration_s=LENGTH_S))))


def test_takes_of_a_job_play_the_chords_once(engine: NeuralEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    rendered: list[int] = []
    monkeypatch.setattr(guide, "render", lambda *a: (rendered.append(1), render(*a))[1])
    music = {"chords": CHORDS, "bpm": 120.0}
    events = run(engine, song(music, duration_s=LENGTH_S, output={"takes": 2, "seeds": [21, 22]}))
    assert len(rendered) == 1
    assert [take.seed for take in takes_of(events)] == [21, 22]
    first, second = samples_of(events, 0), samples_of(events, 1)
    assert np.abs(first - second).max() > 1e-3
    alone = samples_of(run(engine, song(music, duration_s=LENGTH_S, output={"seeds": [22]})))
    assert np.abs(alone - second).max() < 1e-4


def test_a_preview_has_bars_of_the_chords(engine: NeuralEngine) -> None:
    music = {"caption": "techno", "chords": CHORDS}
    whole = run(engine, song(music, duration_s=LENGTH_S))
    part = run(engine, song(music, duration_s=LENGTH_S, output={"preview_bars": 1}))
    (take,) = takes_of(part)
    bpm = takes_of(whole)[0].metadata["bpm"]
    assert (take.metadata["preview"]["bars"], take.metadata["bpm"]) == (1, bpm)
    begin = samples_of(part)
    assert len(begin) == pytest.approx(240 / bpm * RATE_HZ, abs=2)
    steady = len(begin) // 2  # its end fades out
    assert np.abs(begin[:steady] - samples_of(whole)[:steady]).max() < 1e-4


def test_chords_of_a_chart_are_the_notes_that_are_played(engine: NeuralEngine) -> None:
    task = song({"chords": CHORDS, "bpm": 120.0}, duration_s=LENGTH_S)
    notes = engine_request(task, engine, round(LENGTH_S * RATE_HZ)).guide_song
    assert notes is not None
    (piano,) = (part for part in notes.parts if part.name == "Chords")
    beats = read_chords(CHORDS)
    for beat in range(12):
        struck = tuple(sorted(note.pitch for note in piano.notes if abs(note.start_s - beat / 2) < 1e-6))
        assert struck == voice_chord(beats.at(beat // 4, beat % 4, 4)), beat
