"""Tempo, MIDI, undo and lanes of the fake REAPER: what happens late, or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.fake_reaper import Reaper, behaviour
from tests.support.fake_says import assert_refused, says

TEMPO = "reaper.SetTempoTimeSigMarker(0, -1, 0, -1, -1, 60, 4, 4, false) "
STAY = "reaper.SetMediaItemInfo_Value(reaper.GetMediaItem(0, 0), 'C_BEATATTACHMODE', 0) "
BACK = "reaper.SetMediaItemInfo_Value(reaper.GetMediaItem(0, 0), 'C_BEATATTACHMODE', -1) "
UPDATE = "reaper.UpdateTimeline() "
POSITION = "say(reaper.GetMediaItemInfo_Value(reaper.GetMediaItem(0, 0), 'D_POSITION') .. ' ') "


@pytest.mark.parametrize("ways", behaviour.both("tempo"))
def test_items_follow_the_tempo_at_once_or_late(tmp_path: Path, ways: dict[str, str]) -> None:
    late = ways["tempo"] == "UpdateTimeline"
    with Reaper(tmp_path, ways=ways) as r:
        item = r.project.add_track().add_item(None, position=2.0, length=1.0)
        r.project.settle()
        assert says(r, TEMPO + POSITION + UPDATE + POSITION) == ("2.0 4.0 " if late else "4.0 4.0 ")
        r.project.undo_point("tempo")
        assert r.user.undo()
        # What is put back too early moves with what comes late.
        assert says(r, STAY + TEMPO + BACK + UPDATE + POSITION) == ("4.0 " if late else "2.0 ")
        r.project.undo_point("tempo")
        assert r.user.undo()
        assert says(r, STAY + TEMPO + UPDATE + BACK + POSITION) == "2.0 "
        assert item.length == 1.0


def test_what_a_script_leaves_undone_happens_in_the_next_tick(tmp_path: Path) -> None:
    with Reaper(tmp_path, ways={"tempo": "UpdateTimeline"}) as r:
        item = r.project.add_track().add_item(None, position=2.0, length=1.0)
        r.run(code=TEMPO + "reaper.defer(function() end)")
        assert item.position == 4.0


def test_midi_follows_the_tempo_in_an_item_that_stays(r: Reaper) -> None:
    r.project.tempo(0, 120, 4, 4)
    item = r.project.add_track().add_midi(2.0, 4.0, (0.0, 1.0, 60), (2.0, 3.0, 62))
    code = """
        local take = reaper.GetActiveTake(reaper.GetMediaItem(0, 0))
        local _, count = reaper.MIDI_CountEvts(take)
        local _, _, _, from, to, _, pitch = reaper.MIDI_GetNote(take, 1)
        say(("%d %d %g-%g "):format(count, pitch, reaper.MIDI_GetProjTimeFromPPQPos(take, from),
          reaper.MIDI_GetProjTimeFromPPQPos(take, to)))
    """
    assert says(r, code) == "2 62 3-3.5 "
    item["C_BEATATTACHMODE"] = 0
    assert says(r, TEMPO + UPDATE + code) == "2 62 4-5 "
    assert item.position == 2.0


# Undo


@pytest.mark.parametrize("ways", behaviour.both("ext_state"))
def test_extension_state_and_undo(tmp_path: Path, ways: dict[str, str]) -> None:
    with Reaper(tmp_path, ways=ways) as r:
        r.project.add_track()
        r.project.settle()
        says(r, "reaper.Undo_BeginBlock2(0) reaper.SetProjExtState(0, 'a', 'b', 'c') reaper.InsertTrackAtIndex(0, false) "
                "reaper.Undo_EndBlock2(0, 'x', -1)")  # fmt: skip
        assert r.user.undo()
        assert r.project.ext == ({("a", "b"): "c"} if ways["ext_state"] == "kept" else {})
        assert r.user.redo()
        assert r.project.ext == {("a", "b"): "c"}


@pytest.mark.parametrize("ways", behaviour.both("empty_undo"))
def test_a_block_in_which_nothing_changes(tmp_path: Path, ways: dict[str, bool]) -> None:
    with Reaper(tmp_path, ways=ways) as r:
        says(r, "reaper.Undo_BeginBlock2(0) reaper.Undo_EndBlock2(0, 'x', -1)")
        assert r.project.undo == (["x"] if ways["empty_undo"] else [])


@pytest.mark.parametrize(("room", "left"), [(None, ["a", "b", "c"]), (2, ["b", "c"]), (0, [])])
def test_the_memory_for_undo_may_be_full(r: Reaper, room: int | None, left: list[str]) -> None:
    track = r.project.add_track()
    r.project.settle()
    r.project.undo_room = room
    for volume, name in enumerate("abc", start=1):
        track.volume = volume
        r.project.undo_point(name)
    assert r.project.undo == left
    undone = says(r, "say(reaper.Undo_DoUndo2(0) .. tostring(reaper.Undo_CanUndo2(0)))")
    assert undone == ("0nil" if room == 0 else f"1{left[-2]}")
    assert track.volume == (3 if room == 0 else 2)


# Lanes

LANES = (
    "local t = reaper.GetTrack(0, 0) local function set(key, value) reaper.SetMediaTrackInfo_Value(t, key, value) end "
)


@pytest.fixture
def comp(r: Reaper, wave: tuple[Path, np.ndarray]) -> Any:
    """A track with two items in two lanes, of which the second plays."""
    track = r.project.add_track()
    track.add_item(wave[0])
    second = track.add_item(wave[0])
    says(r, LANES + "set('I_FREEMODE', 2) set('I_NUMFIXEDLANES', 2)")
    second.lane = 1
    says(r, LANES + "set('C_LANEPLAYS:1', 1)")
    return track


PLAYS = "for i = 0, 1 do say(('%d '):format(reaper.GetMediaItemInfo_Value(reaper.GetTrackMediaItem(t, i), 'C_LANEPLAYS'))) end"


@pytest.mark.usefixtures("comp")
def test_lanes_that_did_not_play_stay_silent_without_lanes(r: Reaper, wave: tuple[Path, np.ndarray]) -> None:
    assert says(r, LANES + PLAYS) == "0 1 "
    assert says(r, LANES + "set('I_FREEMODE', 0) " + PLAYS) == "-1 1 "
    assert np.abs(r.project.render(0, 3) - wave[1]).max() < 1e-6
    assert says(r, LANES + "set('I_FREEMODE', 2) " + PLAYS) == "0 1 "


def test_free_positions_are_lost_in_lanes(r: Reaper, wave: tuple[Path, np.ndarray]) -> None:
    track = r.project.add_track(I_FREEMODE=1)
    item = track.add_item(wave[0])
    item["F_FREEMODE_Y"], item["F_FREEMODE_H"] = 0.25, 0.5
    says(r, LANES + "set('I_FREEMODE', 2)")
    assert (item["F_FREEMODE_Y"], item["F_FREEMODE_H"]) == (0, 1)


def test_a_lane_for_an_item_turns_its_track_into_lanes(r: Reaper, wave: tuple[Path, np.ndarray]) -> None:
    track = r.project.add_track()
    track.add_item(wave[0])
    says(r, "reaper.SetMediaItemInfo_Value(reaper.GetMediaItem(0, 0), 'I_FIXEDLANE', 0)")
    assert track["I_FREEMODE"] == 2
    assert_refused(r, "reaper.SetMediaItemInfo_Value(reaper.GetMediaItem(0, 0), 'I_FIXEDLANE', 1)", "has 1 lanes")


@pytest.mark.parametrize("ways", behaviour.both("lane_layout"))
@pytest.mark.parametrize("removes", [True, False])
def test_empty_lanes_at_the_bottom_go(tmp_path: Path, ways: dict[str, str], removes: bool) -> None:
    with Reaper(tmp_path, ways=ways) as r:
        track = r.project.add_track(C_LANESETTINGS=int(removes))
        says(r, LANES + "set('I_FREEMODE', 2) set('I_NUMFIXEDLANES', 3)")
        assert track["I_NUMFIXEDLANES"] == 3
        says(r, UPDATE)
        assert track["I_NUMFIXEDLANES"] == (1 if removes and ways["lane_layout"] == "UpdateTimeline" else 3)
        says(r, "say(tostring(reaper.UpdateItemLanes(0)))")
        assert track["I_NUMFIXEDLANES"] == (1 if removes else 3)
