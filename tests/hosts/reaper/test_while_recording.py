"""While REAPER records no message comes up and nothing is placed: messages are in the panel until the end."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.fake_reaper import api
from tests.support.reaper_answers import answer
from tests.support.reaper_scene import Scene, on_every_version

RECORDS = 5  # GetPlayState


def fail(folder: Path) -> None:
    status = {
        "state": "failed",
        "message": "The disk is full.",
        "remedy": "Free some.",
        "stage": "failed",
        "fraction": 0.5,
    }
    (folder / "status.json").write_text(json.dumps(status), "utf-8")


def answer_with_rubbish(folder: Path) -> None:
    answer(folder)
    (folder / "result.json").write_text('{"version": 1, "parts": [{}]}', "utf-8")


def text_of_window(scene: Scene) -> str:
    window = scene.r.window()
    return " ".join(text.text for text in window.texts) if window.is_open else ""


def record(scene: Scene) -> None:
    scene.r.user.record(scene.track)
    assert scene.project.playing == RECORDS


def stop(scene: Scene) -> None:
    scene.r.user.stop(1.0)
    scene.r.tick(5)


@on_every_version
@pytest.mark.parametrize(
    ("end", "says"),
    [(fail, "The disk is full.\n\nFree some."), (answer_with_rubbish, "cannot be used")],
    ids=["failed", "rubbish"],
)
def test_a_failure_waits_for_the_end(scene: Scene, end: Callable[[Path], None], says: str) -> None:
    folder = scene.send("Cover")
    record(scene)
    end(folder)
    scene.r.tick(30)
    assert scene.r.messages == []
    assert scene.r.user.disturbed == []
    stop(scene)
    (message,) = scene.r.messages
    assert says in message
    assert scene.project.undo[-1] == "Recorded media"
    scene.r.finish()


@on_every_version
@pytest.mark.parametrize(
    ("end", "says"), [(fail, "The disk is full."), (answer_with_rubbish, "The result of")], ids=["failed", "rubbish"]
)
def test_the_panel_says_a_failure_and_no_message_comes_up(scene: Scene, end: Callable[[Path], None], says: str) -> None:
    scene.r.ext["AceBridge", "window"] = "yes"
    folder = scene.send("Cover")
    record(scene)
    end(folder)
    scene.r.tick(30)
    assert scene.r.user.disturbed == []
    if end is fail:
        assert says in text_of_window(scene)
    stop(scene)
    assert says in text_of_window(scene)
    assert scene.r.messages == []
    assert scene.project.undo[-1] == "Recorded media"
    scene.r.window().key(27)
    scene.r.finish()


@pytest.mark.parametrize("window", ["yes", "no"])
@pytest.mark.parametrize(
    ("action", "says"),
    [
        ("Cancel", "No AceBridge job is running."),
        ("Repeat last", "There is nothing to repeat in this project."),
        ("Another take", "The active take of the selected item is no repaint."),
        ("Score takes", "REAPER could not read the audio"),
    ],
)
def test_what_an_action_says_is_in_the_panel_and_comes_up_later(
    scene: Scene, action: str, says: str, window: str
) -> None:
    scene.r.ext["AceBridge", "window"] = window
    record(scene)
    if action == "Score takes":
        scene.item.takes[0].rate = 0.5
        scene.r.fail_next("GetAudioAccessorSamples", -1)
    scene.r.start(f"AceBridge_{action}.lua")
    scene.r.tick(30)
    assert scene.r.messages == []
    shown = says.split(".")[0][:25]  # of the line beside Go
    if window == "yes":
        opened = ["keyboard"]  # by a window that opens, and gives it back before a key is read
        assert scene.r.user.disturbed == opened
        assert shown in text_of_window(scene)
        assert scene.r.keyboard == 1, "the keyboard stays with the arrange view"
    else:
        assert scene.r.user.disturbed == []
        assert text_of_window(scene) == ""
    stop(scene)
    (message,) = scene.r.messages
    assert message.startswith(says)
    assert shown not in text_of_window(scene)
    scene.r.window().key(27)
    scene.r.finish()


def record_at(scene: Scene, monkeypatch: pytest.MonkeyPatch, function: str) -> None:
    """Have a recording begin just before a function is called the next time."""
    call, begun = api.call, []

    def record_first(r: Any, script: Any, name: str, arguments: Any) -> Any:
        if name == function and not begun:
            begun.append(True)
            record(scene)
        return call(r, script, name, arguments)

    monkeypatch.setattr(api, "call", record_first)


@pytest.mark.parametrize("window", ["yes", "no"])
@pytest.mark.parametrize("action", ["Cover", "Repaint time selection"])
def test_a_recording_that_begins_while_a_place_is_looked_up(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, action: str, window: str
) -> None:
    scene.r.ext["AceBridge", "window"] = window
    folder = scene.send(action)
    answer(folder)
    record_at(scene, monkeypatch, "PCM_Source_CreateFromFile")
    scene.r.until(lambda: scene.project.playing)
    scene.r.tick(30)
    assert scene.r.user.disturbed == []
    assert scene.project.undo == []
    assert not (folder / "placed").exists()
    if window == "yes":
        assert "waits for the end of the recording" in text_of_window(scene)
    stop(scene)
    scene.r.until(lambda: len(scene.project.undo) == 2)
    assert scene.project.undo == ["Recorded media", f"AceBridge: {action}"]
    assert scene.r.messages == []
    assert scene.r.faults == []


def test_nothing_is_asked_when_a_recording_begins_while_an_analysis_is_looked_at(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = scene.send("Analyse")
    answer(folder)
    record_at(scene, monkeypatch, "TakeIsMIDI")
    scene.r.until(lambda: scene.project.playing)
    scene.r.tick(30)
    assert scene.r.user.disturbed == []
    scene.r.answer(6, 6)
    stop(scene)
    scene.r.finish()
    assert scene.project.undo == ["Recorded media", "AceBridge: Analyse"]


def test_nothing_is_asked_of_a_closed_project_when_a_recording_begins(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = scene.send("Cover")
    other = scene.r.new_tab("other.rpp")
    track = other.add_track("Voice")
    other.settle()
    scene.r.close_tab(scene.project)
    answer(folder)
    record_at(Scene(scene.r, other, track, scene.item, scene.second, scene.folder), monkeypatch, "GetProjExtState")
    scene.r.tick(30)
    assert other.playing == RECORDS
    assert scene.r.user.disturbed == []
    assert scene.r.messages == []
    scene.r.answer(6)
    stop(Scene(scene.r, other, track, scene.item, scene.second, scene.folder))
    scene.r.finish()
    assert other.undo == ["Recorded media", "AceBridge: Cover"]


def test_a_recording_in_another_tab_counts(scene: Scene) -> None:
    other = scene.r.new_tab("other.rpp")
    other.playing = RECORDS
    scene.r.select_tab(scene.project)
    scene.r.start("AceBridge_Cancel.lua")
    scene.r.start("AceBridge_Repeat last.lua")
    scene.r.tick(10)
    assert scene.r.messages == []
    other.playing = 0
    scene.r.tick(5)
    (message,) = scene.r.messages
    assert message == (
        "No AceBridge job is running.\n\n"
        "There is nothing to repeat in this project.\n\nRun another AceBridge action first."
    )
    scene.r.window().key(27)
    scene.r.finish()
