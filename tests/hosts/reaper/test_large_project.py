"""No tick of any script calls REAPER more than 2,000 times, in a project of 500 tracks and 10,000 items."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from acebridge.hosts.jobfolder.inbox import Placement
from acebridge.hosts.jobfolder.placing import files_source
from acebridge.hosts.jobfolder.presence import open_projects
from tests.support.large_project import (
    ACTIONS,
    ITEMS,
    TRACKS,
    many_items,
    open_large,
    run_action,
    select,
    select_time,
    time,
    time_and_tracks,
)
from tests.support.reaper_answers import answer
from tests.support.reaper_panel import open_panel
from tests.support.reaper_scene import Scene

MOST_CALLS = 2000


@pytest.fixture
def large(tmp_path: Path) -> Iterator[Scene]:
    with open_large(tmp_path) as scene:
        yield scene


def report(scene: Scene) -> str:
    tick = scene.r.largest_tick
    return f"{tick.calls} calls in {tick.script}: {tick.by_function.most_common(8)}; ticks: {len(scene.r.ticks)}"


def check(scene: Scene) -> None:
    scene.r.check()
    assert 0 < scene.r.largest_tick.calls <= MOST_CALLS, report(scene)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("action", "selected", "form"), ACTIONS, ids=[f"{action}, {selected.__name__}" for action, selected, _ in ACTIONS]
)
def test_an_action_and_its_placing(
    large: Scene, action: str, selected: Callable[[Scene], None], form: dict[str, str]
) -> None:
    assert (len(large.project.tracks), sum(len(track.items) for track in large.project.tracks)) >= (TRACKS, ITEMS - 30)
    run_action(large, action, selected, form)
    assert large.project.undo, large.r.messages
    check(large)


@pytest.mark.parametrize("action", ["Next take", "Previous take"])
def test_stepping_through_the_takes_of_300_items(large: Scene, action: str) -> None:
    select(large, 300)
    chosen = [item for track in large.project.tracks for item in track.items if item.selected]
    for item in chosen:
        item.add_take(item.takes[0].source, "other")
    large.r.run(f"AceBridge_{action}.lua")
    assert [item["I_CURTAKE"] for item in chosen] == [1] * 300
    assert large.project.undo == [f"AceBridge: {action}"]
    check(large)


@pytest.mark.slow
def test_sending_a_take_to_vary(large: Scene) -> None:
    file = Path(large.item.takes[0].source.path)
    data = bytearray(file.read_bytes())
    data[200:209] = b"ACEBRIDGE"  # where a recipe would be
    file.write_bytes(data)
    large.item.selected = 1
    request = large.request(large.send("Vary this take", **{"How far": "0.5"}))
    assert request["parts"][0]["variation"] == 0.5
    check(large)


@pytest.mark.slow
def test_the_panel_sends_and_places(large: Scene) -> None:
    """The panel looks at what is selected, follows the job and draws, all in the same ticks."""
    large.item.selected = 1
    select_time(large)
    panel = open_panel(large)
    panel.choose("Repaint time selection", "Cover")
    answer(panel.go())
    large.r.until(lambda: large.project.undo == ["AceBridge: Cover"], timeout_s=60)
    panel.tick(20)
    check(large)


@pytest.mark.slow
@pytest.mark.parametrize("selected", [time, many_items, time_and_tracks], ids=lambda each: each.__name__)
def test_following_over_osc(large: Scene, selected: Callable[[Scene], None]) -> None:
    selected(large)
    large.r.start("AceBridge_Follow over OSC.lua")
    file = large.r.resource / "AceBridge" / "follow.json"
    large.r.until(file.exists)
    check(large)
    said = json.loads(file.read_text("utf-8"))
    large.project.time_selection = (50.0, 53.0)
    large.r.until(lambda: json.loads(file.read_text("utf-8"))["range"] != said["range"], timeout_s=60)
    check(large)


def test_an_idle_watcher_with_an_old_jobs_folder(large: Scene) -> None:
    jobs = large.r.resource / "AceBridge" / "jobs"
    for number in range(1000):
        folder = jobs / f"20261122-2105{number % 60:02}-{number:08x}"
        folder.mkdir(parents=True)
        (folder / "request.json").touch()
        (folder / "placed").touch()
    large.r.start("AceBridge_Job list.lua")
    large.r.tick(90)
    check(large)


def test_placing_12_stems_from_the_inbox(large: Scene, tmp_path: Path) -> None:
    large.project.file = str(tmp_path / "Large.rpp")
    stems = tmp_path / "Song"
    stems.mkdir()
    for number in range(12):
        shutil.copy(tmp_path / "short.wav", stems / f"stem {number}.wav")
    for track in large.project.tracks[100:110]:
        track.selected = 1
    large.r.start("AceBridge_Job list.lua")
    inbox = large.r.resource / "AceBridge" / "inbox"
    (project,) = large.r.until(lambda: open_projects(inbox))
    placement = Placement(inbox, project)
    content = files_source([stems])(project.media, placement.folder)
    placement.send(content.result, {"kind": "cursor"}, title=content.title, folder=content.folder)
    large.r.until(lambda: placement.answer().is_final, timeout_s=60)
    assert placement.answer().state == "placed", placement.answer()
    assert len(large.project.tracks) == TRACKS + 13
    check(large)


@pytest.mark.slow
def test_an_edit_while_a_place_is_looked_up_begins_the_look_again(large: Scene) -> None:
    """The item that takes follow has gone from the list of GUIDs: all items are looked through, over many ticks."""
    large.item.selected = 1
    select_time(large)
    large.r.ext["AceBridge", "capture"] = "pre"
    folder = large.send("Cover")
    take = large.item.takes[0]
    large.item.add_take(take.source, "again")
    large.item.takes.remove(take)
    large.project.settle()
    answer(folder)
    large.r.until(lambda: len(large.r.ticks) > 8)
    first = large.project.tracks[0]
    first.items.pop()
    large.project.undo_point("an edit")
    large.r.finish()
    assert large.project.undo[-1] == "AceBridge: Cover", large.r.messages
    check(large)
