"""The actions where nobody documents what REAPER does: they come out right either way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.support.fake_reaper import behaviour, sound
from tests.support.reaper_studio import RATE_HZ, Studio

pytestmark = pytest.mark.slow

#: A selection on the project's samples, inside of the studio's item.
START_S, STOP_S = 176_401 / RATE_HZ, 308_701 / RATE_HZ


def select(studio: Studio) -> None:
    studio.project.time_selection = (START_S, STOP_S)
    studio.item.selected = 1
    studio.project.settle()


def samples(path: str | Path) -> np.ndarray:
    return soundfile.read(path, dtype="float32", always_2d=True)[0]


@pytest.mark.parametrize(
    "ways",
    behaviour.others(
        "accessor_frames", "accessor_rate", "accessor_changed", "atexit", "dialog_timers", "empty_undo", "ext_state",
        "form_limit",
    ),
)  # fmt: skip
def test_what_is_read_is_what_the_take_plays(studio: Studio, ways: dict[str, Any]) -> None:
    take = studio.item.takes[0]
    take.rate = 0.5
    select(studio)
    studio.run("Repaint time selection", Style="strings")
    assert studio.reaper.messages == []
    assert studio.project.undo == ["AceBridge: Repaint time selection"]
    assert len(studio.item.takes) == 2
    read = samples(studio.jobs()[0] / "source-1.wav")
    expected = sound.take_samples(take, RATE_HZ, 0, len(read), 2).astype(np.float32)
    difference = np.abs(read - expected).max()
    assert difference == 0 or ("accessor_rate" in ways and difference < 0.05)
    assert studio.project.step(-1)
    assert studio.item.takes == [take]


@pytest.mark.parametrize("ways", behaviour.others("lane_layout"))
def test_lanes(studio: Studio, ways: dict[str, Any]) -> None:
    assert ways
    studio.reaper.ext["AceBridge", "repaint_as"] = "lane"
    select(studio)
    studio.run("Repaint time selection")
    old, new = studio.band.items
    assert (old.lane, new.lane) == (0, 1)
    assert studio.band.plays(new)
    assert not studio.band.plays(old)


@pytest.mark.parametrize("ways", behaviour.others("accessor_of_midi"))
def test_midi_hinders_nothing(studio: Studio, ways: dict[str, Any]) -> None:
    assert ways
    studio.pad.add_midi(START_S, 2.0, (0.0, 1.0, 60))
    select(studio)
    studio.run("Repaint time selection")
    assert len(studio.item.takes) == 2


@pytest.mark.parametrize("ways", behaviour.both("offline_media"))
def test_offline_media_end_in_one_sentence_or_in_silence(studio: Studio, ways: dict[str, Any]) -> None:
    studio.item.takes[0].source.is_offline = True
    select(studio)
    studio.run("Repaint time selection")
    if ways["offline_media"] == "error":
        (message,) = studio.reaper.messages
        assert "online" in message
        assert len(studio.item.takes) == 1


@pytest.mark.parametrize("ways", behaviour.both("accessor_wider"))
def test_a_join_of_mono_items_plays_on_both_sides(studio: Studio, ways: dict[str, Any]) -> None:
    assert ways
    for number in (1, 2):
        path = studio.folder / f"mono {number}.wav"
        soundfile.write(path, np.full(8 * RATE_HZ, 0.25), RATE_HZ, subtype="FLOAT")
    track = studio.project.add_track("join")
    left, right = (track.add_item(studio.folder / f"mono {n}.wav", position=30.0 + 8 * n, length=8.0) for n in (1, 2))
    left.selected = right.selected = 1
    studio.project.settle()
    before = studio.project.render(38.0, 54.0)
    studio.run("Smooth the join of two items", **{"Seconds on each side": "1"})
    assert studio.reaper.messages == []
    now = studio.project.render(38.0, 54.0)
    outside = np.r_[0 : int(6.5 * RATE_HZ), int(9.5 * RATE_HZ) : len(before)]
    assert np.abs(now[outside] - before[outside]).max() < 1e-6


@pytest.mark.parametrize("ways", behaviour.others("render_format"))
def test_render_settings_come_back(studio: Studio, ways: dict[str, Any]) -> None:
    assert ways
    studio.reaper.ext["AceBridge", "capture"] = "post"
    studio.project.render_strings["RENDER_FORMAT"] = "bDNwbcAAAAABAAAABwAAAA=="  # the musician's MP3
    select(studio)
    before = studio.project.state()["render"]
    studio.run("Cover", Style="jazz")
    assert studio.reaper.messages == []
    assert studio.project.state()["render"] == before
    assert soundfile.info(studio.jobs()[0] / "source-1.wav").subtype == "FLOAT"


@pytest.mark.parametrize("ways", behaviour.others("tempo"))
def test_a_tempo_moves_no_item(studio: Studio, ways: dict[str, Any]) -> None:
    assert ways
    studio.project.tempos.clear()
    studio.project.bpm = 120
    studio.item.selected = 1
    studio.project.settle()
    before = [(item.position, item.length, item["C_BEATATTACHMODE"]) for item in studio.project.items()]
    studio.reaper.answer(6, 6)
    studio.run("Analyse")
    studio.reaper.tick()
    assert studio.project.tempos[-1].bpm == 100
    assert [(item.position, item.length, item["C_BEATATTACHMODE"]) for item in studio.project.items()] == before
