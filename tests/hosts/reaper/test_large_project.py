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
from tests.support.fake_reaper import behaviour
from tests.support.fake_reaper.calls_time import Marker
from tests.support.fake_reaper.state import Envelope, Item
from tests.support.large_project import (
    ACTIONS,
    ITEMS,
    TRACKS,
    all_items,
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
from tests.support.reaper_song import answer_song

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


def steps(title: str, count: int) -> list[str]:
    """Return the names of the undo steps that something is placed in."""
    return [f"AceBridge: {title} ({number} of {count})" for number in range(1, count + 1)]


#: What is refused while all items are selected, and what is said.
REFUSED = {
    "Repaint time selection": "The selection holds 9982 items; allowed: at most 100 at once.",
    "Extend": "9982 items are selected.",
    "Prepend": "9982 items are selected.",
    "Smooth the join of two items": "Two items on one track are needed.",
    "Score takes": "9982 items are selected.",
    "Vary this take": "9982 items are selected.",
    "Another take": "The active take of the selected item is no repaint.",
    "Repeat last": "There is nothing to repeat in this project.",
    "Cancel": "No AceBridge job is running.",
}


@pytest.mark.slow
@pytest.mark.parametrize("action", REFUSED)
def test_what_is_refused_with_all_items_selected(large: Scene, action: str) -> None:
    all_items(large)
    large.r.form()
    large.r.run(f"AceBridge_{action}.lua")
    (message,) = large.r.messages
    assert message.startswith(REFUSED[action])
    check(large)


def fill_with_takes(scene: Scene) -> list[Item]:
    """Give every item a second take, and select all; every third plays the second one."""
    chosen = [item for track in scene.project.tracks for item in track.items]
    for number, item in enumerate(chosen):
        item.selected = 1
        item.add_take(item.takes[0].source, "other")
        item["I_CURTAKE"] = int(number % 3 == 0)
    scene.project.settle()
    return chosen


@pytest.mark.slow
@pytest.mark.parametrize("ways", behaviour.both("next_take"))
@pytest.mark.parametrize("action", ["Next take", "Previous take"])
def test_stepping_through_the_takes_of_all_items(large: Scene, action: str, ways: dict[str, str]) -> None:
    large.r.ways.update(ways)
    chosen = fill_with_takes(large)
    large.r.run(f"AceBridge_{action}.lua")
    assert [item["I_CURTAKE"] for item in chosen] == [int(number % 3 != 0) for number in range(len(chosen))]
    assert large.project.undo[0] == f"AceBridge: {action}"
    assert (len(large.project.undo) == 1) == (ways["next_take"] == "goes round")
    check(large)


@pytest.mark.slow
@pytest.mark.parametrize("selection", ["as it was", "none"])
def test_muting_very_many_items_that_a_cover_was_made_of(large: Scene, selection: str) -> None:
    """What is selected still is muted in one step, by REAPER; else it takes several."""
    select(large, 2000)
    large.r.ext["AceBridge", "mute_source"] = "yes"
    items = [item for item in large.project.items() if item.selected]
    large.project.settle()
    folder = large.send("Cover")
    if selection == "none":
        for item in items:
            item.selected = 0
    answer(folder)
    large.r.finish()
    assert {item["B_MUTE"] for item in items} == {1}
    assert large.project.undo == (["AceBridge: Cover"] if selection == "as it was" else steps("Cover", 4))
    check(large)


@pytest.mark.slow
def test_takes_that_need_envelopes_while_all_items_are_selected(large: Scene) -> None:
    """REAPER makes an envelope of a take for the selected items: what is selected comes back, over several ticks."""
    select(large, ITEMS)
    for track in large.project.tracks[:3]:
        track.items[0].takes[0].envelopes.append(Envelope("Volume", [(0.0, 1.0), (1.0, 0.5)]))
    large.project.time_selection = (0.5, 1.5)
    for track in large.project.tracks[3:]:
        for item in track.items:
            item.selected = item.position > 2
    chosen = [item for track in large.project.tracks for item in track.items if item.selected]
    large.project.settle()
    folder = large.send("Repaint time selection")
    assert len(large.request(folder)["parts"]) == 3
    answer(folder)
    large.r.finish()
    assert large.project.undo == ["AceBridge: Repaint time selection"]
    assert [len(track.items[0].takes[1].envelopes) for track in large.project.tracks[:3]] == [1, 1, 1]
    assert [item for track in large.project.tracks for item in track.items if item.selected] == chosen
    check(large)


def time_bases(scene: Scene) -> None:
    for track in scene.project.tracks:
        for item in track.items:
            item["C_BEATATTACHMODE"] = 1
    select_time(scene)


@pytest.mark.slow
def test_a_tempo_that_one_step_cannot_set(large: Scene) -> None:
    large.r.answer(6)
    time_bases(large)
    large.project.settle()
    before = [item.position for item in large.project.items()]
    large.finish(large.send("Analyse"))
    assert any("The tempo is not set: one undo step cannot hold" in message for message in large.r.messages)
    assert [item.position for item in large.project.items()] == before
    assert [marker.name for marker in large.project.markers if not marker.is_region] == ["Am"]
    check(large)


@pytest.mark.slow
def test_scores_of_very_many_takes(large: Scene) -> None:
    large.item.selected = 1
    for number in range(150):
        large.item.add_take(large.item.takes[0].source, f"take {number}")
    large.project.settle()
    large.finish(large.send("Score takes"))
    assert large.project.undo == ["AceBridge: Score takes"]
    check(large)


def find_items_with_new_take(scene: Scene) -> list[Item]:
    return [item for item in scene.project.items() if len(item.takes) == 2]


@pytest.mark.slow
@pytest.mark.parametrize("meanwhile", ["nothing", "record", "close", "remove"])
def test_takes_in_several_steps(large: Scene, meanwhile: str) -> None:
    """What happens between two steps: a recording has the others wait, a panel that ends finishes, what is gone is said."""
    select(large, 60)
    chosen = [item for item in large.project.items() if item.selected]
    large.project.settle()
    panel = open_panel(large)
    answer(panel.go())
    large.r.until(lambda: large.project.undo)
    title = "Repaint time selection"
    if meanwhile == "record":
        large.r.user.record(large.track)
        panel.tick(20)
        assert len(find_items_with_new_take(large)) < 60
        assert large.r.user.disturbed == []
        large.r.user.stop(1.0)
    if meanwhile == "close":
        large.r.start("AceBridge_Panel.lua")
        assert len(find_items_with_new_take(large)) == 60
        assert large.project.undo == steps(title, 3)
        return
    if meanwhile == "remove":
        chosen[-1].track.items.remove(chosen[-1])
        large.project.undo_point("Remove items")
    large.r.until(lambda: "Repaint time selection (3 of 3)" in large.project.undo[-1])
    panel.tick(5)
    between = {"record": ["Recorded media"], "remove": ["Remove items"]}.get(meanwhile, [])
    assert large.project.undo == [steps(title, 3)[0], *between, *steps(title, 3)[1:]]
    words = " ".join(panel.words().split())
    assert "It is 3 undo steps" in words
    assert len(find_items_with_new_take(large)) == (59 if meanwhile == "remove" else 60)
    assert ("1 item was edited while the takes were placed, and got none." in words) == (meanwhile == "remove")
    check(large)


@pytest.mark.slow
def test_a_fault_in_a_later_step_takes_all_of_them_back(large: Scene) -> None:
    select(large, 60)
    large.project.settle()
    panel = open_panel(large)
    answer(panel.go())
    large.r.until(lambda: large.project.undo)
    large.r.fail_next("AddTakeToMediaItem")
    large.r.until(lambda: "REAPER could not place the result" in panel.words())
    assert large.project.undo == []
    assert find_items_with_new_take(large) == []
    check(large)


@pytest.mark.slow
def test_comparing_and_keeping_very_many_pieces(large: Scene) -> None:
    """An item with the new take was copied thousands of times: all of them are compared, and kept."""
    large.item.selected = 1
    large.select()
    panel = open_panel(large)
    panel.repaint()
    new, old = large.item.takes[1], large.item.takes[0]
    for item in [item for track in large.project.tracks[:100] for item in track.items]:
        item.takes.clear()
        item.add_take(old.source, "old")
        item.add_take(new.source, "new")
        item["I_CURTAKE"] = 1
    copies = [item for item in large.project.items() if len(item.takes) == 2]
    large.project.settle()
    large.r.forget_ticks()
    panel.tick(10)
    panel.click("A/B: new")
    large.r.until(lambda: {item["I_CURTAKE"] for item in copies} == {0})
    panel.tick(3)
    panel.click("A/B: before")
    large.r.until(lambda: {item["I_CURTAKE"] for item in copies} == {1})
    before = len(large.project.undo)
    panel.tick(3)
    panel.click("Keep")
    large.r.until(lambda: all(item.takes[1]["I_CUSTOMCOLOR"] for item in copies))
    count = len(large.project.undo) - before
    assert large.project.undo[before:] == steps("Keep", count)
    assert count > 1
    check(large)


@pytest.mark.slow
def test_a_song_of_very_many_sections(large: Scene) -> None:
    large.project.markers = [
        Marker(number, True, 2.0 * number, 2.0 * number + 2.0, f"Part {number}", 0) for number in range(1, 71)
    ]
    large.project.settle()
    folder = large.send("Song from regions")
    answer_song(folder)
    large.r.finish()
    (track,) = [track for track in large.project.tracks if track.name == "Song"]
    assert len(track.items) == 70
    assert large.project.undo == steps("Song from regions", len(large.project.undo))
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


@pytest.mark.slow
@pytest.mark.parametrize("count", [12, 100])
def test_placing_stems_from_the_inbox(large: Scene, tmp_path: Path, count: int) -> None:
    large.project.file = str(tmp_path / "Large.rpp")
    stems = tmp_path / "Song"
    stems.mkdir()
    for number in range(count):
        shutil.copy(tmp_path / "short.wav", stems / f"stem {number}.wav")
    for track in large.project.tracks[100:110]:
        track.selected = 1
    large.r.start("AceBridge_Job list.lua")
    inbox = large.r.resource / "AceBridge" / "inbox"
    (project,) = large.r.until(lambda: open_projects(inbox))
    placement = Placement(inbox, project)
    content = files_source([stems])(project.media, placement.folder)
    placement.send(content.result, {"kind": "cursor"}, title=content.title, folder=content.folder)
    large.r.until(lambda: placement.answer().is_final, timeout_s=240)
    assert placement.answer().state == "placed", placement.answer()
    new = large.project.tracks[110 : 110 + count + 1]
    assert len(large.project.tracks) == TRACKS + count + 1
    assert [track.name for track in new] == ["Song", *sorted(f"stem {number}" for number in range(count))]
    assert [track.depth for track in new] == [1, *[0] * (count - 1), -1]
    assert large.project.undo == (["AceBridge: Song"] if count == 12 else steps("Song", 4))
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
