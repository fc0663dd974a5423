"""The window of the panel: one for all, which leaves the keyboard to REAPER; and what it remembers."""

from __future__ import annotations

import json
import random

import pytest

from tests.support.fake_reaper import behaviour
from tests.support.reaper_answers import answer
from tests.support.reaper_panel import BACKGROUND, SCRIPT, Panel, open_panel
from tests.support.reaper_scene import Scene

SPACE, UNDO, ESCAPE = 32, 26, 27


# The window


def test_it_is_one_window_and_one_watcher(scene: Scene) -> None:
    scene.select()
    folder = scene.send("Cover")
    scene.r.tick(3)
    panel = open_panel(scene)
    assert panel.running() == [SCRIPT]
    panel.answer(folder)
    assert "on a new track" in panel.words()
    scene.r.ext["AceBridge", "window"] = "yes"
    scene.send("Extract stems")
    scene.r.start("AceBridge_Job list.lua")
    scene.r.tick(3)
    assert panel.running() == [SCRIPT]


def test_running_it_again_closes_it_and_its_button_shows_it(panel: Panel) -> None:
    r = panel.scene.r
    command = r.command_ids[str(panel.script.path)]
    assert r.toggles[command] == 1
    folder = panel.go()
    r.start(SCRIPT)
    r.tick(3)
    assert r.toggles[command] == 0
    assert panel.running() == [BACKGROUND]
    panel.scene.finish(folder)
    assert len(panel.scene.item.takes) == 2
    assert open_panel(panel.scene).window.is_open


@pytest.mark.parametrize("version", ["6.24", "6.83"])
def test_in_reaper_6(scene: Scene, version: str) -> None:
    scene.r.version, scene.r.lua = version, "5.3"
    scene.select()
    panel = open_panel(scene)
    panel.repaint()
    assert "new take;" in panel.words()
    panel.close()
    assert scene.r.asked_to_relaunch == []


def test_closing_it_leaves_jobs_to_the_background(panel: Panel) -> None:
    folder = panel.go()
    panel.window.key(ESCAPE)
    panel.tick(4)
    assert panel.running() == [BACKGROUND]
    panel.scene.finish(folder)
    assert len(panel.scene.item.takes) == 2


@pytest.mark.parametrize("place", ["0 460 1000", "257 460 1000"])
def test_keys_go_to_reaper(scene: Scene, place: str) -> None:
    scene.r.ext["AceBridge", "window_place"] = place
    scene.select()
    panel = open_panel(scene)
    folder = panel.go()
    panel.status(folder)
    assert scene.r.user.press(SPACE), "the panel has the keyboard"
    assert scene.project.playing
    panel.window.key(SPACE)  # a musician who clicked beside a button
    panel.tick(2)
    assert not scene.project.playing
    assert scene.r.user.press(ord("s"))
    panel.answer(folder)
    panel.click("A/B: new")
    assert scene.r.user.press(UNDO)
    assert len(scene.item.takes) == 1
    panel.window.key("q")
    panel.tick(2)
    assert scene.r.user.press(SPACE)


def test_while_a_line_is_typed_keys_go_into_it(panel: Panel) -> None:
    panel.click("instruments and mood")
    for key in "a b":
        assert not panel.scene.r.user.press(ord(key))
    panel.tick(3)
    assert not panel.scene.project.playing
    assert "a b" in panel.window
    panel.window.press(ESCAPE)
    panel.tick(3)
    assert panel.window.is_open
    assert panel.scene.r.user.press(SPACE)


def test_a_long_render_does_not_take_the_panel_for_gone(scene: Scene) -> None:
    scene.r.ext["AceBridge", "window"] = "yes"
    scene.select()
    panel = open_panel(scene)
    scene.r.clock.wait(20.0)  # REAPER shows its render window, and no script runs
    scene.send("Cover")
    panel.tick(3)
    assert panel.running() == [SCRIPT]
    assert panel.window.is_open


# What is remembered


def test_values_are_those_of_the_project_else_the_last_ones(panel: Panel) -> None:
    panel.type("instruments and mood", "calm piano")
    panel.go()
    panel.close()
    assert "calm piano" in open_again(panel).window
    new = panel.scene.r.new_tab("new.rpp")
    new.tempo(0, 120, 4, 4)
    again = open_again(panel)
    assert "calm piano" in again.window
    again.close()
    panel.scene.project.ext["AceBridge", "form repaint"] = json.dumps({"style": "loud brass", "mode": "reckless"})
    panel.scene.r.select_tab(panel.scene.project)
    assert "loud brass" in open_again(panel).window


def open_again(panel: Panel) -> Panel:
    for script in panel.scene.r.scripts:
        script.end()
    panel.scene.r.clock.wait(5.0)
    return open_panel(panel.scene)


def test_each_project_keeps_what_was_entered_in_it(panel: Panel) -> None:
    panel.type("instruments and mood", "calm piano")
    first = panel.scene.project
    second = panel.scene.r.new_tab("second.rpp")
    second.tempo(0, 120, 4, 4)
    panel.tick(3)
    panel.type("calm piano", " and bass")  # a new project begins with the last values
    assert "calm piano and bass" in panel.window
    panel.scene.r.select_tab(first)
    panel.tick(3)
    assert "calm piano and bass" not in panel.words()
    assert "calm piano" in panel.window
    panel.scene.r.select_tab(second)
    panel.tick(3)
    assert "calm piano and bass" in panel.window


def test_what_was_typed_and_not_sent_is_there_again(panel: Panel) -> None:
    panel.choose("Repaint time selection", "Cover")
    panel.type("instruments and mood", "strings")
    panel.close()
    again = open_again(panel)
    assert "Cover" in again.window
    assert "strings" in again.window


def test_values_of_an_old_project_are_not_the_last_ones_unless_touched(panel: Panel) -> None:
    panel.type("instruments and mood", "calm piano")
    panel.close()
    panel.scene.project.ext["AceBridge", "form repaint"] = json.dumps({"style": "loud brass"})
    again = open_again(panel)
    assert "loud brass" in again.window
    again.close()
    panel.scene.r.new_tab("new.rpp").tempo(0, 120, 4, 4)
    assert "calm piano" in open_again(panel).window


def test_presets_and_last_prompts(panel: Panel) -> None:
    panel.type("instruments and mood", "calm piano")
    panel.go()
    panel.click("Presets and last prompts")
    panel.type("of a new preset", "Calm")
    panel.click("Save")
    panel.type("calm piano", " and strings")
    assert "calm piano and strings" in panel.window
    panel.click("Last prompts")
    panel.window.menu_choices.append(1)
    at = panel.window.find("Last prompts")
    panel.window.click_at(at.x + 250, at.y + 8)
    panel.tick(5)
    assert "calm piano and strings" not in panel.words()
    panel.type("calm piano", " again")
    again = open_again(panel)
    again.click("Presets and last prompts")
    at = again.window.find("Preset", 1)
    again.window.menu_choices.append(1)
    again.window.click_at(at.x + 250, at.y + 8)
    again.tick(5)
    assert "calm piano again" not in again.words()
    assert "calm piano" in again.window
    again.click("Delete")
    assert list((panel.scene.r.resource / "AceBridge" / "panel").glob("*.json"))
    again.tick(5)
    assert "Calm" not in [text.text for text in again.window.texts]


def test_with_reaimgui(scene: Scene) -> None:
    scene.r.extensions = ("ReaImGui",)
    scene.select()
    scene.r.start(SCRIPT)
    scene.r.tick(20)
    (context,) = scene.r.contexts
    assert "1.0 s on Guitar, 30 s around" in context.texts
    context.click("Go")
    folder = scene.wait()
    scene.r.tick(10)
    assert "Cancel" in context.texts
    answer(folder)
    scene.r.until(lambda: "A/B: new" in context.texts)
    context.click("A/B: new")
    scene.r.tick(5)
    assert (scene.item["I_CURTAKE"], len(scene.item.takes)) == (0, 2)
    assert scene.r.faults == []


def play_long(scene: Scene) -> None:
    """Have an item that is read for many ticks."""
    scene.track.items.remove(scene.second)
    scene.item.takes[0].pitch = 0.01
    scene.item.length = 120.0
    scene.project.settle()
    scene.select()


LOST = '"Repaint time selection" was not sent: its script was ended while it read audio, by its own action or with its panel.'


@pytest.mark.parametrize("ways", behaviour.both("atexit"))
@pytest.mark.parametrize("records", [False, True])
def test_its_action_while_audio_is_read_says_that_nothing_was_sent(
    scene: Scene, ways: dict[str, str], records: bool
) -> None:
    scene.r.ways.update(ways)
    play_long(scene)
    panel = open_panel(scene)
    panel.click("Go")
    scene.r.until(lambda: "reading audio" in panel.words())
    if records:
        scene.r.user.record(scene.project.add_track("Voice"))
    scene.r.start(SCRIPT)
    scene.r.tick(40)
    assert panel.script.ended
    assert list((scene.r.resource / "AceBridge" / "jobs").iterdir()) == []
    if records:
        assert scene.r.messages == []
        assert scene.r.user.disturbed == []
        scene.r.user.stop(1.0)
    scene.r.finish()
    (message,) = scene.r.messages
    assert message.startswith(LOST)
    assert scene.r.faults == []


def test_an_action_that_is_run_again_while_it_reads_says_that_the_first_was_not_sent(scene: Scene) -> None:
    play_long(scene)
    action = "AceBridge_Repaint time selection (no dialog).lua"
    scene.r.start(action)
    scene.r.tick(3)
    scene.r.start(action)
    scene.finish(scene.wait())
    (message,) = scene.r.messages
    assert message.startswith(LOST)
    assert len(scene.item.takes) == 2


def test_closing_it_while_audio_is_read_sends_the_job_all_the_same(scene: Scene) -> None:
    play_long(scene)
    panel = open_panel(scene)
    panel.click("Go")
    scene.r.until(lambda: "reading audio" in panel.words())
    panel.window.key(ESCAPE)
    folder = scene.wait()
    scene.r.tick(3)
    assert panel.running() == [BACKGROUND]
    scene.finish(folder)
    assert len(scene.item.takes) == 2
    assert scene.r.messages == []


BUTTONS = [
    "Go",
    "Play",
    "Stop",
    "Keep",
    "Again",
    "Reveal",
    "Folder",
    "Dismiss",
    "Cancel",
    "Lock",
    "Save",
    "Delete",
    "More",
    "Lyrics",
]


@pytest.mark.parametrize("seed", [0, 1])
def test_random_use_is_never_an_error(scene: Scene, seed: int) -> None:
    chance = random.Random(seed)
    scene.r.answer(*[7] * 100)
    scene.r.chosen_files += [None] * 100
    scene.select()
    panel = open_panel(scene)

    def click() -> None:
        texts = panel.window.texts
        buttons = [text for text in texts if text.text in BUTTONS or text.text.startswith("A/B")]
        text = chance.choice(buttons if buttons and chance.random() < 0.6 else texts)
        panel.window.menu_choices[:] = [chance.randint(0, 14)]
        panel.window.click_at(text.x + text.w / 2 + chance.choice([0, 0, 200]), text.y + text.h / 2)

    def answer_all() -> None:
        for request in (scene.r.resource / "AceBridge" / "jobs").glob("*/request.json"):
            if not (request.parent / "result.json").exists():
                answer(request.parent)

    def select() -> None:
        scene.project.time_selection = chance.choice([(0, 0), (10, 14), (11, 12.3)])

    for _ in range(60):
        act = chance.choice([click, click, click, answer_all, select, scene.r.user.undo])
        act()
        panel.tick(5)
        assert scene.r.faults == []
        assert not any("fault of its own" in message for message in scene.r.messages)
        if not panel.window.is_open:
            panel = open_again(panel)


DAMAGED = ["5", "true", '"x"', "[]", "{}", "null", "{"]


@pytest.mark.parametrize("content", DAMAGED)
def test_it_opens_and_works_whatever_was_damaged(scene: Scene, content: str) -> None:
    scene.select()
    resource = scene.r.resource / "AceBridge"
    job, inbox = resource / "jobs" / "20260101-000000-a1", resource / "inbox"
    for folder in (job, inbox / "20260101-000000-b2.c3c3"):
        folder.mkdir(parents=True)
    (job / "request.json").write_text(content, "utf-8")
    (inbox / "presence-c3c3.json").write_text(content, "utf-8")
    scene.project.ext["AceBridge", "form repaint"] = content
    scene.item.active.ext["P_EXT:AceBridge"] = content
    panel = open_panel(scene)
    sent = panel.go()
    (sent / "status.json").write_text(content, "utf-8")
    panel.tick(40)
    panel.answer(sent)
    assert scene.r.messages == []
    assert len(scene.item.takes) == 2
    assert not panel.script.ended
