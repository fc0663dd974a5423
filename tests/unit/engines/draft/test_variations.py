"""Variations on the draft engine: other choices near the same, measured on the notes and on the audio."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from acestep_runtime.dsp.arrangement import plan_song, sing_song, song_bars
from acestep_runtime.dsp.draws import Seed
from acestep_runtime.engines.base import Block, EngineRequest
from acestep_runtime.engines.draft import engine
from acestep_runtime.engines.draft.engine import DraftEngine
from acestep_runtime.tasks import TASKS
from acestep_runtime.text.style import style_from_caption
from acestep_runtime.values import CancelToken, Music, TakeSeed, Variation

RATE_HZ = 48_000
FRAMES = 8 * RATE_HZ
SPAN = (3 * RATE_HZ, 6 * RATE_HZ)
Samples = npt.NDArray[np.float32]

WORDS = "[Verse]\nHello my dear old world\nI am here\n[Chorus]\nSing it again now"
SONGS = {
    "pop rock": Music("pop rock", WORDS, bpm=120.0, keyscale="C major"),
    "jazz": Music("jazz with saxophone", bpm=140.0, keyscale="A minor"),
    "techno": Music("techno", bpm=128.0, keyscale="A minor"),
}


def _variation(seed: int, amount: float, other: int) -> TakeSeed:
    return TakeSeed(seed, (Variation(amount, other),))


def _onsets(music: Music, seed: Seed, seconds: float = 40.0) -> set[tuple[str, int, object]]:
    """What sounds: track, sixteenth, and pitches or the piece of the drums."""
    style = style_from_caption(music.caption)
    song = plan_song(music, style, seconds, seed)
    return {
        (note.track, round(4 * song.grid.s_to_beat(note.start_s)), note.piece or note.pitches)
        for _, notes, _ in song_bars(song, style, sing_song(song, style, seconds))
        for note in notes
    }


def _distance(one: set[Any], other: set[Any]) -> float:
    """The share of events that only one of two has, 0 to 1."""
    return 1 - len(one & other) / len(one | other)


@pytest.mark.parametrize("name", SONGS)
def test_more_variation_changes_more_of_the_notes(name: str) -> None:
    music, amounts = SONGS[name], (0.0, 0.1, 0.3, 0.6, 1.0)
    rows = []
    for seed in range(6):
        own = _onsets(music, seed)
        rows.append([_distance(own, _onsets(music, _variation(seed, amount, 100 + seed))) for amount in amounts])
    far = np.mean(rows, axis=0)
    assert far[0] == 0
    assert (np.diff(far) > 0.02).all()
    assert far[1] < 0.25 * far[-1] < far[2] < 0.6 * far[-1], "a small variation changes little, the usual one some"


@pytest.mark.parametrize("name", SONGS)
def test_a_whole_variation_is_the_other_take(name: str) -> None:
    assert _onsets(SONGS[name], _variation(1, 1.0, 2)) == _onsets(SONGS[name], 2)


@pytest.mark.parametrize("amount", [0.3, 1.0])
def test_tempo_key_and_sections_stay(amount: float) -> None:
    music, style = Music("rock", WORDS), style_from_caption("rock")
    for seed in range(8):
        own, varied = (plan_song(music, style, 60.0, each) for each in (seed, _variation(seed, amount, 50 + seed)))
        assert (varied.grid, varied.key, varied.sections) == (own.grid, own.key, own.sections)


# ---- the audio of every task ----


@pytest.fixture(scope="module")
def song() -> Samples:
    return _make(EngineRequest(TASKS["text2music"], FRAMES, 3, SONGS["pop rock"]))["mix"]


def _make(request: EngineRequest) -> dict[str, Samples]:
    blocks: dict[str, list[Samples]] = {}
    for event in DraftEngine().run(request, CancelToken()):
        if isinstance(event, Block):
            blocks.setdefault(event.role, []).append(event.samples)
    return {role: np.concatenate(parts) for role, parts in blocks.items()}


def _request(task: str, song: Samples, seed: int, *steps: tuple[float, int]) -> EngineRequest:
    tracks = {"lego": ("guitar",), "complete": ("drums", "synth")}.get(task, ())
    request = EngineRequest(
        TASKS[task], FRAMES, seed, replace(SONGS["pop rock"], caption="reggae with piano"), tracks=tracks,
        variations=tuple(Variation(*step) for step in steps), mode="balanced", strength=0.5,
    )  # fmt: skip
    if task == "text2music":
        return request
    return replace(request, source=song, known=(0, FRAMES), span=(0, FRAMES) if task == "complete" else SPAN)


@pytest.mark.parametrize("task", ["text2music", "cover", "repaint", "lego", "complete"])
def test_variations_lie_between_a_take_and_the_take_of_the_other_seed(song: Samples, task: str) -> None:
    own, other, same, whole, some, again = (
        _make(_request(task, song, *each))
        for each in ((7,), (8,), (7, (0.0, 8)), (7, (1.0, 8)), (7, (0.4, 8)), (7, (0.4, 8)))
    )
    for role in own:
        assert np.array_equal(same[role], own[role])
        assert np.array_equal(whole[role], other[role])
        assert np.array_equal(again[role], some[role])
    assert any(not np.array_equal(some[role], own[role]) for role in own)
    assert any(not np.array_equal(some[role], other[role]) for role in own)


@pytest.mark.parametrize("other", [22, 31, 39])  # of which 0.1 takes no choice of this second
def test_a_variation_of_a_short_stretch_is_never_the_take_itself(song: Samples, other: int) -> None:
    second = (3 * RATE_HZ, 4 * RATE_HZ)
    own, varied, again, whole = (
        _make(replace(_request("repaint", song, 7, *steps), span=second))["mix"]
        for steps in ((), ((0.1, other),), ((0.1, other),), ((1.0, other),))
    )
    assert not np.array_equal(varied, own)
    assert not np.array_equal(varied, whole)
    assert np.array_equal(varied, again)


@pytest.fixture
def renderings(monkeypatch: pytest.MonkeyPatch) -> list[TakeSeed]:
    """What was rendered, in order."""
    made: list[TakeSeed] = []

    def count(run: Any) -> Any:
        def run_and_count(request: EngineRequest, cancel: CancelToken) -> Any:
            made.append(request.take_seed)
            return run(request, cancel)

        return run_and_count

    counted = {name: count(run) for name, run in engine.FUNCTIONS.items()}
    monkeypatch.setattr(engine, "FUNCTIONS", counted)
    monkeypatch.setattr(engine, "_DRAWING", tuple(counted[run.__name__] for run in engine._DRAWING))
    return made


def test_the_takes_of_a_job_are_compared_with_a_take_that_is_made_once(
    song: Samples, renderings: list[TakeSeed]
) -> None:
    own, draft = replace(_request("lego", song, 7), span=(RATE_HZ, 2 * RATE_HZ)), DraftEngine()
    takes = tuple(_variation(7, 0.6, seed) for seed in (8, 9, 10))
    others = [replace(own, source=song.copy()), replace(own, seed=5)]  # of other jobs
    for request in (own, own, *others):
        for take in takes:
            seeds = {"variations": take.variations, "take_seeds": takes}
            for _ in draft.run(replace(request, **seeds), CancelToken()):
                pass
    assert renderings.count(TakeSeed(7)) == 2
    assert renderings.count(TakeSeed(5)) == 1
    assert len([take for take in renderings if take.seed == 7 and take.variations]) >= 9


@pytest.mark.parametrize("task", ["extract", "understand", "create_sample"])
def test_what_draws_nothing_is_made_once(song: Samples, renderings: list[TakeSeed], task: str) -> None:
    varied = _variation(7, 0.1, 8)
    made = DraftEngine().run(replace(_request(task, song, 7, (0.1, 8)), tracks=("drums",)), CancelToken())
    assert list(made)
    assert renderings == [varied]


def test_outside_of_the_region_nothing_varies(song: Samples) -> None:
    repaint, layer = (_make(_request(task, song, 7, (0.6, 8))) for task in ("repaint", "lego"))
    for samples, around in ((repaint["mix"], song), (layer["guitar"], np.zeros_like(song))):
        assert np.array_equal(samples[: SPAN[0]], around[: SPAN[0]])
        assert np.array_equal(samples[SPAN[1] :], around[SPAN[1] :])


def test_the_chords_of_sections_of_one_kind_vary_alike() -> None:
    song = plan_song(
        Music(lyrics="[Verse]\n[Chorus]\n[Verse]\n[Chorus]"), style_from_caption("pop"), 90.0, _variation(1, 0.5, 2)
    )
    meter = song.grid.beats_per_bar
    rows: dict[str, list[list[object]]] = {}
    for section in song.sections:
        rows.setdefault(section.kind, []).append([
            song.harmony.at(meter * (section.first_bar + place)) for place in range(section.bars)
        ])  # fmt: skip
    assert len(rows["verse"]) == len(rows["chorus"]) == 2
    for one, other in (rows["verse"], rows["chorus"]):
        assert all(chord == chord_then for chord, chord_then in zip(one, other, strict=False))
