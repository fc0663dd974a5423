"""REAPER and `acebridge osc follow reaper`: the pattern file, what REAPER sends by it, and the action that reports the rest."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from acebridge.errors import AceBridgeError, NotFound
from acebridge.hosts.osc.messages import decode
from acebridge.hosts.osc.surfaces import reaper as surface
from acebridge.hosts.osc.surfaces.timeline import Timeline, session_fields
from tests.support.fake_reaper import Reaper
from tests.support.paths import REAPER_SCRIPTS as SCRIPTS
from tests.support.reaper_osc import PUBLISHED, SETTINGS, OscDevice, read_patterns
from tests.support.reaper_studio import ITEM_AT_S, RATE_HZ, Studio

PATTERNS = SCRIPTS / "AceBridge.ReaperOSC"
ACTION = "AceBridge_Follow over OSC.lua"


# The pattern file


def test_each_line_of_the_pattern_file_is_one_that_reaper_publishes() -> None:
    patterns = read_patterns(PATTERNS.read_text("utf-8"))
    for name, value in patterns.settings.items():
        assert re.fullmatch(SETTINGS[name], value), name
    for name, found in patterns.actions.items():
        published = read_patterns(f"{name} {PUBLISHED[name]}").actions[name]
        assert set(found) <= set(published), name
    assert patterns.settings.keys() == SETTINGS.keys(), "what is missing would come from the pattern file of REAPER"


def test_the_pattern_file_has_all_that_is_read_and_sent() -> None:
    patterns = read_patterns(PATTERNS.read_text("utf-8"))
    addresses = {address for found in patterns.actions.values() for _, address in found}
    assert set(surface._READERS) <= addresses
    assert {"/track/@/name", "/track/@/select", "/action", "/action/str"} <= addresses


def test_a_line_that_is_no_pattern_is_refused() -> None:
    with pytest.raises(ValueError, match="x/time is no pattern"):
        read_patterns("TIME f/time x/time")


# What OSC alone says


def read_all(state: Timeline, packets: list[bytes]) -> Timeline:
    for packet in packets:
        for message in decode(packet):
            state = surface.read(state, message.address, message.arguments)
    return state


def test_loop_tempo_transport_and_track_arrive_over_osc(studio: Studio) -> None:
    project = studio.project
    device = OscDevice(studio.reaper, PATTERNS)
    project.loop, project.cursor, project.playing = (1.5, 3.25), 2.0, 1
    studio.pad["I_SELECTED"] = 1
    state = read_all(Timeline(), device.feedback())
    assert session_fields(state) == {"start": 1.5, "end": 3.25, "bpm": 100.0}
    assert (state.is_playing, state.position_s, state.track) == (True, 2.0, "Päd, très doux")

    project.loop = (0.0, 0.0)
    state = read_all(state, device.feedback())
    assert session_fields(state)["start"] is None
    assert device.feedback() == []


def test_a_track_with_a_name_of_the_twelve_chooses_the_track_of_the_session(studio: Studio) -> None:
    studio.band.name = "Backing Vocals"
    studio.band["I_SELECTED"] = 1
    state = read_all(Timeline(), OscDevice(studio.reaper, PATTERNS).feedback())
    assert session_fields(state)["tracks"] == "backing_vocals"
    assert "source" not in session_fields(state), "REAPER does not say it, so the user's own stays"


def test_the_greeting_makes_reaper_send_all_again(studio: Studio) -> None:
    device = OscDevice(studio.reaper, PATTERNS)
    first = device.feedback()
    assert device.feedback() == []
    for packet in surface.hello():
        assert packet == b"/action\0,i\0\0" + (41743).to_bytes(4, "big")
        device.receive(packet)
    assert device.feedback() == first


def test_messages_of_other_surfaces_change_nothing() -> None:
    state = surface.ReaperTimeline(range_s=(1, 2))
    for address, arguments in (
        ("/track/3/volume", (0.5,)),
        ("/time", ("soon",)),
        ("/time", ()),
        ("/fx/1/name", ("EQ",)),
    ):
        assert surface.read(state, address, arguments) == state


# The action


def follow(reaper: Reaper) -> dict[str, Any]:
    """Start the action unless it runs, and return what it has written."""
    if not any(script.name == ACTION and not script.ended for script in reaper.scripts):
        reaper.start(ACTION)
    reaper.tick(10)
    reaper.check()
    return json.loads((reaper.resource / surface.STATE_FILE).read_text("utf-8"))


def fields(reaper: Reaper) -> dict[str, Any]:
    """Return the session that follows from what the action has written."""
    follow(reaper)
    return dict(session_fields(surface.poll(Timeline(), reaper.resource)))


def test_a_time_selection_counts_in_the_items_file(studio: Studio) -> None:
    studio.project.time_selection = (3.0, 5.5)
    studio.project.loop = (1.0, 2.0)
    studio.item["B_UISEL"] = 1
    found = fields(studio.reaper)
    assert Path(found.pop("source")) == studio.song
    assert Path(found.pop("output")) == studio.project.media_folder
    assert found == {
        "start": pytest.approx(3.0 - ITEM_AT_S + 0.5, abs=0.1 / RATE_HZ),
        "end": pytest.approx(5.5 - ITEM_AT_S + 0.5, abs=0.1 / RATE_HZ),
        "bpm": 100.0,
        "timesignature": 4,
    }


def test_the_loop_counts_where_there_is_no_time_selection(studio: Studio) -> None:
    studio.project.loop = (2.0, 4.0)
    studio.band["I_SELECTED"] = 1
    found = fields(studio.reaper)
    assert found["start"] == pytest.approx(2.0 - ITEM_AT_S + 0.5, abs=0.1 / RATE_HZ)
    assert found["end"] == pytest.approx(4.0 - ITEM_AT_S + 0.5, abs=0.1 / RATE_HZ)


def test_razor_edits_count_before_the_time_selection(studio: Studio) -> None:
    studio.band.razor = '2.0 4.0 ""'
    studio.project.time_selection, studio.project.loop = (5.0, 6.0), (7.0, 8.0)
    found = fields(studio.reaper)
    assert found["start"] == pytest.approx(2.0 - ITEM_AT_S + 0.5, abs=0.1 / RATE_HZ)
    assert found["end"] == pytest.approx(4.0 - ITEM_AT_S + 0.5, abs=0.1 / RATE_HZ)
    assert follow(studio.reaper)["range"]["from"] == "razor edits"


def test_the_range_ends_where_the_item_does(studio: Studio) -> None:
    studio.project.loop = (0.0, 4.0)
    studio.item["B_UISEL"] = 1
    found = fields(studio.reaper)
    assert found["start"] == pytest.approx(0.5)


def test_a_change_is_reported_and_the_end_as_well(studio: Studio) -> None:
    studio.project.loop = (2.0, 4.0)
    studio.item["B_UISEL"] = 1
    assert follow(studio.reaper)["range"]["from"] == "loop"
    state = surface.poll(Timeline(), studio.reaper.resource)
    assert surface.poll(state, studio.reaper.resource) is state
    studio.project.loop = (2.0, 5.0)
    assert follow(studio.reaper)["range"]["end_s"] == 5.0

    state = surface.poll(state, studio.reaper.resource)
    assert state.is_clip_known
    studio.reaper.start(ACTION)  # again: that ends it
    assert not (studio.reaper.resource / surface.STATE_FILE).exists()
    state = surface.poll(state, studio.reaper.resource)
    assert (state.clip, state.is_clip_known) == (None, False)


def test_several_items_are_reported_and_none_is_changed(studio: Studio) -> None:
    studio.project.time_selection = (2.0, 4.0)
    found = fields(studio.reaper)
    assert found["source"] is found["start"] is found["end"] is None
    assert follow(studio.reaper)["problem"] == ("2 items lie in the time selection. Select one of them, or glue them.")


def test_an_item_that_plays_its_file_faster_is_reported(studio: Studio) -> None:
    studio.item.takes[0]["D_PLAYRATE"] = 1.5
    studio.item["B_UISEL"] = 1
    studio.project.time_selection = (2.0, 4.0)
    assert "Glue it" in follow(studio.reaper)["problem"]
    assert fields(studio.reaper)["source"] is None


def test_a_file_of_an_action_that_was_killed_is_passed_over(studio: Studio) -> None:
    studio.item["B_UISEL"] = 1
    follow(studio.reaper)
    file = studio.reaper.resource / surface.STATE_FILE
    now_s = file.stat().st_mtime + 16
    assert not surface.poll(Timeline(), studio.reaper.resource, now_s).is_clip_known


def test_the_action_writes_again_before_its_file_is_too_old(studio: Studio) -> None:
    follow(studio.reaper)
    file = studio.reaper.resource / surface.STATE_FILE
    before = file.stat().st_mtime_ns
    studio.reaper.until(lambda: file.stat().st_mtime_ns > before)


def test_the_pattern_file_is_put_where_reaper_looks(studio: Studio) -> None:
    follow(studio.reaper)
    assert (studio.reaper.resource / "OSC" / PATTERNS.name).read_bytes() == PATTERNS.read_bytes()


def test_osc_triggers_an_action_by_the_command_id_that_was_reported(studio: Studio) -> None:
    assert "Repaint time selection (no dialog)" in follow(studio.reaper)["actions"]
    state = surface.poll(Timeline(), studio.reaper.resource)
    OscDevice(studio.reaper, PATTERNS).receive(surface.action(state, "Cancel"))
    studio.reaper.tick(3)
    assert studio.reaper.messages == ["No AceBridge job is running."]


def test_an_action_that_is_not_there_is_refused_with_those_that_are(studio: Studio) -> None:
    follow(studio.reaper)
    with pytest.raises(NotFound, match="has no action AceBridge: Dance") as caught:
        surface.action(surface.poll(Timeline(), studio.reaper.resource), "Dance")
    assert "Cover" in caught.value.remedy
    with pytest.raises(NotFound) as caught:
        surface.action(Timeline(), "Cover")
    assert "Follow over OSC" in caught.value.remedy


@pytest.mark.parametrize("text", ["", "[1]", '{"version": 2}', "{"])
def test_a_file_that_is_none_of_ours_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / surface.STATE_FILE).parent.mkdir()
    (tmp_path / surface.STATE_FILE).write_text(text, "utf-8")
    with pytest.raises(AceBridgeError):
        surface.poll(Timeline(), tmp_path)
