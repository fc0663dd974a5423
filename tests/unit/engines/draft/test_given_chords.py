"""Given chords in each task of the draft engine: what sounds has them, measured on the audio."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from acestep_runtime.engines.base import Block, EngineRequest, Metadata
from acestep_runtime.engines.draft.engine import DraftEngine
from acestep_runtime.tasks import TASKS
from acestep_runtime.values import CancelToken, Music
from tests.support import signals

RATE_HZ = 48_000
BAR = 2 * RATE_HZ
Samples = npt.NDArray[np.float32]


@pytest.fixture(scope="module")
def song() -> Samples:
    """Sixteen seconds in C at 120 bpm, bar one at 0."""
    return np.float32(0.6) * signals.song(bpm=120, bars=8)


def run(task: str, frames: int, **more: Any) -> tuple[dict[str, Samples], dict[str, Any]]:
    blocks: dict[str, list[Samples]] = {}
    facts: dict[str, Any] = {}
    for event in DraftEngine().run(EngineRequest(TASKS[task], frames, 5, **more), CancelToken()):
        if isinstance(event, Block):
            blocks.setdefault(event.role, []).append(event.samples)
        elif isinstance(event, Metadata):
            facts.update(event.values)
    return {role: np.concatenate(parts) for role, parts in blocks.items()}, facts


def lowest_class(samples: Samples) -> int:
    """Return the pitch class of the strongest partial between 38 and 90 Hz."""
    mono = samples.mean(axis=1)
    spectrum = np.abs(np.fft.rfft(mono * np.hanning(len(mono)), 1 << 19))
    hz = np.fft.rfftfreq(1 << 19, 1 / RATE_HZ)
    band = (hz > 38) & (hz < 90)
    return round(69 + 12 * float(np.log2(hz[band][np.argmax(spectrum[band])] / 440))) % 12


def bar_classes(samples: Samples, bars: range) -> list[int]:
    """Return the lowest pitch class of the first beat and a half of each bar: later, a bass may lead to the next chord."""
    return [lowest_class(samples[bar * BAR : bar * BAR + BAR * 3 // 8]) for bar in bars]


def classes_of(samples: Samples) -> npt.NDArray[np.float64]:
    """Return the magnitude of each pitch class from 120 to 1000 Hz, ``[12]``."""
    mono = samples.mean(axis=1)
    spectrum = np.abs(np.fft.rfft(mono * np.hanning(len(mono)), 1 << 18))
    hz = np.fft.rfftfreq(1 << 18, 1 / RATE_HZ)
    band = (hz > 120) & (hz < 1000)
    notes = np.rint(69 + 12 * np.log2(hz[band] / 440)).astype(int) % 12
    return np.bincount(notes, weights=spectrum[band] ** 2, minlength=12)


def names(facts: dict[str, Any]) -> list[str]:
    return [row["name"] for row in facts["chords"]]


def test_a_song_has_the_given_chords() -> None:
    music = Music(caption="pop, piano, bass", chords="| Am . F/A . | E7 |", bpm=120)
    roles, facts = run("text2music", 8 * BAR, music=music)
    assert names(facts)[:6] == ["Am", "F/A", "E7", "Am", "F/A", "E7"]
    assert facts["keyscale"] == "A minor"
    e7 = classes_of(roles["mix"][BAR : 2 * BAR])
    assert e7[8] > 1.5 * e7[7], "the major third more than the minor one of the key, where a snare lies too"


def test_a_layer_has_the_given_chords_from_the_regions_first_bar_on(song: Samples) -> None:
    music = Music(caption="pop", chords="E A", bpm=120, timesignature=4)
    roles, facts = run(
        "lego", len(song), source=song, span=(2 * BAR, 6 * BAR), known=(0, len(song)), tracks=("bass",), music=music
    )
    assert bar_classes(roles["bass"], range(2, 6)) == [4, 9, 4, 9]
    assert names(facts) == ["E", "A", "E", "A"]


def test_an_accompaniment_has_the_given_chords(song: Samples) -> None:
    music = Music(caption="pop", chords="F/A | G", bpm=120, timesignature=4)
    roles, facts = run("complete", len(song), source=song, known=(0, len(song)), tracks=("bass",), music=music)
    assert bar_classes(roles["bass"], range(8)) == [9, 7] * 4
    assert names(facts)[:2] == ["F/A", "G"]


def test_a_cover_has_the_given_chords(song: Samples) -> None:
    music = Music(caption="rock", chords="E B", bpm=120, timesignature=4)
    roles, facts = run("cover", len(song), source=song, known=(0, len(song)), music=music)
    assert names(facts)[:2] == ["E", "B"]
    assert bar_classes(roles["mix"], range(6)) == [4, 11] * 3


def test_a_repaint_has_the_given_chords_and_none_of_the_old_ones(song: Samples) -> None:
    music = Music(caption="piano, bass", chords="E B", bpm=120, timesignature=4)
    roles, facts = run(
        "repaint",
        len(song),
        source=song,
        span=(2 * BAR, 6 * BAR),
        known=(0, len(song)),
        music=music,
        mode="conservative",
    )
    assert names(facts) == ["E", "B", "E", "B"]
    assert bar_classes(roles["mix"], range(2, 6)) == [4, 11, 4, 11]


def test_a_repaint_with_the_songs_own_chords_keeps_what_was_there(song: Samples) -> None:
    """The chords that an analysis put onto the timeline change nothing."""
    request = {"source": song, "span": (2 * BAR, 6 * BAR), "known": (0, len(song)), "mode": "conservative"}
    found = run("understand", len(song), source=song, known=(0, len(song)), music=Music(bpm=120))[1]["chords"]
    measured = [
        next(row["name"] for row in found if row["start_s"] <= 2 * bar + 1 < row["end_s"]) for bar in range(2, 6)
    ]
    plain, _ = run("repaint", len(song), music=Music(bpm=120), **request)
    given, _ = run("repaint", len(song), music=Music(bpm=120, chords=" ".join(measured)), **request)
    inside = slice(2 * BAR, 6 * BAR)
    assert np.corrcoef(plain["mix"][inside, 0], given["mix"][inside, 0])[0, 1] > 0.9
