"""What goes wrong ends in one message that says what to do, and leaves the project as it was."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.daemon import Daemon, daemon_at, until
from tests.support.fake_reaper.api import VERSIONS, lua_of
from tests.support.reaper_studio import COMMAND, ITEM_AT_S, RATE_HZ, Studio

pytestmark = pytest.mark.slow

LONG = {"Seconds": "120", "Style": "rock"}


@pytest.fixture
def own_daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    """A daemon that this test may kill."""
    with daemon_at(tmp_path / "own") as daemon:
        monkeypatch.setenv("ACEBRIDGE_HOME", str(daemon.home))
        yield daemon


def one_message(studio: Studio, *parts: str) -> str:
    """Assert that there is one message, a sentence with what to do, and nothing else; return it."""
    (message,) = studio.reaper.messages
    for part in parts:
        assert part in message
    assert message.rstrip()[-1] in ".?)"
    assert "Traceback" not in message
    assert ".lua:" not in message
    assert studio.reaper.console == ""
    return message


def media_files(studio: Studio) -> list[str]:
    return [path.name for path in Path(studio.project.media_folder).iterdir()]


def select(studio: Studio, start: float = 4.0, stop: float = 6.0) -> None:
    studio.project.time_selection = (start, stop)
    studio.item.selected = 1
    studio.project.settle()


def test_no_command(studio: Studio) -> None:
    studio.reaper.ext[("AceBridge", "command")] = "/nowhere/acebridge"
    select(studio)
    seen = studio.visible_state()
    studio.run("Repaint time selection")
    one_message(studio, "/nowhere/acebridge", "AceBridge_Settings")
    assert studio.visible_state() == seen
    assert studio.jobs() == []


def test_no_daemon(studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "config.toml").write_text("port = 'high'\n", "utf-8")
    monkeypatch.setenv("ACEBRIDGE_HOME", str(broken))
    select(studio)
    seen = studio.visible_state()
    studio.run("Repaint time selection")
    one_message(studio, "config.toml")
    assert studio.visible_state() == seen
    assert media_files(studio) == []


@pytest.mark.parametrize(
    ("action", "says"),
    [
        ("Another take", "No item is selected."),
        ("Vary this take", "No item is selected."),
        ("Repaint time selection", "Nothing is selected."),
        ("Cover", "Nothing is selected."),
        ("Add layer", "Nothing is selected."),
        ("Complete", "Nothing is selected."),
        ("Extract stems", "Nothing is selected."),
        ("Analyse", "Nothing is selected."),
        ("Lyrics to regions", "Nothing is selected."),
        ("Extend", "No item is selected."),
        ("Prepend", "No item is selected."),
        ("Score takes", "No item is selected."),
        ("Smooth the join of two items", "Two items on one track are needed."),
        ("Next take", "No item is selected."),
        ("Previous take", "No item is selected."),
        ("Repeat last", "nothing to repeat"),
        ("Cancel", "No AceBridge job is running."),
        ("Compose from a description", "There is no description."),
    ],
)
def test_nothing_is_selected(studio: Studio, action: str, says: str) -> None:
    seen = studio.visible_state()
    studio.run(action)
    one_message(studio, says)
    assert studio.visible_state() == seen
    assert studio.jobs() == []


@pytest.mark.parametrize("action", ["Repaint time selection", "Cover", "Extract stems", "Extend", "Score takes"])
def test_an_item_without_length_or_without_audio(studio: Studio, action: str) -> None:
    empty = studio.pad.add_item(None, position=30.0, length=0.0)
    hollow = studio.pad.add_item(None, position=40.0, length=2.0)
    for item in (empty, hollow):
        empty.selected = hollow.selected = 0
        item.selected = 1
        studio.project.settle()
        seen = studio.visible_state()
        studio.reaper.messages.clear()
        studio.run(action)
        one_message(studio)
        assert studio.visible_state() == seen
    assert studio.jobs() == []


def test_a_selection_without_audio(studio: Studio) -> None:
    studio.project.time_selection = (100.0, 110.0)
    studio.project.settle()
    for action, says in (("Repaint time selection", "no item"), ("Cover", "no audio"), ("Analyse", "no audio")):
        studio.reaper.messages.clear()
        studio.run(action)
        one_message(studio, says)
    assert studio.project.undo == []


@pytest.mark.parametrize("room", [10, 100_000])
def test_the_disk_fills_while_audio_is_read(studio: Studio, room: int) -> None:
    studio.item.takes[0].rate = 0.5
    select(studio)
    seen = studio.visible_state()
    studio.reaper.disk_full_after(room)
    studio.run("Repaint time selection")
    one_message(studio)
    assert studio.visible_state() == seen
    assert studio.jobs() == []


def test_the_media_folder_cannot_be_written(studio: Studio) -> None:
    blocked = studio.folder / "blocked"
    blocked.write_text("a file where a folder should be", "utf-8")
    studio.project.media_folder = blocked / "Media"
    select(studio)
    seen = studio.visible_state()
    studio.run("Repaint time selection")
    one_message(studio, "blocked")
    assert studio.visible_state() == seen


@pytest.mark.parametrize("file", ["", "other song.rpp"])
def test_a_project_without_a_media_folder(studio: Studio, file: str) -> None:
    """One that was never saved, or that has recorded nothing yet."""
    project = studio.reaper.new_tab(file, has_media_folder=False)
    assert not project.media_folder.exists()
    studio.run("Generate here", Seconds="1")
    assert studio.reaper.messages == []
    (track,) = project.tracks
    assert Path(track.items[0].takes[0].source.path).parent == project.media_folder


def test_cancelled_in_the_panel(studio: Studio) -> None:
    studio.reaper.ext.update({("AceBridge", "window"): "yes", ("AceBridge", "window_place"): "0 460 900"})
    seen = studio.visible_state()
    studio.reaper.form(**LONG)
    studio.reaper.start("AceBridge_Generate here.lua")
    studio.reaper.until(lambda: "Cancel" in studio.reaper.window())
    studio.reaper.window().click("Cancel")
    studio.reaper.until(lambda: "cancelled" in studio.reaper.window())
    studio.reaper.window().key(27)
    studio.reaper.finish()
    assert studio.reaper.messages == []
    assert studio.visible_state() == seen
    assert media_files(studio) == []
    (folder,) = studio.jobs()
    assert json.loads((folder / "status.json").read_text("utf-8"))["state"] == "cancelled"


def test_cancelled_by_the_action(studio: Studio) -> None:
    seen = studio.visible_state()
    studio.reaper.form(**LONG)
    studio.reaper.start("AceBridge_Generate here.lua")
    studio.reaper.until(lambda: studio.jobs() and (studio.jobs()[0] / "status.json").exists())
    studio.reaper.run("AceBridge_Cancel.lua")
    studio.reaper.finish()
    assert studio.reaper.messages == []
    assert studio.visible_state() == seen
    assert media_files(studio) == []


def test_a_job_goes_on_with_a_daemon_that_is_back(studio: Studio, own_daemon: Daemon) -> None:
    studio.reaper.form(**LONG)
    studio.reaper.start("AceBridge_Generate here.lua")
    status = lambda: json.loads((studio.jobs()[0] / "status.json").read_text("utf-8"))  # noqa: E731
    until = studio.reaper.until
    until(lambda: studio.jobs() and (studio.jobs()[0] / "status.json").exists() and status()["state"] == "running")
    own_daemon.kill()
    until(lambda: status()["stage"] == "waiting for the daemon")
    assert media_files(studio) == []
    own_daemon.start()
    studio.reaper.finish()
    assert studio.reaper.messages == []
    (file,) = media_files(studio)
    assert file in [
        Path(take.source.path).name for track in studio.project.tracks for item in track.items for take in item.takes
    ]


def test_the_command_is_killed_midway(studio: Studio) -> None:
    seen = studio.visible_state()
    studio.reaper.form(**LONG)
    studio.reaper.start("AceBridge_Generate here.lua")
    studio.reaper.until(lambda: studio.jobs() and (studio.jobs()[0] / "status.json").exists())
    for process in studio.reaper.processes:
        process.stop()
    status = studio.jobs()[0] / "status.json"
    content = json.loads(status.read_text("utf-8"))
    status.write_text(json.dumps({**content, "state": "running", "update_time": content["update_time"] - 60}), "utf-8")
    studio.reaper.finish()
    one_message(studio, "log.txt")
    assert studio.visible_state() == seen


def test_the_track_is_deleted_meanwhile(studio: Studio) -> None:
    select(studio)
    studio.reaper.form()
    studio.reaper.start("AceBridge_Extract stems.lua")
    studio.wait_until_sent()
    studio.project.tracks.remove(studio.band)
    studio.project.settle()
    seen = studio.visible_state()
    studio.reaper.finish()
    one_message(studio, '기타 "lead"', "Job list")
    assert studio.visible_state() == seen
    # bring it back, and the job list places what was kept
    studio.project.tracks.insert(0, studio.band)
    studio.project.settle()
    studio.reaper.messages.clear()
    studio.reaper.start("AceBridge_Job list.lua")
    studio.reaper.until(lambda: len(studio.project.tracks) > 2)
    studio.reaper.window().key(27)
    studio.reaper.finish()
    assert studio.reaper.messages == []
    assert studio.project.undo == ["AceBridge: Extract stems"]


def test_the_item_is_deleted_meanwhile(studio: Studio) -> None:
    select(studio)
    studio.reaper.form()
    studio.reaper.start("AceBridge_Repaint time selection.lua")
    studio.band.items.remove(studio.item)
    studio.project.settle()
    seen = studio.visible_state()
    studio.reaper.finish()
    one_message(studio, "no longer in the project", "Job list")
    assert studio.visible_state() == seen


@pytest.mark.parametrize("answer", [6, 7])
def test_the_tab_is_closed_meanwhile(studio: Studio, answer: int) -> None:
    other = studio.reaper.new_tab("other song.rpp")
    studio.reaper.select_tab(studio.project)
    select(studio)
    studio.reaper.form()
    studio.reaper.start("AceBridge_Cover.lua")
    studio.wait_until_sent()
    studio.reaper.select_tab(other)
    studio.reaper.close_tab(studio.project)
    studio.reaper.answer(answer)
    studio.reaper.finish()
    one_message(studio, "is no longer open")
    assert len(other.tracks) == (1 if answer == 6 else 0)
    assert other.undo == (["AceBridge: Cover"] if answer == 6 else [])


def test_results_go_to_the_tab_they_came_from(studio: Studio) -> None:
    other = studio.reaper.new_tab("other song.rpp")
    studio.reaper.select_tab(studio.project)
    select(studio)
    studio.reaper.form()
    studio.reaper.start("AceBridge_Cover.lua")
    studio.reaper.select_tab(other)
    studio.reaper.finish()
    assert other.tracks == []
    assert len(studio.project.tracks) == 3
    assert studio.reaper.project is other


def test_a_job_outlives_its_script(studio: Studio) -> None:
    select(studio)
    studio.reaper.form()
    studio.reaper.start("AceBridge_Repaint time selection.lua")
    studio.reaper.until(lambda: studio.jobs() and (studio.jobs()[0] / "request.json").exists())
    studio.end_scripts()
    studio.reaper.until(lambda: (studio.jobs()[0] / "result.json").exists())
    assert len(studio.item.takes) == 1
    studio.run("Generate here", Seconds="2")
    assert len(studio.item.takes) == 2
    assert sorted(studio.project.undo) == ["AceBridge: Generate here", "AceBridge: Repaint time selection"]


def test_old_jobs_are_cleaned_once_a_day(studio: Studio) -> None:
    studio.run("Generate here", Seconds="1")
    (old,) = studio.jobs()
    long_ago = time.time() - 7200
    os.utime(old / "placed", (long_ago, long_ago))
    os.utime(old / "status.json", (long_ago, long_ago))
    content = json.loads((old / "status.json").read_text("utf-8"))
    (old / "status.json").write_text(json.dumps({**content, "update_time": long_ago}), "utf-8")
    media = media_files(studio)
    studio.reaper.ext[("AceBridge", "cleaned")] = "0"
    studio.run("Generate here", Seconds="1")
    until(lambda: not old.exists(), "the old job to go")
    assert set(media) <= set(media_files(studio))  # what is on a track stays
    assert int(studio.reaper.ext[("AceBridge", "cleaned")]) > long_ago


def test_two_actions_at_once_share_a_watcher(studio: Studio) -> None:
    select(studio)
    studio.reaper.form()
    studio.reaper.start("AceBridge_Cover.lua")
    studio.reaper.form()
    studio.reaper.start("AceBridge_Extract stems.lua")
    studio.reaper.finish()
    assert studio.reaper.messages == []
    assert sorted(studio.project.undo) == ["AceBridge: Cover", "AceBridge: Extract stems"]


@pytest.mark.parametrize("function", ["AddMediaItemToTrack", "AddTakeToMediaItem"])
def test_reaper_fails_while_placing(studio: Studio, function: str) -> None:
    select(studio)
    seen = studio.visible_state()
    studio.reaper.fail_next(function, result=None)
    studio.run("Cover")
    one_message(studio, "The result is kept")
    assert {key: value for key, value in studio.visible_state().items() if key != "undo"} == {
        key: value for key, value in seen.items() if key != "undo"
    }


def test_reaper_cannot_open_the_media(studio: Studio) -> None:
    select(studio)
    seen = studio.visible_state()
    studio.reaper.fail_next("PCM_Source_CreateFromFile", result=None)
    studio.run("Cover")
    one_message(studio, "cannot open")
    assert studio.visible_state() == seen


def test_a_dialog_that_is_cancelled_does_nothing(studio: Studio) -> None:
    select(studio)
    seen = studio.visible_state()
    studio.reaper.form(None)
    studio.reaper.run("AceBridge_Cover.lua")
    assert studio.reaper.messages == []
    assert studio.visible_state() == seen
    assert studio.jobs() == []


def test_no_room_to_grow(studio: Studio) -> None:
    studio.band.add_item(studio.song, position=ITEM_AT_S + 13, length=2)
    studio.item.selected = 1
    studio.project.settle()
    studio.run("Extend")
    one_message(studio, "Another item is 1.0 s away")
    studio.reaper.messages.clear()
    studio.run("Prepend")
    one_message(studio, "before the item")
    assert studio.project.undo == []


@pytest.mark.parametrize("version", VERSIONS[:-1])
def test_older_reapers(studio: Studio, version: str) -> None:
    studio.reaper.version, studio.reaper.lua = version, lua_of(version)
    select(studio)
    studio.reaper.ext[("AceBridge", "repaint_as")] = "lane"
    studio.run("Repaint time selection")
    assert studio.reaper.messages == []
    studio.run("Extract stems")
    assert studio.reaper.messages == []
    assert studio.project.undo == ["AceBridge: Repaint time selection", "AceBridge: Extract stems"]


@pytest.mark.parametrize("closes", [True, False])
def test_what_is_read_goes_away(studio: Studio, closes: bool) -> None:
    studio.reaper.new_tab("other song.rpp")
    studio.reaper.select_tab(studio.project)
    studio.item.takes[0].pitch = 0.01  # it has to be read through REAPER
    select(studio, 1.0, 13.0)
    studio.reaper.form()
    studio.reaper.start("AceBridge_Cover.lua")
    if closes:
        studio.reaper.close_tab(studio.project)
    else:
        studio.project.tracks.remove(studio.band)
    studio.reaper.finish()
    one_message(studio, "no longer there", "Nothing was sent")
    assert studio.project.undo == []
    assert studio.jobs() == []


def test_too_old_a_reaper(studio: Studio) -> None:
    studio.reaper.fail_next("GetAppVersion", result="5.99/x64")
    select(studio)
    studio.run("Cover")
    one_message(studio, "5.99", "Update REAPER")


def test_razor_edits_and_tracks_are_selections_too(studio: Studio) -> None:
    assert COMMAND
    studio.band.razor = '4.0 6.0 ""'
    studio.project.settle()
    studio.run("Cover")
    (item,) = studio.project.tracks[1].items
    assert (item.position, item.length) == (4.0, 2.0)
    studio.band.razor = ""
    studio.pad.selected = 1
    studio.reaper.answer(6, 6)  # the tempo, the markers
    studio.run("Analyse")
    studio.reaper.messages.clear()
    studio.run("Cover")
    (item,) = studio.project.tracks[-1].items
    assert (item.position, item.length) == (2.0, 4.0)
    assert item.length * RATE_HZ == 4 * RATE_HZ
