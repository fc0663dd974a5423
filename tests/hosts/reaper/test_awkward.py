"""Selections, folders and takes as they are in real sessions: what is meant is touched, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.support.fake_reaper.sound import open_source
from tests.support.reaper_studio import RATE_HZ, Studio, media

pytestmark = pytest.mark.slow


def request(studio: Studio, number: int = -1) -> dict[str, Any]:
    return json.loads((studio.jobs()[number] / "request.json").read_text("utf-8"))


def constant(studio: Studio, name: str, level: float, seconds: float = 4.0) -> Path:
    """A file of one value, so that gains can be read off."""
    return media(studio.folder / name, np.full((round(seconds * RATE_HZ), 2), level, np.float32))


@pytest.mark.parametrize("action", ["Extend", "Prepend", "Score takes"])
def test_item_actions_take_the_selected_item_whatever_the_time_selection(studio: Studio, action: str) -> None:
    far = studio.project.add_track("far").add_item(studio.song, position=40.0, length=6.0)
    far.selected = 1
    studio.project.time_selection = (2.5, 5.0)  # over other items
    studio.project.settle()
    studio.run(action)
    assert len(studio.item.takes) == len(studio.pad.items[0].takes) == 1
    assert studio.item.length == 12.0
    if action != "Score takes":
        assert len(far.takes) == 2


@pytest.mark.parametrize("action", ["Repaint time selection", "Cover", "Extract stems", "Analyse"])
def test_selected_items_outside_of_the_time_selection_are_a_question(studio: Studio, action: str) -> None:
    studio.project.add_track("far").add_item(studio.song, position=40.0, length=6.0).selected = 1
    studio.project.time_selection = (2.5, 5.0)
    studio.project.settle()
    seen = studio.visible_state()
    studio.run(action)
    (message,) = studio.reaper.messages
    assert "outside of the time selection" in message
    assert studio.visible_state() == seen


def test_razor_edits_of_different_stretches_are_refused(studio: Studio) -> None:
    studio.band.razor, studio.pad.razor = '2.0 3.0 ""', '4.0 4.5 ""'
    studio.project.settle()
    studio.run("Repaint time selection")
    (message,) = studio.reaper.messages
    assert "different stretches" in message
    assert studio.project.undo == []


def test_stems_of_a_folder_come_after_it_and_at_its_level(studio: Studio) -> None:
    folder = studio.project.add_track("Drums", I_FOLDERDEPTH=1)
    kick = studio.project.add_track("kick")
    studio.project.add_track("snare", I_FOLDERDEPTH=-1).add_item(constant(studio, "b.wav", 0.1), position=30.0)
    after = studio.project.add_track("after")
    kick.add_item(constant(studio, "a.wav", 0.2), position=30.0)
    folder.volume, kick.volume, folder.selected = 0.5, 0.5, 1
    studio.project.settle()
    received = studio.project.render(30.0, 34.0)
    studio.run("Extract stems")
    names = [track.name for track in studio.project.tracks]
    assert names[2:] == ["Drums", "kick", "snare", "Stems: Drums", "Vocals", "Drums", "Bass", "Other", "after"]
    assert [track.depth for track in studio.project.tracks[2:]] == [1, 0, -1, 1, 0, 0, 0, -1, 0]
    assert after.depth == 0
    for track in studio.project.tracks[2:5]:
        track.mute = 1
    assert np.abs(studio.project.render(30.0, 34.0) - received).max() < 1e-5


def test_stems_inside_a_folder_do_not_get_its_gain_twice(studio: Studio) -> None:
    folder = studio.project.add_track("Bus", I_FOLDERDEPTH=1)
    kick = studio.project.add_track("kick", I_FOLDERDEPTH=-1)
    kick.add_item(constant(studio, "a.wav", 0.2), position=30.0)
    folder.volume, kick.volume, kick.selected = 0.5, 0.5, 1
    studio.project.settle()
    received = studio.project.render(30.0, 34.0)
    studio.run("Extract stems")
    assert [track.depth for track in studio.project.tracks[2:]] == [1, 0, 1, 0, 0, 0, -2]
    kick.mute = 1
    assert np.abs(studio.project.render(30.0, 34.0) - received).max() < 1e-5


def test_solo_pan_and_mute_are_audible(studio: Studio) -> None:
    folder = studio.project.add_track("left", I_FOLDERDEPTH=1)
    child = studio.project.add_track("child", I_FOLDERDEPTH=-1)
    child.add_item(constant(studio, "a.wav", 0.25), position=30.0)
    studio.project.add_track("other").add_item(constant(studio, "b.wav", 0.5), position=30.0)
    muted = studio.project.add_track("muted")
    muted.add_item(constant(studio, "c.wav", 0.5), position=30.0)
    folder.pan, child.solo, muted.mute = -1.0, 1, 1
    studio.project.time_selection = (30.0, 32.0)
    studio.project.settle()
    studio.run("Cover")
    received = soundfile.read(studio.jobs()[-1] / "mix-1.wav")[0]
    assert (received[:, 0] == 0.25).all()
    assert (received[:, 1] == 0).all()


def test_muted_items_are_no_audio(studio: Studio) -> None:
    studio.item.mute = studio.item.selected = 1
    studio.project.time_selection = (3.0, 5.0)
    studio.project.settle()
    studio.run("Extract stems")
    (message,) = studio.reaper.messages
    assert "muted" in message
    assert studio.project.undo == []


def test_another_take_is_of_the_same_stretch_wherever_the_item_is_now(studio: Studio) -> None:
    studio.project.time_selection = (4.0, 6.0)
    studio.item.selected = 1
    studio.project.settle()
    studio.run("Repaint time selection")
    first = request(studio)["parts"][0]["fields"]
    studio.item.position += 30.0
    studio.project.time_selection = (0.0, 0.0)
    studio.project.settle()
    for action in ("Another take", "Repeat last"):
        studio.run(action)
        again = request(studio)["parts"][0]["fields"]
        assert (again["start_s"], again["end_s"]) == pytest.approx((first["start_s"], first["end_s"]), abs=1e-6)
    assert len(studio.item.takes) == 4


def test_next_take_of_an_item_that_was_extended_only_steps(studio: Studio) -> None:
    studio.item.selected = 1
    studio.project.settle()
    studio.run("Extend", Bars="1")
    length = studio.item.length
    studio.run("Next take")
    assert (studio.item.length, len(studio.item.takes), studio.item["I_CURTAKE"]) == (length, 2, 0)


def test_a_lone_take_has_no_next(studio: Studio) -> None:
    studio.item.selected = 1
    studio.project.settle()
    studio.run("Next take")
    assert "one take only" in studio.reaper.messages[0]
    assert studio.project.undo == []


def test_an_item_that_repeats_its_source_is_not_extended(studio: Studio) -> None:
    studio.item["B_LOOPSRC"] = 1
    studio.item.length = 40.0
    studio.item.selected = 1
    studio.project.settle()
    studio.run("Extend")
    assert "Glue" in studio.reaper.messages[0]
    assert studio.project.undo == []


def test_scores_go_to_the_takes_they_were_made_of(studio: Studio) -> None:
    second = studio.item.add_take(open_source(studio.song), "second")
    studio.item.selected = 1
    studio.project.settle()
    studio.reaper.start("AceBridge_Score takes.lua")
    studio.wait_until_sent()
    del studio.item.takes[0]
    studio.project.settle()
    studio.reaper.finish()
    assert "score" in json.loads(second.ext["P_EXT:AceBridge"])


@pytest.mark.parametrize("overlap_s", [0.0, 0.4])
def test_a_join_keeps_volume_and_pan(studio: Studio, overlap_s: float) -> None:
    track = studio.project.add_track("join")
    left = track.add_item(constant(studio, "a.wav", 0.25, 8), position=30.0, length=8.0)
    right = track.add_item(constant(studio, "b.wav", 0.25, 8), position=38.0 - overlap_s, length=8.0)
    left.takes[0].pan, right.takes[0].volume, left.volume = -1.0, 0.5, 0.5
    left.selected = right.selected = 1
    studio.project.settle()
    received = studio.project.render(30.0, 46.0 - overlap_s)
    studio.run("Smooth the join of two items", **{"Seconds on each side": "1"})
    assert studio.reaper.messages == []
    now = studio.project.render(30.0, 46.0 - overlap_s)
    outside = np.r_[0 : int(6.5 * RATE_HZ), int(9.5 * RATE_HZ) : len(received)]
    assert np.abs(now[outside] - received[outside]).max() < 1e-6


def test_meters_in_eighths_keep_their_bars(studio: Studio) -> None:
    studio.project.tempos.clear()
    studio.project.tempo(0, 120, 6, 8)
    studio.project.time_selection = (20.0, 24.0)
    studio.project.settle()
    studio.run("Generate here")
    music = request(studio)["parts"][0]["fields"]["music"]
    assert (music["bpm"], music["timesignature"]) == (240, 6)  # six eighths last 1.5 s either way


def test_running_an_action_again_and_cancelling_it_loses_no_job(studio: Studio) -> None:
    studio.reaper.form(Seconds="20")
    studio.reaper.start("AceBridge_Generate here.lua")
    studio.wait_until_sent()
    studio.reaper.tick(3)
    studio.reaper.form(None)
    studio.reaper.run("AceBridge_Generate here.lua")
    assert studio.project.undo == ["AceBridge: Generate here"]


def test_a_result_that_cannot_be_read_stops_no_other(studio: Studio) -> None:
    studio.run("Generate here", Seconds="1")
    (folder,) = studio.jobs()
    (folder / "placed").unlink()
    (folder / "result.json").write_text('{"version": 1, "parts": [{}]}', "utf-8")
    studio.run("Generate here", Seconds="1")
    assert "cannot be used" in studio.reaper.messages[0]
    studio.reaper.messages.clear()
    studio.run("Generate here", Seconds="1")
    assert studio.reaper.messages == []
    assert len(studio.project.undo) == 3


def test_the_panel_comes_back_while_a_job_runs(studio: Studio) -> None:
    studio.reaper.form(Seconds="60")
    studio.reaper.ext.update({("AceBridge", "window"): "yes", ("AceBridge", "window_place"): "0 460 900"})
    studio.reaper.start("AceBridge_Generate here.lua")
    studio.wait_until_sent()
    panel = studio.reaper.scripts[-1]
    assert panel.name == "AceBridge_Panel.lua"
    studio.reaper.until(lambda: panel.window.is_open)
    panel.window.key(27)
    studio.reaper.until(lambda: panel.ended)
    assert [script.name for script in studio.reaper.scripts if not script.ended] == [
        "AceBridge_Job list (background).lua"
    ]
    studio.reaper.start("AceBridge_Job list.lua")
    panel = studio.reaper.scripts[-1]
    studio.reaper.until(lambda: "Cancel" in panel.window)
    studio.reaper.tick(2)
    assert [script.name for script in studio.reaper.scripts if not script.ended] == ["AceBridge_Panel.lua"]
    assert studio.reaper.messages == []
    panel.window.click("Cancel")
    studio.reaper.until(lambda: "cancelled" in panel.window)
    panel.window.key(27)
    studio.reaper.finish()


def test_silence_has_no_tempo(studio: Studio) -> None:
    item = studio.pad.add_item(constant(studio, "silence.wav", 0.0, 6.0), position=30.0)
    item.selected = 1
    studio.project.settle()
    studio.run("Analyse")
    (message,) = studio.reaper.messages
    assert "Neither a tempo nor a key" in message
    assert ("AceBridge", "key") not in studio.project.ext
