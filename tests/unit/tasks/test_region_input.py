"""What engines hear and read around a region: the words of what they hear, and its length."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from acestep_runtime.audio import wav
from acestep_runtime.engines.base import EngineRequest
from acestep_runtime.engines.fake import FakeEngine
from acestep_runtime.tasks import build_task
from acestep_runtime.tasks.base import Source, Take
from acestep_runtime.tasks.diagnostics import run_with_warnings
from acestep_runtime.tasks.region_input import region_input
from acestep_runtime.values import CancelToken

RATE = 8_000
TIMED = "[Verse]\n[00:05.00]one\n[00:15.00]two\n[00:25.00]three\n[Chorus]\n[00:35.00]four\n[00:40.00]\n"
WORDS = "[Verse]\none\ntwo\nthree\n[Chorus]\nfour"


class Listener(FakeEngine):
    """The fake engine, with what it was asked; it reads the words around a region."""

    reads_context = True

    def __init__(self, limit_s: float = 1000.0) -> None:
        self.context_limit_s = limit_s
        self.requests: list[EngineRequest] = []

    def run(self, request: EngineRequest, cancel: CancelToken) -> Any:
        self.requests.append(request)
        return super().run(request, cancel)


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("songs") / "song.wav"
    wav.write(path, np.full((40 * RATE, 1), 0.1, np.float32), RATE)
    return str(path)


def _hear(song: str, task: str, engine: FakeEngine | Listener, lyrics: str, **fields: Any) -> list[str]:
    """Run a task on 20 to 24 s of the song; return its warnings."""
    tracks = {"tracks": ["bass"]} if task == "lego" else {}
    given = {"source": {"path": song}, "start_s": 20, "end_s": 24, "context_s": 9, "music": {"lyrics": lyrics}}
    output = {"seeds": [1]}
    instance = build_task(task, {**given, **tracks, "output": output, **fields})
    events = run_with_warnings(instance, engine, CancelToken())
    (take,) = [event for event in events if isinstance(event, Take)]
    return list(take.metadata.get("warnings", []))


@pytest.mark.parametrize("task", ["repaint", "lego"])
@pytest.mark.parametrize(
    ("lyrics", "window_s", "read", "note"),
    [
        (TIMED, 22, "[Verse]\ntwo\nthree", "the 2 between 11 and 33 s are used"),
        (WORDS, 40, WORDS, ""),
        ("[Instrumental]", 22, "[Instrumental]", ""),
        ("", 22, "", ""),
    ],
)
def test_a_model_gets_the_words_of_its_window(
    song: str, task: str, lyrics: str, window_s: float, read: str, note: str
) -> None:
    engine = Listener()
    warnings = _hear(song, task, engine, lyrics)
    (request,) = engine.requests
    assert request.frames == window_s * 48_000
    assert request.music.lyrics == read
    assert note in " ".join(warnings)
    assert len(warnings) == bool(note)


def test_an_engine_that_sings_a_region_alone_gets_the_words_of_the_region(song: str) -> None:
    class Singer(Listener):
        reads_context = False

    for lyrics, read in ((TIMED, "[Verse]\ntwo"), (WORDS, WORDS)):
        engine = Singer()
        _hear(song, "repaint", engine, lyrics)
        (request,) = engine.requests
        assert (request.frames, request.music.lyrics) == (22 * 48_000, read)


def test_new_music_before_and_after_a_song_counts_to_its_length(song: str) -> None:
    engine = Listener()
    _hear(song, "repaint", engine, WORDS, start_s=-5, end_s=0)
    _hear(song, "repaint", engine, WORDS, start_s=38, end_s=50)
    assert [request.frames for request in engine.requests] == [45 * 48_000, 50 * 48_000]


def test_songs_too_long_for_a_model_keep_their_context(monkeypatch: pytest.MonkeyPatch) -> None:
    long, less = (Source(f"{seconds}.wav") for seconds in (601, 600))
    monkeypatch.setattr(Source, "part", lambda self: (SimpleNamespace(sample_rate=10), 0, 10 * int(self.path[:-4])))
    engine = Listener(limit_s=20)
    got = region_input(WORDS, long, 10, 12, 30, engine)
    assert (got.context_s, got.words.text) == (20, WORDS)
    assert got.words.note == (
        "The lyrics have no times, and at 601 s the song is longer than the 600 s that a model hears at once: all of them are"
        " read for the region and 20 s on each side. Give lyrics with times."
    )
    assert region_input(WORDS, less, 10, 12, 30, engine).context_s > 600
    for end_s in (None, -1):
        assert region_input(TIMED, long, 34, end_s, 1, engine).words.text == "[Chorus]\nfour"


def test_a_result_of_the_region_alone_keeps_the_words_in_it(song: str) -> None:
    class Timer(Listener):
        def run(self, request: EngineRequest, cancel: CancelToken) -> Any:
            from acestep_runtime.engines.base import Metadata

            lines = [{"start_s": at, "end_s": at + 2.0, "text": str(at)} for at in (1.0, 5.5, 12.0)]
            lrc = "".join(f"[00:{line['start_s']:05.2f}]{line['text']}\n" for line in lines)
            yield Metadata({"lines": lines, "sections": [{"start_s": 0.0, "end_s": 14.0, "name": "Verse"}], "lrc": lrc})
            yield from super().run(request, cancel)

    def facts(**fields: Any) -> Any:
        given = {"source": {"path": song}, "start_s": 20, "end_s": 24, "context_s": 5, "output": {"seeds": [1]}}
        task = build_task("repaint", {**given, **fields})
        (take,) = [each for each in task.run(Timer(), CancelToken()) if isinstance(each, Take)]
        return take.metadata

    whole, region = facts(), facts(scope="region")
    assert [line["start_s"] for line in whole["lines"]] == [16.0, 20.5, 27.0]
    assert [line["text"] for line in region["lines"]] == ["5.5"]
    assert region["lines"][0]["start_s"] == pytest.approx(0.52)
    assert len(region["sections"]) == 1
    assert whole["lrc"].count("\n") == 3
