"""What a musician does between the undo steps of one result: the project is closed, or a step is taken back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from acebridge.hosts.jobfolder.inbox import Placement
from acebridge.hosts.jobfolder.placing import files_source
from acebridge.hosts.jobfolder.presence import open_projects
from tests.support.fake_reaper.state import Envelope
from tests.support.large_project import open_large, select
from tests.support.reaper_answers import answer
from tests.support.reaper_panel import Panel, open_panel
from tests.support.reaper_scene import Scene

TITLE = "Repaint time selection"
COUNT = 60  # items, whose takes are three steps
TRACKS, STEMS = 12, 40  # stems, which are two


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with open_large(tmp_path, tracks=TRACKS) as scene:
        yield scene
        scene.r.check()


def begin(scene: Scene) -> tuple[Panel, Path]:
    """Have takes placed on all items, as far as the first step."""
    select(scene, COUNT)
    scene.project.settle()
    panel = open_panel(scene)
    folder = panel.go()
    answer(folder)
    scene.r.until(lambda: scene.project.undo)
    assert scene.project.undo == [f"AceBridge: {TITLE} (1 of 3)"]
    return panel, folder


def words(panel: Panel) -> str:
    return " ".join(panel.words().split())


def count_new_takes(scene: Scene) -> int:
    return len([item for item in scene.project.items() if len(item.takes) == 2])


@pytest.mark.parametrize("envelopes", [0, 3])
def test_a_project_closed_between_two_steps(scene: Scene, envelopes: int) -> None:
    """Also when a selection was to come back, because takes got envelopes."""
    for track in scene.project.tracks[:envelopes]:
        track.items[0].takes[0].envelopes.append(Envelope("Volume", [(0.0, 1.0), (1.0, 0.5)]))
    panel, folder = begin(scene)
    scene.r.new_tab("other.rpp")
    scene.r.close_tab(scene.project)
    panel.tick(30)
    assert "The project was closed before all of the result was in it." in words(panel)
    assert not (folder / "placed").exists()
    assert scene.r.project.tracks == []


def test_a_step_taken_back_before_the_next_one(scene: Scene) -> None:
    """The others are left out, and the result can be placed again."""
    panel, folder = begin(scene)
    scene.r.user.undo()
    panel.tick(30)
    assert "The result was undone before all of it was in the project." in words(panel)
    assert scene.project.undo == []
    assert scene.project.redo == [f"AceBridge: {TITLE} (1 of 3)"]
    assert count_new_takes(scene) == 0
    panel.click("Try again")
    scene.r.until(lambda: (folder / "placed").exists() and f"AceBridge: {TITLE} (3 of 3)" in scene.project.undo)
    assert count_new_takes(scene) == COUNT


@pytest.mark.parametrize(
    ("meanwhile", "sentence"),
    [
        ("close", "The project was closed before all of the result was in it."),
        ("undo", "The result was undone before all of it was in the project."),
    ],
)
def test_stems_from_the_inbox(scene: Scene, tmp_path: Path, meanwhile: str, sentence: str) -> None:
    """The files stay: a step that is taken back can be done again, and one that is left plays them."""
    scene.project.file = str(tmp_path / "Large.rpp")
    stems = tmp_path / "Song"
    stems.mkdir()
    for number in range(STEMS):
        shutil.copy(tmp_path / "short.wav", stems / f"stem {number}.wav")
    scene.r.start("AceBridge_Job list.lua")
    inbox = scene.r.resource / "AceBridge" / "inbox"
    (project,) = scene.r.until(lambda: open_projects(inbox))
    placement = Placement(inbox, project)
    content = files_source([stems])(project.media, placement.folder)
    placement.send(content.result, {"kind": "cursor"}, title=content.title, folder=content.folder)
    scene.r.until(lambda: scene.project.undo)
    assert scene.project.undo == ["AceBridge: Song (1 of 2)"]
    if meanwhile == "undo":
        scene.r.user.undo()
    else:
        scene.r.new_tab("other.rpp")
        scene.r.close_tab(scene.project)
    scene.r.until(lambda: placement.answer().is_final)
    assert (placement.answer().state, placement.answer().message) == ("placed", f"Song: {sentence}")
    assert len(scene.r.project.tracks) == (TRACKS if meanwhile == "undo" else 0)


@pytest.mark.parametrize("ticks", [8, 10, 12])
@pytest.mark.parametrize("button", ["A/B: new", "Keep", "Reveal", "Play"])
def test_a_project_closed_while_very_many_pieces_are_dealt_with(tmp_path: Path, button: str, ticks: int) -> None:
    """A copy of the new take lies on each item, which is more than one tick deals with."""
    with open_large(tmp_path, tracks=60) as scene:
        scene.item.selected = 1
        panel = open_panel(scene)
        panel.repaint()
        new, old = scene.item.takes[1], scene.item.takes[0]
        for item in [item for track in scene.project.tracks if track is not scene.track for item in track.items]:
            item.takes.clear()
            item.add_take(old.source, "old")
            item.add_take(new.source, "new")
            item["I_CURTAKE"] = 1
        scene.project.settle()
        panel.tick(10)
        panel.window.click(button)
        panel.tick(ticks)
        other = scene.r.new_tab("other.rpp")
        scene.r.close_tab(scene.project)
        panel.tick(20)
        assert scene.r.project is other
        assert other.undo == []
        scene.r.check()
