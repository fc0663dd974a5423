"""The panel in the simulated REAPER: what it says before Go, what Go sends, what can be done with a result."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.reaper_answers import answer
from tests.support.reaper_panel import SCRIPT, Panel, open_panel
from tests.support.reaper_scene import AT, START, STOP, Scene
from tests.support.reaper_studio import RATE_HZ

BACKGROUND = "AceBridge_Job list (background).lua"
SPACE, UNDO, ESCAPE = 32, 26, 27


@pytest.fixture
def panel(scene: Scene) -> Panel:
    scene.select()
    return open_panel(scene)


def running(panel: Panel) -> list[str]:
    return [script.name for script in panel.scene.r.scripts if not script.ended]


def done(panel: Panel) -> Path:
    """Send a repaint, and have it placed."""
    folder = panel.go()
    panel.answer(folder)
    return folder


# What is sent


def test_it_says_what_is_sent_and_follows_the_selection(panel: Panel) -> None:
    assert "1.0 s on Guitar, 30 s around" in panel.window
    panel.scene.project.time_selection = (10.0, 14.0)
    panel.tick(20)
    assert "2 bars on Guitar, 30 s around" in panel.window
    panel.choose("Repaint time selection", "Cover")
    panel.tick(20)
    assert "2 bars on Guitar" in panel.window
    assert "around" not in panel.words()


def test_go_is_not_possible_without_a_selection_and_says_why(scene: Scene) -> None:
    scene.item.selected = 0
    scene.project.settle()
    panel = open_panel(scene)
    assert "Nothing is selected." in panel.window
    panel.click("Go")
    panel.tick(10)
    assert list((scene.r.resource / "AceBridge").glob("jobs/*")) == []
    scene.item.selected = 1
    panel.tick(20)
    assert "2 bars on Guitar" in panel.window
    assert scene.r.messages == []


def test_what_is_not_heard_is_said_before_go(scene: Scene) -> None:
    scene.r.ext["AceBridge", "capture"] = "pre"
    keys = scene.project.add_track("Keys")
    keys.add_midi(10.0, 4.0)
    scene.item.selected = 0
    scene.select()
    panel = open_panel(scene)
    panel.choose("Repaint time selection", "Cover")
    panel.tick(20)
    assert "1 MIDI track is not sent" in panel.window
    scene.r.ext["AceBridge", "capture"] = "auto"
    panel.tick(20)
    assert "1 track is rendered with FX" in panel.window


@pytest.mark.parametrize("rows", [0, 3])
def test_an_idle_panel_asks_little_of_reaper(panel: Panel, rows: int) -> None:
    for _ in range(rows):
        done(panel)
    panel.tick(20)
    calls = calls_of(panel, 60)
    assert 0 < max(calls) < 60


@pytest.mark.parametrize("tracks", [60, pytest.param(500, marks=pytest.mark.slow)])
def test_a_large_project_is_looked_at_in_pieces(scene: Scene, tmp_path: Path, tracks: int) -> None:
    """Tracks with 20 items each, all of them meant."""
    path = tmp_path / "a.wav"
    for number in range(tracks - 1):
        track = scene.project.add_track(f"Track {number}")
        for place in range(20):
            track.add_item(path, position=place * 2.0, length=1.5)
    scene.item.selected = 0
    scene.project.time_selection = (0.0, 60.0)
    scene.project.settle()
    panel = open_panel(scene)
    panel.choose("Repaint time selection", "Cover")
    scene.project.time_selection = (0.0, 40.0)
    calls: list[int] = []
    while "20 bars on all tracks" not in panel.window:
        calls += calls_of(panel, 1)
        assert len(calls) < 1000
    assert max(calls) < 2000
    assert sum(calls) > 20 * tracks  # it has looked at everything
    assert panel.scene.r.faults == []


def calls_of(panel: Panel, ticks: int) -> list[int]:
    """How many calls of REAPER's API each of the next ticks makes."""
    counts = []
    for _ in range(ticks):
        panel.tick()
        counts.append(panel.script.calls)
    return counts


# Go


@pytest.mark.parametrize(
    ("title", "action"), [("Repaint time selection", "repaint"), ("Cover", "cover"), ("Add layer", "lego")]
)
def test_go_sends_what_the_action_sends(panel: Panel, title: str, action: str) -> None:
    if action != "repaint":
        panel.choose("Repaint time selection", title)
    panel.type("instruments and mood", "calm piano")
    folder = panel.go()
    by_panel = panel.scene.request(folder)
    panel.close()
    panel.scene.finish(folder)
    panel.scene.r.user.undo()
    panel.scene.select()
    by_action = panel.scene.request(panel.scene.send(title, **{"Style (instruments and mood)": "calm piano"}))
    for request in (by_panel, by_action):
        del request["id"], request["create_time"], request["place"]["project"]
    assert by_panel == by_action
    assert by_panel["action"] == action


def test_go_says_in_the_panel_what_is_not_allowed(panel: Panel) -> None:
    panel.choose("Repaint time selection", "Generate here")
    panel.type("empty: as selected", "soon")
    panel.tick(20)
    panel.click("Go")
    panel.tick(3)
    assert "Seconds is" in panel.words()
    assert panel.scene.r.messages == []
    assert list((panel.scene.r.resource / "AceBridge").glob("jobs/*")) == []


def test_a_second_click_at_once_sends_nothing(panel: Panel) -> None:
    folder = panel.go()
    panel.click("Go")
    panel.tick(20)
    assert len(list(folder.parent.iterdir())) == 1


def test_reading_does_not_stall_the_panel(scene: Scene) -> None:
    scene.track.items.remove(scene.second)
    scene.item.takes[0].pitch = 0.01
    scene.item.length = 180.0
    scene.project.settle()
    scene.select()
    panel = open_panel(scene)
    started = len(scene.r.ticks)
    panel.click("Go")
    scene.r.until(lambda: "reading audio, 3" in panel.words())
    panel.choose("Repaint time selection", "Cover")
    scene.r.until(lambda: (scene.r.resource / "AceBridge").glob("jobs/*/request.json"))
    assert max(scene.r.ticks[started:]) < 40  # ms: REAPER goes on


def test_a_seed_is_shown_after_the_run_and_sent_when_locked(panel: Panel) -> None:
    first = done(panel)
    assert "seeds" not in panel.scene.request(first)["parts"][0]["fields"]["output"]
    assert panel.window.find("7")
    second = panel.go()
    assert "seeds" not in panel.scene.request(second)["parts"][0]["fields"]["output"]
    panel.click("Lock")
    third = panel.go()
    assert panel.scene.request(third)["parts"][0]["fields"]["output"]["seeds"] == [7]


def test_planning_is_asked_for_where_a_task_has_it(panel: Panel) -> None:
    panel.click("More")
    assert "Plan it first" not in panel.words()
    panel.choose("Repaint time selection", "Add layer")
    panel.click("Plan it first")
    request = panel.scene.request(panel.go())
    assert request["parts"][0]["fields"]["thinking"] == {"plan_first": True}
    panel.click("Plan it first")
    assert "thinking" not in panel.scene.request(panel.go())["parts"][0]["fields"]


def test_lyrics_come_from_where_they_are(panel: Panel, tmp_path: Path) -> None:
    panel.click("Lyrics")
    panel.click("From item notes")
    assert "la" in [text.text for text in panel.window.texts]
    file = tmp_path / "words.txt"
    file.write_text("one\ntwo", "utf-8")
    panel.scene.r.choose_file(file)
    panel.click("From file…")
    assert panel.scene.request(panel.go())["parts"][0]["fields"]["music"]["lyrics"] == "one\ntwo"
    panel.click("From project notes")
    assert "The project has no notes." in panel.window
    assert panel.scene.r.messages == []


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
    assert running(panel) == [SCRIPT]


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


def test_questions_of_an_analysis_are_asked(panel: Panel) -> None:
    panel.choose("Repaint time selection", "Analyse")
    panel.scene.r.answer(7, 7)
    folder = panel.go()
    panel.answer(folder)
    assert "100.0 BPM" in panel.words()
    assert "takes it back" not in panel.words()  # nothing was changed


# Results


def test_play_plays_the_new_part_once(panel: Panel) -> None:
    done(panel)
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
    done(panel)
    panel.click("Play")
    panel.tick(10)
    project = panel.scene.project
    project.played_since = (project.played_since[0] - 5.0, project.played_since[1])
    panel.tick(2)
    assert not project.playing


def test_a_cursor_that_was_moved_meanwhile_stays(panel: Panel) -> None:
    done(panel)
    panel.click("Play")
    panel.scene.project.cursor = 3.0
    panel.scene.r.user.toggle_play()
    panel.tick(2)
    assert panel.scene.project.cursor == 3.0


def test_a_and_b_while_it_plays(panel: Panel) -> None:
    done(panel)
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


def test_a_and_b_of_a_new_track_mutes_it(panel: Panel) -> None:
    panel.choose("Repaint time selection", "Cover")
    done(panel)
    (track,) = panel.scene.new_tracks()
    panel.click("A/B")
    assert track["B_MUTE"] == 1
    panel.click("A/B")
    assert track["B_MUTE"] == 0
    assert panel.scene.track["B_MUTE"] == 0


def test_keep_marks_the_take_and_removes_nothing(panel: Panel) -> None:
    done(panel)
    item = panel.scene.item
    panel.click("A/B: new")
    panel.click("Keep")
    assert len(item.takes) == 2
    assert item["I_CURTAKE"] == 1
    assert item.takes[1]["I_CUSTOMCOLOR"]
    assert panel.scene.project.undo[-1] == "AceBridge: Keep"
    assert "Keep" not in panel.words()


def test_again_sends_the_same_with_a_new_seed(panel: Panel) -> None:
    panel.click("Lock")
    panel.type("a new one for each run", "5")
    first = done(panel)
    panel.scene.item.selected = 0
    panel.scene.project.time_selection = (0, 0)
    panel.tick(20)
    panel.click("Again")
    second = panel.scene.r.until(lambda: [p for p in first.parent.iterdir() if p != first and (p / "request.json").exists()])[0]
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
    first = done(panel)
    panel.click("Again")
    second = scene.r.until(lambda: [p for p in first.parent.iterdir() if p != first and (p / "request.json").exists()])[0]
    assert scene.request(second)["parts"][0]["source"] == {"file": str(first / "source-1.wav")}


#: A table of actions with a task that makes takes by the recipe of an item's file.
WITH_VARY = """
return function(import)
  local actions = assert(loadfile("ACTIONS"))()(import)
  local plan = function(selected, values)
    local made = import("plan_takes").again({ items = selected.selected_items })
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
    (copy / "lib").mkdir(parents=True)
    for path in scene.r.scripts_folder.rglob("*.lua"):
        (copy / path.relative_to(scene.r.scripts_folder)).write_bytes(path.read_bytes())
    original = scene.r.scripts_folder / "lib" / "actions.lua"
    (copy / "lib" / "actions.lua").write_text(WITH_VARY.replace("ACTIONS", str(original)), "utf-8")
    scene.r.scripts_folder = copy
    scene.select()
    panel = open_panel(scene)
    first = done(panel)
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
    done(panel)
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
    done(panel)
    panel.scene.r.user.undo()
    panel.tick(2)
    panel.click("Play")
    assert not panel.scene.project.playing
    panel.scene.r.user.redo()
    panel.tick(2)
    panel.click("Play")
    assert panel.scene.project.playing


def test_rows_stay_until_they_are_dismissed(panel: Panel) -> None:
    done(panel)
    panel.tick(300)
    assert "new take;" in panel.words()
    panel.click("Dismiss")
    assert "new take;" not in panel.words()
    panel.tick(60)
    assert "new take;" not in panel.words()


# The window


def test_it_is_one_window_and_one_watcher(scene: Scene) -> None:
    scene.select()
    folder = scene.send("Cover")
    scene.r.tick(3)
    panel = open_panel(scene)
    assert running(panel) == [SCRIPT]
    panel.answer(folder)
    assert "on a new track" in panel.words()
    scene.r.ext["AceBridge", "window"] = "yes"
    scene.send("Extract stems")
    scene.r.start("AceBridge_Job list.lua")
    scene.r.tick(3)
    assert running(panel) == [SCRIPT]


def test_running_it_again_closes_it_and_its_button_shows_it(panel: Panel) -> None:
    r = panel.scene.r
    command = r.command_ids[str(panel.script.path)]
    assert r.toggles[command] == 1
    folder = panel.go()
    r.start(SCRIPT)
    r.tick(3)
    assert r.toggles[command] == 0
    assert running(panel) == [BACKGROUND]
    panel.scene.finish(folder)
    assert len(panel.scene.item.takes) == 2
    assert open_panel(panel.scene).window.is_open


@pytest.mark.parametrize("version", ["6.24", "6.83"])
def test_in_reaper_6(scene: Scene, version: str) -> None:
    scene.r.version, scene.r.lua = version, "5.3"
    scene.select()
    panel = open_panel(scene)
    done(panel)
    assert "new take;" in panel.words()
    panel.close()
    assert scene.r.asked_to_relaunch == []


def test_closing_it_leaves_jobs_to_the_background(panel: Panel) -> None:
    folder = panel.go()
    panel.window.key(ESCAPE)
    panel.tick(4)
    assert running(panel) == [BACKGROUND]
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
    assert running(panel) == [SCRIPT]
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
