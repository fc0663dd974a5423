"""Times in a take's metadata count from the first frame of its audio, whatever the engine's window."""

import math
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from acestep_runtime.engines.base import Block, Metadata
from acestep_runtime.engines.fake import FakeEngine
from acestep_runtime.tasks import build_task
from acestep_runtime.tasks.base import OutputHeader, Take
from acestep_runtime.values import CancelToken


class Marker:
    """An engine that reports the first frame of the span it was to make, in every fact that holds a time."""

    name = "marker"
    context_limit_s = math.inf
    reads_context = False
    has_latents = False

    def run(self, request, _cancel):
        at_s = request.span[0] / 48_000
        span = {"start_s": at_s, "end_s": at_s + 1}
        stamp = f"[00:{at_s:05.2f}]la\n"
        yield Metadata(
            {
                "lines": [{**span, "text": "la", "words": [{**span, "text": "la"}]}],
                "chords": [{**span, "name": "C"}],
                "beats": [at_s],
                "lrc": stamp,
                "changes": [{"start_s": at_s, "bpm": 90}],
            }
        )
        for role in request.tracks or ("mix",):
            yield Block(role, np.zeros((request.frames, 2), np.float32))


@pytest.mark.parametrize(
    ("task", "fields", "expected_s"),
    [
        ("repaint", {"start_s": 20, "end_s": 24}, 20),
        ("repaint", {"start_s": 20, "end_s": 24, "scope": "region"}, 0.02),  # after the crossfade
        ("repaint", {"start_s": -3, "end_s": 0}, 0),
        ("repaint", {"start_s": -3, "end_s": 0, "scope": "region"}, 0),
        ("repaint", {"start_s": 40, "end_s": 46}, 40),
        ("lego", {"start_s": 20, "end_s": 24, "tracks": ["bass"]}, 20),
        ("lego", {"start_s": 20, "end_s": 24, "tracks": ["bass"], "scope": "region"}, 0),
    ],
)
def test_times_count_from_the_first_frame(tmp_path: Path, task: str, fields: dict, expected_s: float) -> None:
    path = tmp_path / "song.wav"
    sf.write(path, np.full((40 * 44_100, 2), 0.1), 44_100)
    instance = build_task(task, {"source": {"path": str(path)}, "context_s": 5, **fields})
    (facts,) = [event.metadata for event in instance.run(Marker(), CancelToken()) if isinstance(event, Take)]
    # The engine is asked for the crossfade before the region as well, and for one frame more.
    fade_s = 0.02 if task == "repaint" and fields["start_s"] > 0 else 0.0
    for name in ("lines", "chords"):
        assert facts[name][0]["start_s"] == pytest.approx(expected_s - fade_s, abs=0.001)
        assert facts[name][0]["end_s"] == pytest.approx(facts[name][0]["start_s"] + 1, abs=0.001)
    assert facts["beats"] == [facts["lines"][0]["start_s"]] == [facts["changes"][0]["start_s"]]
    assert facts["lrc"] == f"[00:{max(0, facts['beats'][0]):05.2f}]la\n"


@pytest.mark.parametrize(("lyrics", "seconds"), [("", 30.0), ("[Instrumental]", 30.0)])
def test_a_song_without_words_lasts_half_a_minute(lyrics: str, seconds: float) -> None:
    task = build_task("text2music", {"music": {"lyrics": lyrics}})
    (header,) = [e for e in task.run(FakeEngine(), CancelToken()) if isinstance(e, OutputHeader)]
    assert header.frames == seconds * 48_000


def test_a_song_with_words_lasts_as_long_as_they_need() -> None:
    def frames(lines: int) -> int:
        music = {"lyrics": "[Verse]\n" + "la la la la\n" * lines, "bpm": 120.0}
        task = build_task("text2music", {"music": music})
        (header,) = [e for e in task.run(FakeEngine(), CancelToken()) if isinstance(e, OutputHeader)]
        assert header.frames % (2 * 48_000) == 0  # whole bars
        return header.frames

    # Two bars of two seconds a line.
    assert frames(20) - frames(10) == 10 * 4 * 48_000
    assert frames(100) == 240 * 48_000
