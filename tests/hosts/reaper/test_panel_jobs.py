"""The rows of the panel: how far jobs are, and what can be done with their results."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from acebridge.hosts.jobfolder.inbox import Placement
from acebridge.hosts.jobfolder.placing import files_source
from acebridge.hosts.jobfolder.presence import open_projects
from tests.support.fake_reaper import behaviour
from tests.support.fake_reaper.state import Marker
from tests.support.reaper_answers import answer
from tests.support.reaper_panel import SCRIPT, Panel, open_panel
from tests.support.reaper_scene import AT, START, STOP, Scene
from tests.support.reaper_song import answer_song
from tests.support.reaper_studio import RATE_HZ, media

# Jobs


def test_a_job_from_go_to_its_take(panel: Panel) -> None:
    folder = panel.go()
    panel.status(folder)
    assert "Repaint time selection: riff" in panel.window
    assert "Painting, 12 s to go" in panel.window
    panel.answer(folder)
    assert "new take; made by repaint; seed 7" in panel.words()
    assert 'Undo "AceBridge: Repaint time selection"' in panel.words()
    assert len(panel.scene.item.takes) == 2
    assert panel.running() == [SCRIPT]


def test_cancel(panel: Panel) -> None:
    folder = panel.go()
    panel.status(folder)
    panel.click("Cancel")
    assert (folder / "cancel").exists()
    assert "Stopping" in panel.window
    panel.status(folder, state="cancelled")
    assert "cancelled" in panel.window
    panel.click("Dismiss")
    assert "cancelled" not in panel.words()


def test_a_failure_is_said_in_its_row_only(panel: Panel) -> None:
    folder = panel.go()
    (folder / "log.txt").write_text("what happened", "utf-8")
    panel.status(folder, state="failed", message="The disk is full.", remedy="Free some.")
    for word in ("The disk is full.", "Free some.", "Log", "Try again"):
        assert word in panel.window
    assert panel.scene.r.messages == []
    panel.click("Log")
    assert panel.scene.r.commands[-1][0] == f'xdg-open "{folder / "log.txt"}"'
    panel.click("Try again")
    panel.scene.r.until(lambda: len(list(folder.parent.glob("*/request.json"))) == 2)


def test_nothing_comes_in_between_while_reaper_records(panel: Panel) -> None:
    folder = panel.go()
    panel.scene.r.user.record(panel.scene.project.add_track("Voice"))
    panel.status(folder, state="failed", message="The disk is full.", remedy="Free some.")
    assert "waits for the end of the recording" in panel.words()
    panel.scene.r.user.stop(1.0)
    panel.tick(10)
    assert "The disk is full." in panel.window
    assert panel.scene.r.user.disturbed == []


def test_what_waits_for_the_end_of_a_recording_can_be_cancelled(panel: Panel) -> None:
    folder = panel.go()
    panel.scene.r.user.record(panel.scene.project.add_track("Voice"))
    answer(folder)
    panel.tick(40)
    panel.click("Cancel")
    panel.tick(10)
    assert "cancelled" in panel.window
    panel.scene.r.user.stop()
    panel.tick(40)
    assert len(panel.scene.item.takes) == 1
    assert (folder / "placed").exists()


def test_a_result_of_a_closed_project_is_kept_and_can_be_placed_here(panel: Panel) -> None:
    panel.choose("Repaint time selection", "Cover")
    folder = panel.go()
    other = panel.scene.r.new_tab("other.rpp")
    other.tempo(0, 120, 4, 4)
    panel.scene.r.close_tab(panel.scene.project)
    answer(folder)
    panel.scene.r.until(lambda: "is no longer open" in panel.words())
    assert panel.scene.r.messages == []
    assert not (folder / "placed").exists()
    panel.click("Try again")
    panel.scene.r.until(lambda: "is no longer open" in panel.words())
    assert other.tracks == []
    panel.click("Place it here")
    panel.scene.r.until(lambda: (folder / "placed").exists())
    panel.tick(3)
    assert len(other.tracks) == 1


def test_a_song_of_a_closed_project_can_be_placed_here(panel: Panel) -> None:
    panel.scene.project.markers = [Marker(1, True, 2.0, 3.0, "Verse"), Marker(2, True, 3.0, 4.0, "Chorus")]
    panel.scene.project.time_selection = (0, 0)
    panel.scene.project.settle()
    panel.choose("Repaint time selection", "Song from regions")
    folder = panel.go()
    other = panel.scene.r.new_tab("other.rpp")
    panel.scene.r.close_tab(panel.scene.project)
    answer_song(folder)
    panel.scene.r.until(lambda: "Place it here" in panel.window)
    panel.click("Place it here")
    panel.scene.r.until(lambda: (folder / "placed").exists())
    (track,) = other.tracks
    assert [(item.position, item.end) for item in track.items] == [(2.0, 3.0), (3.0, 4.0)]
    assert "were moved" not in panel.words()


def test_questions_of_an_analysis_are_asked(panel: Panel) -> None:
    panel.choose("Repaint time selection", "Analyse")
    panel.scene.r.answer(7, 7)
    folder = panel.go()
    panel.answer(folder)
    assert "100.0 BPM" in panel.words()
    assert "takes it back" not in panel.words()  # nothing was changed


# Results


def test_play_plays_the_new_part_once(panel: Panel) -> None:
    panel.repaint()
    project = panel.scene.project
    selected, cursor = project.time_selection, project.cursor
    panel.click("Play")
    assert project.playing
    assert project.cursor == pytest.approx(START / RATE_HZ, abs=1e-6)
    assert "Stop" in panel.window
    panel.tick(int((STOP - START) / RATE_HZ * 30) - 8)
    assert project.playing
    panel.tick(12)
    assert not project.playing
    assert (project.time_selection, project.cursor) == (selected, cursor)
    panel.click("Play")
    panel.click("Stop")
    assert (project.playing, project.cursor) == (0, cursor)


def test_play_ends_where_repeat_goes_back(panel: Panel) -> None:
    panel.repaint()
    panel.click("Play")
    panel.tick(10)
    project = panel.scene.project
    project.played_since = (project.played_since[0] - 5.0, project.played_since[1])
    panel.tick(2)
    assert not project.playing


def test_a_cursor_that_was_moved_meanwhile_stays(panel: Panel) -> None:
    panel.repaint()
    panel.click("Play")
    panel.scene.project.cursor = 3.0
    panel.scene.r.user.toggle_play()
    panel.tick(2)
    assert panel.scene.project.cursor == 3.0


def test_a_and_b_while_it_plays(panel: Panel) -> None:
    panel.repaint()
    item, project = panel.scene.item, panel.scene.project
    panel.scene.r.user.toggle_play()
    steps = len(project.undo)
    assert item["I_CURTAKE"] == 1
    panel.click("A/B: new")
    assert item["I_CURTAKE"] == 0
    assert project.playing
    panel.click("A/B: before")
    assert item["I_CURTAKE"] == 1
    assert len(project.undo) == steps
    panel.scene.r.user.select_take(item, 0)
    panel.tick(3)
    assert "A/B: before" in panel.window  # the musician did it by hand


def test_a_and_b_of_a_new_track_mutes_its_item(panel: Panel) -> None:
    panel.choose("Repaint time selection", "Cover")
    panel.repaint()
    (track,) = panel.scene.new_tracks()
    panel.click("A/B: new")
    assert track.items[0]["B_MUTE"] == 1
    assert [each["B_MUTE"] for each in panel.scene.project.tracks] == [0, 0]
    panel.click("A/B: before")
    assert track.items[0]["B_MUTE"] == 0
    assert panel.scene.item["B_MUTE"] == 0


def test_a_and_b_of_a_lane_play_the_other_lane(scene: Scene) -> None:
    scene.r.ext["AceBridge", "repaint_as"] = "lane"
    scene.track.items.remove(scene.second)
    scene.select()
    panel = open_panel(scene)
    panel.repaint()
    before = scene.render()
    panel.click("A/B: new")
    assert not np.array_equal(scene.render(), before)
    panel.click("A/B: before")
    assert np.array_equal(scene.render(), before)
    assert scene.r.faults == []


def test_keep_marks_the_take_and_removes_nothing(panel: Panel) -> None:
    panel.repaint()
    item = panel.scene.item
    panel.click("A/B: new")
    panel.click("Keep")
    assert len(item.takes) == 2
    assert item["I_CURTAKE"] == 1
    assert item.takes[1]["I_CUSTOMCOLOR"]
    assert panel.scene.project.undo[-1] == "AceBridge: Keep"
    assert "Keep" not in panel.words()


@pytest.mark.parametrize("ways", behaviour.both("split_identity"))
@pytest.mark.parametrize("meanwhile", ["split", "split and moved to another track", "first part removed", "copied"])
def test_a_and_b_and_keep_reach_every_part(panel: Panel, ways: dict[str, str], meanwhile: str) -> None:
    """A split item has its takes in each part; a repaint of a repaint has three."""
    scene = panel.scene
    scene.r.ways.update(ways)
    panel.repaint()
    right = scene.r.user.split(scene.item, (START + 5_000) / RATE_HZ)
    parts = [scene.item, right]
    if meanwhile == "split and moved to another track":
        scene.track.items.remove(right)
        right.track = scene.project.add_track("Other")
        right.track.items.append(right)
    if meanwhile == "first part removed":
        scene.track.items.remove(scene.item)
        parts = [right]
    if meanwhile == "copied":
        copy = scene.track.add_item(None, 60.0, 2.0)
        copy.takes.clear()
        for number, take in enumerate(right.takes):
            copy.add_take(take.source, f"copy {number}")
        copy["I_CURTAKE"] = 1
        parts.append(copy)
    scene.project.undo_point("edits")
    panel.tick(10)
    panel.click("A/B: new")
    assert [part["I_CURTAKE"] for part in parts] == [0] * len(parts)
    panel.click("A/B: before")
    assert [part["I_CURTAKE"] for part in parts] == [1] * len(parts)
    panel.click("A/B: new")
    panel.click("Reveal")
    assert [item for item in scene.project.items() if item.selected] == sorted(parts, key=scene.project.items().index)
    panel.click("Keep")
    assert [part["I_CURTAKE"] for part in parts] == [1] * len(parts)
    assert all(part.takes[1]["I_CUSTOMCOLOR"] for part in parts)
    assert not any(part.takes[0]["I_CUSTOMCOLOR"] for part in parts)
    assert scene.project.undo[-2:] == ["edits", "AceBridge: Keep"]
    assert scene.second["I_CURTAKE"] == 0
    assert scene.r.faults == []


def test_a_and_b_of_new_items_reach_every_part(panel: Panel) -> None:
    panel.choose("Repaint time selection", "Cover")
    panel.repaint()
    (track,) = panel.scene.new_tracks()
    left = track.items[0]
    right = panel.scene.r.user.split(left, left.position + 0.1)
    panel.tick(10)
    panel.click("A/B: new")
    assert [left["B_MUTE"], right["B_MUTE"]] == [1, 1]
    panel.click("Keep")
    assert [left["B_MUTE"], right["B_MUTE"]] == [0, 0]


def test_again_sends_the_same_with_a_new_seed(panel: Panel) -> None:
    panel.click("Lock")
    panel.type("a new one for each run", "5")
    first = panel.repaint()
    panel.scene.item.selected = 0
    panel.scene.project.time_selection = (0, 0)
    panel.tick(20)
    panel.click("Again")
    second = panel.scene.r.until(
        lambda: [p for p in first.parent.iterdir() if p != first and (p / "request.json").exists()]
    )[0]
    before, after = panel.scene.request(first), panel.scene.request(second)
    assert before["parts"][0]["fields"]["output"].pop("seeds") == [5]
    for request in (before, after):
        del request["id"], request["create_time"]
    assert after == before
    panel.answer(second)
    assert len(panel.scene.item.takes) == 3
    assert panel.scene.r.messages == []


def test_again_finds_the_audio_that_was_read(scene: Scene) -> None:
    scene.item.takes[0].pitch = 1
    scene.select()
    panel = open_panel(scene)
    first = panel.repaint()
    panel.click("Again")
    second = scene.r.until(lambda: [p for p in first.parent.iterdir() if p != first and (p / "request.json").exists()])[
        0
    ]
    assert scene.request(second)["parts"][0]["source"] == {"file": str(first / "source-1.wav")}


#: A table of actions with a task that makes takes by the recipe of an item's file.
WITH_VARY = """
return function(import)
  local actions = assert(loadfile("ACTIONS"))()(import)
  local plan = function(selected, values)
    local made = import("plan/takes").again({ items = selected.selected_items })
    made.place.amount = values.amount
    return made
  end
  local form = { { key = "amount", caption = "How far (0 to 1)", kind = "number", allowed = { 0, 1 }, default = 0.25 } }
  actions.vary_take = { title = "Vary this take", plan = plan, form = form }
  return actions
end
"""


def test_vary_makes_takes_like_the_new_one(scene: Scene, tmp_path: Path) -> None:
    copy = tmp_path / "with vary"
    shutil.copytree(scene.r.scripts_folder, copy)
    original = scene.r.scripts_folder / "lib" / "actions.lua"
    (copy / "lib" / "actions.lua").write_text(WITH_VARY.replace("ACTIONS", str(original)), "utf-8")
    scene.r.scripts_folder = copy
    scene.select()
    panel = open_panel(scene)
    first = panel.repaint()
    panel.click("A/B: new")
    scene.item.selected = 0
    panel.tick(20)
    panel.click("Vary")
    second = scene.r.until(lambda: [p for p in first.parent.glob("*/request.json") if p.parent != first])[0]
    request = scene.request(second.parent)
    assert request["place"]["amount"] == 0.25
    assert request["place"]["items"][0]["name"] == "made by repaint"
    assert "file" in request["parts"][0]["again"]
    assert scene.item["I_CURTAKE"] == 1


def test_reveal_selects_and_scrolls(panel: Panel) -> None:
    panel.repaint()
    panel.scene.item.selected, panel.scene.second.selected = 0, 1
    panel.scene.project.view = (100.0, 130.0)
    panel.tick(20)
    panel.click("Reveal")
    assert (panel.scene.item.selected, panel.scene.second.selected) == (1, 0)
    left, right = panel.scene.project.view
    assert left < AT / RATE_HZ < right
    panel.click("Folder")
    assert "Media" in panel.scene.r.commands[-1][0]


def test_a_result_that_was_undone_has_nothing_to_play(panel: Panel) -> None:
    panel.repaint()
    panel.scene.r.user.undo()
    panel.tick(2)
    panel.click("Play")
    assert not panel.scene.project.playing
    panel.scene.r.user.redo()
    panel.tick(2)
    panel.click("Play")
    assert panel.scene.project.playing


def test_rows_stay_until_they_are_dismissed(panel: Panel) -> None:
    panel.repaint()
    panel.tick(300)
    assert "new take;" in panel.words()
    panel.click("Dismiss")
    assert "new take;" not in panel.words()
    panel.tick(60)
    assert "new take;" not in panel.words()


# Results from elsewhere: see `test_inbox`


def place(panel: Panel, tmp_path: Path) -> Placement:
    """Have the inbox hold two seconds of audio for the project that the panel shows."""
    panel.scene.project.file = str(tmp_path / "Scene.rpp")
    inbox = panel.scene.r.resource / "AceBridge" / "inbox"
    panel.scene.r.until(lambda: [project for project in open_projects(inbox) if project.file])
    placement = Placement(inbox, open_projects(inbox)[-1])
    file = media(tmp_path / "tone.wav", np.full((2 * RATE_HZ, 2), 0.25, np.float32))
    content = files_source([file])(placement.project.media, placement.folder)
    placement.send(content.result, {"kind": "seconds", "position_s": 30.0}, title=content.title)
    return placement


def test_a_result_from_the_inbox_has_a_row(panel: Panel, tmp_path: Path) -> None:
    placement = place(panel, tmp_path)
    panel.scene.r.until(lambda: placement.answer().is_final)
    panel.tick(5)
    assert placement.answer().state == "placed"
    assert placement.answer().message in panel.words()
    assert "Again" not in panel.window
    (item,) = panel.scene.new_tracks()[0].items
    panel.click("A/B: new")
    assert item["B_MUTE"] == 1
    panel.click("Keep")
    assert (item["B_MUTE"], "A/B: new" in panel.window) == (0, False)
    assert panel.scene.r.faults == []


def test_what_the_inbox_refuses_is_said_in_a_row(panel: Panel, tmp_path: Path) -> None:
    placement = place(panel, tmp_path)
    for file in placement.project.media.glob("tone*.wav"):
        file.unlink()
    panel.scene.r.until(lambda: placement.answer().is_final)
    panel.tick(5)
    for line in ("There is no file", placement.answer().remedy):
        assert line in panel.words()
    assert "Try again" not in panel.window
    panel.click("Dismiss")
    assert placement.answer().remedy not in panel.words()
    assert panel.scene.r.messages == []


def test_the_inbox_waits_for_the_end_of_a_recording(panel: Panel, tmp_path: Path) -> None:
    panel.scene.r.user.record(panel.scene.project.add_track("Voice"))
    placement = place(panel, tmp_path)
    panel.scene.r.until(lambda: placement.answer().state == "waiting")
    panel.tick(5)
    assert "it is placed when the recording ends" in panel.words()
    assert "Cancel" not in panel.window
    panel.scene.r.user.stop(1.0)
    panel.scene.r.until(lambda: placement.answer().state == "placed")
    assert panel.scene.r.user.disturbed == []


def test_a_panel_that_closes_leaves_the_inbox(panel: Panel, tmp_path: Path) -> None:
    place(panel, tmp_path)
    inbox = panel.scene.r.resource / "AceBridge" / "inbox"
    assert list(inbox.glob("presence-*.json"))
    panel.scene.r.until(lambda: list(inbox.glob("*/answer.json")))
    panel.close()
    assert not list(inbox.glob("presence-*.json"))
