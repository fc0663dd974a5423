"""Who follows jobs: one script in the background; what it shows meanwhile and afterwards; cancelling; tabs; relaunches."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.fake_reaper.api import exists
from tests.support.reaper_answers import answer
from tests.support.reaper_scene import Scene, on_every_version
from tests.support.reaper_studio import RATE_HZ, media

BACKGROUND, PANEL = "AceBridge_Job list (background).lua", "AceBridge_Panel.lua"


def running(scene: Scene) -> list[str]:
    return [script.name for script in scene.r.scripts if not script.ended]


def read_through_reaper(scene: Scene, minutes: float = 3) -> None:
    """Have a long item read by accessor: many ticks of it."""
    scene.track.items.remove(scene.second)
    scene.item.takes[0].pitch = 0.01
    scene.item.length = minutes * 60
    scene.project.settle()


def window(scene: Scene) -> Any:
    return scene.r.window()


def with_panel(scene: Scene) -> None:
    """Have actions open the panel, high enough for its rows."""
    scene.r.ext.update({("AceBridge", "window"): "yes", ("AceBridge", "window_place"): "0 460 900"})


@on_every_version
def test_an_action_ends_when_its_request_is_sent(scene: Scene) -> None:
    folder = scene.send("Cover")
    scene.r.tick()
    assert running(scene) == [BACKGROUND]
    scene.start("Extract stems")
    scene.r.until(lambda: len(list(folder.parent.glob("*/request.json"))) == 2)
    scene.r.tick()
    assert running(scene) == [BACKGROUND], "a second action starts no second watcher"
    for path in folder.parent.iterdir():
        answer(path)
    scene.r.finish()
    assert sorted(scene.project.undo) == ["AceBridge: Cover", "AceBridge: Extract stems"]


@on_every_version
def test_running_an_action_again_while_its_job_runs_asks_nothing(scene: Scene) -> None:
    jobs = scene.r.resource / "AceBridge" / "jobs"
    for count in (1, 2, 3):
        scene.start("Cover")
        scene.r.until(lambda count=count: len(list(jobs.glob("*/request.json"))) == count)
        scene.r.tick()
        assert running(scene) == [BACKGROUND], "an action still runs: REAPER would ask what to do about it"
    for path in jobs.iterdir():
        answer(path)
    scene.r.finish()
    assert len(scene.project.undo) == 3


@on_every_version
def test_options_are_set_before_anything_is_asked(scene: Scene, version: str) -> None:
    options: list[int] = []

    def look(_captions: list[str], _values: list[str]) -> None:
        options.append(scene.r.scripts[-1].options)

    scene.r.form(look)
    scene.r.run("AceBridge_Cover.lua")
    assert options == [3 if exists("set_action_options", version) else 0]


@on_every_version
def test_reading_shows_how_far_it_is_and_can_be_cancelled_in_the_window(scene: Scene) -> None:
    with_panel(scene)
    read_through_reaper(scene)
    scene.start("Repaint time selection")
    scene.r.until(lambda: window(scene).is_open)
    seen = scene.r.until(lambda: [t.text for t in window(scene).texts if t.text.startswith("reading audio, ")])
    scene.r.tick(20)
    later = next(t.text for t in window(scene).texts if t.text.startswith("reading audio, "))
    assert int(later.split()[2]) > int(seen[0].split()[2])
    window(scene).click("Cancel")
    scene.r.until(lambda: running(scene) == [PANEL])
    scene.r.until(lambda: "Cancel" not in window(scene))
    window(scene).key(27)
    scene.r.finish()
    assert scene.r.messages == []
    assert list((scene.r.resource / "AceBridge" / "jobs").iterdir()) == []


@on_every_version
@pytest.mark.parametrize("action", ["Repaint time selection", "Cover"])
def test_an_edit_while_audio_is_read_sends_nothing(scene: Scene, action: str) -> None:
    read_through_reaper(scene)
    scene.start(action)
    scene.r.tick(3)
    scene.item.length -= 1
    scene.item.takes[0].offset += 1
    scene.r.finish()
    (message,) = scene.r.messages
    assert message == "What was selected was edited while it was read.\n\nNothing was sent; run the action again."
    assert list((scene.r.resource / "AceBridge" / "jobs").iterdir()) == []


@on_every_version
def test_a_file_of_six_channels_that_reaper_has_to_read_is_refused(scene: Scene) -> None:
    path = media(scene.folder / "surround.wav", np.zeros((RATE_HZ, 6), np.float32))
    wide = scene.track.add_item(path, 30.0)
    wide.takes[0].pitch = 1
    scene.item.selected, wide.selected = 0, 1
    scene.project.settle()
    scene.start("Repaint time selection")
    scene.r.finish()
    (message,) = scene.r.messages
    assert "has 6 channels; allowed: 1 or 2" in message


@on_every_version
def test_reading_is_cancelled_by_the_action(scene: Scene) -> None:
    read_through_reaper(scene)
    scene.start("Repaint time selection")
    scene.r.tick(3)
    assert running(scene) == ["AceBridge_Repaint time selection.lua", BACKGROUND]
    scene.r.run("AceBridge_Cancel.lua")
    assert scene.r.messages == []
    assert running(scene) == []
    assert list((scene.r.resource / "AceBridge" / "jobs").iterdir()) == []


@pytest.mark.parametrize(("answer_code", "left"), [(6, 0), (7, 1)])
def test_cancel_asks_before_it_ends_jobs_of_other_projects(scene: Scene, answer_code: int, left: int) -> None:
    here = scene.send("Cover")
    other = scene.r.new_tab("other.rpp")
    other.tempo(0, 120, 4, 4)
    scene.start("Generate here")
    there = scene.r.until(lambda: [p for p in here.parent.iterdir() if p != here and (p / "request.json").exists()])[0]
    scene.r.answer(answer_code)
    scene.r.start("AceBridge_Cancel.lua")
    (message,) = scene.r.messages
    assert message == "The jobs of this project are cancelled. Cancel 1 job of other projects too?"
    assert (there / "cancel").exists()
    assert (here / "cancel").exists() == (left == 0)


def test_a_finished_job_leaves_a_row_with_name_seed_and_how_to_take_it_back(scene: Scene) -> None:
    with_panel(scene)
    folder = scene.send("Cover")
    answer(folder)
    result = json.loads((folder / "result.json").read_text("utf-8"))
    result["warnings"] = ["The caption was shortened."]
    (folder / "result.json").write_text(json.dumps(result), "utf-8")
    scene.r.until(lambda: (folder / "placed").exists())
    scene.r.tick(100)
    text = " ".join(t.text for t in window(scene).texts)
    for part in ("on a new track", "made by cover", "seed 7", 'Undo "AceBridge: Cover"', "The caption was shortened."):
        assert part in text
    window(scene).key(27)
    scene.r.finish()


def restart(scene: Scene, folder: Path, since_s: float, opened: str = BACKGROUND) -> None:
    """Close REAPER while a job starts, and open it again when its request is so old."""
    for script in scene.r.scripts:
        script.end()
    scene.r.ext.pop(("AceBridge", "panel_ended"), None)  # what does not persist is gone
    request = json.loads((folder / "request.json").read_text("utf-8"))
    (folder / "request.json").write_text(json.dumps({**request, "create_time": int(time.time()) - since_s}), "utf-8")
    scene.r.start(opened)


@pytest.mark.parametrize(("since_s", "late"), [(60, False), (100, True)])
def test_a_command_that_takes_long_to_start_is_waited_for(scene: Scene, since_s: float, late: bool) -> None:
    with_panel(scene)
    folder = scene.send("Cover")
    restart(scene, folder, since_s, PANEL)
    scene.r.tick(20)
    assert ("still starting" in window(scene)) == late
    answer(folder)
    scene.r.until(lambda: (folder / "placed").exists())
    assert scene.project.undo == ["AceBridge: Cover"]
    window(scene).key(27)
    scene.r.finish()
    assert scene.r.messages == []


@pytest.mark.parametrize("end", ["cancel", "an hour"])
def test_a_command_that_never_starts_is_given_up(scene: Scene, end: str) -> None:
    folder = scene.send("Cover")
    restart(scene, folder, 100)
    scene.r.tick(3)
    if end == "cancel":
        scene.r.start("AceBridge_Cancel.lua")
    else:
        restart(scene, folder, 3700)
    scene.r.finish()
    assert len(scene.r.messages) == (1 if end == "cancel" else 2)
    assert (folder / "placed").exists()


def test_the_log_of_a_failed_job_opens_from_its_row(scene: Scene) -> None:
    with_panel(scene)
    folder = scene.send("Cover")
    (folder / "log.txt").write_text("what happened", "utf-8")
    status = {"state": "failed", "message": "The disk is full.", "remedy": "Free some.", "stage": "failed"}
    (folder / "status.json").write_text(json.dumps(status), "utf-8")
    scene.r.until(lambda: "Log" in window(scene))
    window(scene).click("Log")
    scene.r.until(lambda: any("log.txt" in command for command, _ in scene.r.commands))
    command = next(command for command, _ in scene.r.commands if "log.txt" in command)
    assert command == f'xdg-open "{folder / "log.txt"}"'
    window(scene).key(27)
    scene.r.finish()


def test_the_window_leaves_the_keyboard_to_the_arrange_view(scene: Scene) -> None:
    with_panel(scene)
    folder = scene.send("Cover")
    scene.r.until(lambda: scene.r.scripts[-1].window.is_open)
    assert scene.r.keyboard == 1
    scene.r.keyboard = None
    window(scene).key(32)
    scene.r.tick(2)
    assert (scene.project.playing, scene.r.keyboard) == (1, 1)
    answer(folder)
    scene.r.until(lambda: (folder / "placed").exists())
    window(scene).key(27)
    scene.r.finish()


@on_every_version
def test_a_result_of_another_tab_changes_tabs_outside_of_the_undo_block_at_most(scene: Scene) -> None:
    folder = scene.send("Extract stems")
    other = scene.r.new_tab("other.rpp")
    scene.finish(folder)
    assert scene.r.faults == []
    assert scene.r.project is other
    assert other.tracks == []
    assert scene.project.undo == ["AceBridge: Extract stems"]
    assert scene.new_tracks()


def test_undo_before_the_first_action_keeps_the_project_known(scene: Scene) -> None:
    """Undo may take the project's note of its identity along."""
    folder = scene.send("Cover")
    scene.project.ext.clear()
    scene.finish(folder)
    assert scene.r.messages == []
    assert scene.project.undo == ["AceBridge: Cover"]


def test_without_the_background_script_the_action_follows_its_job(scene: Scene, tmp_path: Path) -> None:
    copy = tmp_path / "scripts"
    shutil.copytree(scene.r.scripts_folder, copy, ignore=shutil.ignore_patterns(BACKGROUND))
    scene.r.scripts_folder = copy
    folder = scene.send("Cover")
    assert running(scene) == ["AceBridge_Cover.lua"]
    scene.finish(folder)
    assert scene.project.undo == ["AceBridge: Cover"]


def test_a_new_project_is_not_taken_for_one_that_was_closed(scene: Scene) -> None:
    """Its pointer may be that of the closed one, and it has no note of an identity either."""
    folder = scene.send("Cover")
    scene.project.tracks.clear()  # as if another project were open at the same place in memory
    scene.project.ext.clear()
    scene.project.settle()
    scene.r.answer(7)
    scene.finish(folder)
    (message,) = scene.r.messages
    assert "is no longer open" in message
    assert scene.project.tracks == []


def test_a_result_that_comes_late_is_placed(scene: Scene) -> None:
    """As on a Windows whose virus scanner reads the command at its first start."""
    folder = scene.send("Cover")
    for running in scene.r.scripts:
        running.end()
    scene.r.ext.pop(("AceBridge", "panel_ended"), None)  # which ends with REAPER
    request = json.loads((folder / "request.json").read_text("utf-8"))
    (folder / "request.json").write_text(json.dumps({**request, "create_time": request["create_time"] - 200}), "utf-8")
    scene.start("Job list")
    scene.r.until(lambda: "still starting" in window(scene))
    scene.r.tick(50)
    assert scene.r.messages == []
    answer(folder)
    scene.r.until(lambda: "AceBridge: Cover" in scene.project.undo)
    window(scene).key(27)
    scene.r.finish()
    assert scene.r.messages == []
