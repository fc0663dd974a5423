"""The panel in the simulated REAPER: what it says before Go, and what Go sends."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.reaper_panel import Panel, open_panel
from tests.support.reaper_scene import Scene

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


def test_what_is_not_sent_is_said_before_go(scene: Scene) -> None:
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
    assert "1 track is rendered, without an instrument" in panel.window


@pytest.mark.parametrize("rows", [0, 3])
def test_an_idle_panel_asks_little_of_reaper(panel: Panel, rows: int) -> None:
    for _ in range(rows):
        panel.repaint()
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
        counts.append(panel.script.calls.total())
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
    first = panel.repaint()
    assert "seeds" not in panel.scene.request(first)["parts"][0]["fields"]["output"]
    assert panel.window.find("7")
    second = panel.go()
    assert "seeds" not in panel.scene.request(second)["parts"][0]["fields"]["output"]
    panel.click("Lock")
    third = panel.go()
    assert panel.scene.request(third)["parts"][0]["fields"]["output"]["seeds"] == [7]


def test_sliders_give_whole_numbers_where_they_are_counted(panel: Panel) -> None:
    label = panel.window.find("Takes")
    for x, cap in ((200, 0), (200, 1), (251, 1), (251, 0)):
        panel.window.mouse(x, label.y + 7, cap)
        panel.tick()
    panel.tick(2)
    assert panel.scene.r.messages == []
    takes = panel.scene.request(panel.go())["parts"][0]["fields"]["output"]["takes"]
    assert takes in (3, 4)
    assert str(takes) in [text.text for text in panel.window.texts]


def test_planning_is_asked_for_where_a_task_has_it(panel: Panel) -> None:
    panel.click("More")
    assert "Plan it first" not in panel.words()
    panel.choose("Repaint time selection", "Add layer")
    panel.click("Plan it first")
    request = panel.scene.request(panel.go())
    assert request["parts"][0]["fields"]["thinking"] == {"plan_first": True}
    panel.click("Plan it first")
    assert "thinking" not in panel.scene.request(panel.go())["parts"][0]["fields"]


def test_a_cover_asks_for_a_morph_and_its_source_under_more(panel: Panel) -> None:
    panel.choose("Repaint time selection", "Cover")
    panel.click("More")
    panel.choose("off", "words", 1)  # the first is that of "Best of"
    panel.type("of a morph; empty: the new style", "folk")
    panel.scene.r.ext["AceBridge", "dcw"] = "off"
    fields = panel.scene.request(panel.go())["parts"][0]["fields"]
    assert fields["morph"] == {"mode": "words", "caption": "folk"}
    assert fields["sampling"] == {"dcw": "off"}


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
