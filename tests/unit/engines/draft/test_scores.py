"""The draft engine's scores and lyric times, through its interface."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from acestep_runtime.engines.base import Block, EngineEvent, EngineRequest, Metadata, Progress
from acestep_runtime.engines.draft.engine import DraftEngine
from acestep_runtime.engines.draft.scores import add_draft_score
from acestep_runtime.errors import Cancelled, InvalidValue
from acestep_runtime.lyrics.formats import FORMATS
from acestep_runtime.tasks import TASKS
from acestep_runtime.values import CancelToken, Music
from tests.support import band, signals, singer

RATE_HZ = 48_000
VOCALS = [(1.0, 6), (4.0, 8), (8.0, 5), (11.0, 7)]
LYRICS = """[Verse 1]
Morning comes and finds me waiting
Every window full of silver light tonight

[Chorus]
Call me when you land
I will leave the kitchen light on
"""


def metadata_of(task: str, source: np.ndarray | None, **more: Any) -> dict[str, Any]:
    request = EngineRequest(TASKS[task], 0 if source is None else len(source), 1, Music(**more), source=source)
    events = list(DraftEngine().run(request, CancelToken()))
    assert not any(isinstance(event, Block) for event in events)
    fractions = [event.fraction for event in events if isinstance(event, Progress)]
    assert fractions == sorted(fractions)
    facts = {name: value for event in events if isinstance(event, Metadata) for name, value in event.values.items()}
    assert json.loads(json.dumps(facts)) == facts
    assert facts["engine"] == "draft"
    return facts


@pytest.fixture(scope="module")
def voice() -> singer.VocalLines:
    return singer.sing(VOCALS, 15)


@pytest.mark.parametrize(("mixed", "most_s"), [(False, 0.25), (True, 0.5)])
def test_every_line_is_found_in_a_solo_voice_and_in_a_mix(voice: singer.VocalLines, mixed: bool, most_s: float) -> None:
    players = 0.8 * band.play(bpm=100, bars=7, singing=False).mix[: len(voice.samples)]
    source = voice.samples + players if mixed else voice.samples
    facts = metadata_of("align_lyrics", source, lyrics=LYRICS)
    starts_s = [row["start_s"] for row in facts["lines"]]
    assert np.median(np.abs(np.array(starts_s) - voice.starts_s)) <= most_s
    assert [row.text for row in FORMATS["lrc"].read(facts["lrc"]).lines] == [row["text"] for row in facts["lines"]]
    assert [row["text"] for row in facts["lines"]] == [row for row in LYRICS.split("\n") if row and row[0] != "["]
    assert facts["score"]["lyrics_alignment"] > 0.8


@pytest.mark.parametrize("gains", [(1, -1), (1, 0), (0, 1)], ids=["opposite polarity", "left", "right"])
def test_every_line_is_found_in_any_polarity_and_on_any_side(voice: singer.VocalLines, gains: tuple[int, int]) -> None:
    players = 0.8 * band.play(bpm=100, bars=7, singing=False, wide=False).mix[: len(voice.samples)]
    mono = (voice.samples + players).mean(axis=1, keepdims=True)
    facts = metadata_of("align_lyrics", (mono * np.array(gains)).astype(np.float32), lyrics=LYRICS)
    assert np.median(np.abs(np.array([row["start_s"] for row in facts["lines"]]) - voice.starts_s)) <= 0.5
    assert facts["score"]["lyrics_alignment"] > 0.8


@pytest.mark.parametrize("frames", [500_000, 503_333])
def test_a_truncated_voice_ends_with_the_sound(voice: singer.VocalLines, frames: int) -> None:
    sounding = np.tile(voice.samples[48_000:96_000], (11, 1))[:frames]
    for source in (sounding, signals.noise(frames / RATE_HZ)):
        lines = metadata_of("align_lyrics", source, lyrics=LYRICS)["lines"]
        assert max(row["end_s"] for row in lines) <= round(len(source) / RATE_HZ, 3)


def test_without_a_voice_lines_are_spaced_and_the_score_is_zero() -> None:
    source = signals.clicks(np.arange(2.0, 10.0, 0.5), 12)
    facts = metadata_of("align_lyrics", source, lyrics=LYRICS)
    assert facts["score"]["lyrics_alignment"] == 0
    assert any("No voice was found" in note for note in facts["score"]["notes"])
    assert facts["lines"][0]["start_s"] == pytest.approx(2.0, abs=0.1)
    assert facts["lines"][-1]["end_s"] <= 10.5


@pytest.mark.parametrize("lyrics", ["[Instrumental]", "...\n[Solo]"])
def test_lyrics_without_words_cannot_be_aligned(lyrics: str) -> None:
    with pytest.raises(InvalidValue, match=r"music\.lyrics .* Give words to align"):
        metadata_of("align_lyrics", signals.song(bars=1), lyrics=lyrics)


def test_a_score_has_parts_and_notes_on_faults() -> None:
    song = signals.song(bars=6)
    good = metadata_of("score", song, bpm=120, keyscale="C major")["score"]
    bad = metadata_of("score", (4 * song).clip(-1, 1), bpm=133)["score"]
    assert set(good) == {"quality", "lyrics_alignment", "lm", "parts", "notes", "computed_from", "missing"}
    assert good["quality"] > 0.95
    assert good["lyrics_alignment"] is None
    assert good["notes"] == []
    assert good["missing"] == {
        "lyrics_alignment": "No words are given that could be sung.", "lm": "The draft engine has no language model.",
    }  # fmt: skip
    assert list(good["computed_from"]) == ["quality"]
    assert bad["quality"] < 0.1
    assert any("clipped" in note for note in bad["notes"])
    assert any("120 bpm instead of 133" in note for note in bad["notes"])


def test_right_words_score_higher_than_too_many(voice: singer.VocalLines) -> None:
    right, wrong = (
        metadata_of("score", voice.samples, lyrics=lyrics)["score"]["lyrics_alignment"]
        for lyrics in (LYRICS, LYRICS.replace("light", "luminescence of unnecessary illumination") * 2)
    )
    assert right > 0.85
    assert wrong < right - 0.15


# ------------------------------------------------------------------------------------------ scores of what was made
def score_outputs(
    roles: dict[str, np.ndarray], task: str, source: np.ndarray | None = None, **more: Any
) -> dict[str, Any]:
    """Run `add_draft_score` over blocks of roles and facts; what is passed on must be what went in."""
    frames = len(next(iter(roles.values())))
    inside: list[EngineEvent] = [Progress("playing", 0.5)]
    inside += [Block(role, x[at : at + 30_000]) for role, x in roles.items() for at in range(0, frames, 30_000)]
    inside += [Metadata({"lines": more.pop("lines")})] if "lines" in more else []
    request = EngineRequest(TASKS[task], frames, 1, Music(**more), source=source, auto_score=True)
    *outside, last = add_draft_score(iter(inside), request, CancelToken())
    passed_events = {id(event) for event in inside}
    assert [id(event) for event in outside if id(event) in passed_events] == [id(event) for event in inside]
    assert isinstance(last, Metadata)
    return last.values["score"]


def test_a_mix_is_scored_and_passed_on_unchanged() -> None:
    song = signals.song(bars=5)
    assert score_outputs({"mix": song}, "text2music")["quality"] > 0.95
    assert score_outputs({"mix": (6 * song).clip(-1, 1)}, "text2music")["quality"] < 0.2


def test_layers_are_scored_with_what_they_play_along_with() -> None:
    song = signals.song(bars=5)
    silent = np.zeros_like(song)
    assert score_outputs({"bass": silent}, "lego", source=song)["quality"] > 0.95
    assert score_outputs({"bass": silent}, "extract", source=song)["quality"] == 0
    assert score_outputs({"drums": 0.5 * song, "other": 0.5 * song}, "extract", source=song)["quality"] > 0.95


def test_lines_that_the_engine_placed_are_scored_where_it_placed_them(voice: singer.VocalLines) -> None:
    def alignment(by_s: float) -> float:
        rows = [{"start_s": a + by_s, "end_s": b + by_s, "text": "la " * n}
                for (a, n), b in zip(VOCALS, voice.ends_s, strict=True)]  # fmt: skip
        return score_outputs({"mix": voice.samples}, "text2music", lyrics=LYRICS, lines=rows)["lyrics_alignment"]

    assert alignment(0.0) > 0.9
    assert alignment(0.0) > alignment(0.4) > alignment(1.5)


def test_a_score_is_only_added_on_request() -> None:
    events = iter([Block("mix", np.zeros((100, 2), np.float32))])
    assert add_draft_score(events, EngineRequest(TASKS["text2music"], 100, 1), CancelToken()) is events
    facts = [Metadata({"bpm": 120})]
    assert (
        list(add_draft_score(iter(facts), EngineRequest(TASKS["understand"], 0, 1, auto_score=True), CancelToken()))
        == facts
    )


def test_cancelling_stops_scoring() -> None:
    cancel = CancelToken()
    song = signals.song(bars=2)
    request = EngineRequest(TASKS["text2music"], len(song), 1, Music(lyrics=LYRICS), auto_score=True)
    events = add_draft_score(iter([Block("mix", song)]), request, cancel)
    next(events)
    cancel.cancel()
    with pytest.raises(Cancelled):
        list(events)


@pytest.mark.parametrize("caption", ["pop", "jazz"])
def test_clean_takes_of_the_engine_score_well_and_differ_by_seed(caption: str) -> None:
    scores = []
    for seed in (1, 2):
        request = EngineRequest(TASKS["text2music"], 16 * RATE_HZ, seed, Music(caption=caption), auto_score=True)
        *_, last = DraftEngine().run(request, CancelToken())
        assert isinstance(last, Metadata)
        scores.append(last.values["score"]["quality"])
    assert min(scores) >= 0.85
    assert scores[0] != scores[1]
