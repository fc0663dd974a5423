"""What a musician edits while a job runs: its result lies to the sample where the music is now, or beside it with one sentence.

No daemon: `tests.support.reaper_answers` answers the requests.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.support.fake_reaper import midi
from tests.support.lua_modules import Leaves
from tests.support.reaper_answers import FACTS as ANSWERS
from tests.support.reaper_answers import NEW, answer, write_recipe
from tests.support.reaper_edits import EDITS, trim_left, trim_right
from tests.support.reaper_scene import AT, LENGTH, OFFSET, START, STOP, Scene
from tests.support.reaper_studio import RATE_HZ

#: By action: the edits after which its result still fits as a take.
TAKES = {
    "Repaint time selection": {"trim left", "trim right", "move", "split", "record", "switch tab"},
    "Extend": {"trim left", "move", "split", "record", "switch tab"},
    "Prepend": {"trim right", "move", "split", "record", "switch tab"},
    "Smooth the join of two items": {"trim left", "split", "record", "switch tab"},
    "Vary this take": {"trim left", "trim right", "move", "split", "record", "switch tab"},
}
#: Actions whose results are new tracks from a source, new tracks without one, and facts.
TRACKS = ("Cover", "Complete", "Extract stems", "Add layer")
FREE = ("Generate here", "Compose from a description")
FACTS = ("Analyse", "Lyrics to regions", "Score takes")
#: What makes MIDI items, and how near they lie: at 120 bpm.
NOTES, TICK_S = "To MIDI", 0.5 / midi.PPQ
#: What follows regions: `test_song_edited_meanwhile`.
SONG = "Song from regions"


def prepare(scene: Scene, action: str, edit: str) -> None:
    if action == "Extend":
        scene.track.items.remove(scene.second)
    if action == "Smooth the join of two items":
        scene.second.selected = 1
    if action == "Repaint time selection":
        scene.project.time_selection = (START / RATE_HZ, STOP / RATE_HZ)
    scene.project.settle()
    if edit == "undo":
        trim_left(scene)
        trim_right(scene)
        scene.project.undo_point("Trim")


@dataclass(frozen=True)
class SentJob:
    """A job, what the project played when it was sent, and where its item lay then, in frames."""

    folder: Path
    before: np.ndarray
    start: int
    stop: int


def send(scene: Scene, action: str, edit: str, **form: str) -> SentJob:
    prepare(scene, action, edit)
    before, start, stop = scene.render(), round(scene.item.position * RATE_HZ), round(scene.item.end * RATE_HZ)
    return SentJob(scene.send(action, **form), before, start, stop)


def run(scene: Scene, action: str, edit: str) -> SentJob:
    """Send an action, edit, let its result come. Assert what holds for every one of them."""
    sent = send(scene, action, edit)
    folder = sent.folder
    EDITS[edit](scene)
    scene.project.settle()
    undo_before = list(scene.project.undo)
    if edit == "record":
        answer(folder)
        scene.r.tick(30)
        assert scene.project.undo == undo_before, "placed into a recording"
        assert not (folder / "placed").exists()
        scene.project.playing = 0
    scene.finish(folder)
    if edit == "close tab":
        return sent
    assert scene.project.undo == [*undo_before, f"AceBridge: {action}"]
    assert (folder / "placed").exists()
    return sent


def assert_kept(scene: Scene, sent: SentJob) -> None:
    """Assert that a result waits for its project, which nobody has open, and that the one that is got nothing."""
    (message,) = scene.r.messages
    assert "no longer open" in message
    assert not (sent.folder / "placed").exists()
    assert (scene.r.project.tracks, scene.r.project.undo) == ([], [])


def assert_beside(scene: Scene, expected: np.ndarray) -> None:
    """Assert that no item got a take, that one new track plays what was made to the sample, and that one sentence says so."""
    (message,) = scene.r.messages
    assert "on a new track below it" in message
    assert "\n" not in message
    assert [len(item.takes) for item in scene.track.items] == [1] * len(scene.track.items)
    assert len(scene.new_tracks()) == 1
    assert_made(scene, expected)


def assert_made(scene: Scene, expected: np.ndarray) -> None:
    """Assert what the new tracks play on their own."""
    scene.track.mute = 1
    assert np.abs(scene.render() - expected).max() == 0
    scene.track.mute = 0


def alone(sent: SentJob) -> np.ndarray:
    """What the item played when it was sent, and nothing else."""
    found = np.zeros_like(sent.before)
    found[sent.start : sent.stop] = sent.before[sent.start : sent.stop]
    return found


def new(start: int, stop: int) -> np.ndarray:
    """New music between two frames."""
    found = np.zeros(40 * RATE_HZ, np.float32)
    found[start:stop] = NEW
    return found


def test_each_action_is_tried_with_each_edit() -> None:
    actions = Leaves(get_action_context=lambda: (False, b"/x.lua"))["actions"].table
    titles = {actions[name][b"title"].decode() for name in actions}
    assert titles == {*TAKES, *TRACKS, *FREE, *FACTS, NOTES, SONG}
    assert len(EDITS) == 10


@pytest.mark.parametrize("edit", EDITS)
def test_a_repaint(scene: Scene, edit: str) -> None:
    sent = run(scene, "Repaint time selection", edit)
    if edit == "close tab":
        assert_kept(scene, sent)
        return
    now = scene.render()
    for item in scene.track.items:
        item["I_CURTAKE"] = 0
    old = scene.render()
    if edit in TAKES["Repaint time selection"]:
        assert scene.r.messages == []
        shift = 10 * RATE_HZ if edit == "move" else 0
        expected = old.copy()
        expected[START + shift : STOP + shift] *= -1
        assert np.abs(now - expected).max() == 0
        assert (old[START + shift : STOP + shift] != 0).all()
    else:
        expected = alone(sent)
        expected[START:STOP] *= -1
        assert_beside(scene, expected)


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize(("action", "side"), [("Extend", 1), ("Prepend", -1)])
def test_an_item_grows(scene: Scene, action: str, side: int, edit: str) -> None:
    if action == "Prepend":
        scene.item.position += 10
        scene.second.position += 20
    at = scene.item.position
    bars = 8 * 2 * RATE_HZ
    sent = run(scene, action, edit)
    if edit == "close tab":
        assert_kept(scene, sent)
        return
    if edit not in TAKES[action]:
        place = (sent.stop, sent.stop + bars) if side > 0 else (sent.start - bars, sent.start)
        assert_beside(scene, alone(sent) + new(*place))
        return
    now = scene.render()
    assert scene.r.messages == []
    start, stop = at + (10 if edit == "move" else 0), at + (10 if edit == "move" else 0) + LENGTH / RATE_HZ
    first, last = (round(stop * RATE_HZ), round(stop * RATE_HZ) + bars) if side > 0 else (
        round(start * RATE_HZ) - bars, round(start * RATE_HZ)
    )  # fmt: skip
    assert np.abs(now[max(0, first) : last] - NEW).max() == 0
    for item in scene.track.items:
        item["I_CURTAKE"] = 0
    old = scene.render()
    inside = slice(round(start * RATE_HZ), round(stop * RATE_HZ))
    assert (now[inside] == old[inside]).all()
    assert np.abs(old[inside]).max() > 0.4


@pytest.mark.parametrize("edit", EDITS)
def test_a_join(scene: Scene, edit: str) -> None:
    sent = run(scene, "Smooth the join of two items", edit)
    if edit == "close tab":
        assert_kept(scene, sent)
        return
    now = scene.render()
    end = AT + LENGTH
    if edit not in TAKES["Smooth the join of two items"]:
        first, last = sent.stop - 2 * RATE_HZ, end + 441 + 2 * RATE_HZ
        expected = sent.before.copy()
        expected[first:last] *= -1
        assert_beside(scene, expected)
        return
    assert scene.r.messages == []
    for item in scene.track.items:
        item["I_CURTAKE"] = 0
    old = scene.render()
    for changed in (slice(end - 2 * RATE_HZ, end), slice(end + 441, end + 441 + 2 * RATE_HZ)):
        assert (now[changed] == -old[changed]).all()
        assert np.abs(old[changed]).max() > 0.4
    quiet = slice(AT + 12_000, end - 2 * RATE_HZ - 10)
    assert (now[quiet] == old[quiet]).all()


#: What a recipe makes new, in frames of the project.
RECIPES = {"a whole file": (AT - OFFSET, AT - OFFSET + 20 * RATE_HZ), "a repaint": (START, STOP)}


def note_recipe(scene: Scene, made: str) -> None:
    """Have the item's take be one that AceBridge made."""
    start, stop = RECIPES[made]
    write_recipe(scene.folder / "a.wav", start - AT + OFFSET, stop - AT + OFFSET)
    if made == "a repaint":
        again = {"offset": OFFSET / RATE_HZ, "start": (START - AT) / RATE_HZ, "stop": (STOP - AT) / RATE_HZ}
        scene.item.takes[0].ext["P_EXT:AceBridge"] = json.dumps({"action": "repaint", "again": again})


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("made", RECIPES)
def test_a_variation(scene: Scene, made: str, edit: str) -> None:
    note_recipe(scene, made)
    sent = run(scene, "Vary this take", edit)
    if edit == "close tab":
        assert_kept(scene, sent)
        return
    start, stop = RECIPES[made]
    if edit not in TAKES["Vary this take"]:
        expected = alone(sent)
        expected[start:stop] *= -1
        assert_beside(scene, expected)
        return
    assert scene.r.messages == []
    scene.second["B_MUTE"] = 1
    now = scene.render()
    for item in scene.track.items:
        item["I_CURTAKE"] = 0
    expected = scene.render()
    assert np.abs(expected).max() > 0.4
    shift = 10 * RATE_HZ if edit == "move" else 0
    expected[start + shift : stop + shift] *= -1
    assert np.abs(now - expected).max() == 0


@pytest.mark.parametrize("made", RECIPES)
def test_a_variation_beside_is_in_its_place_when_its_file_would_begin_before_the_project(
    scene: Scene, made: str
) -> None:
    note_recipe(scene, made)
    scene.item.position = 0
    sent = run(scene, "Vary this take", "glue")
    expected = alone(sent)
    start, stop = RECIPES[made]
    expected[max(0, start - AT) : stop - AT] *= -1
    assert_beside(scene, expected)
    (beside,) = scene.new_tracks()[0].items
    again = json.loads(beside.takes[0].ext["P_EXT:AceBridge"]).get("again")
    if made == "a repaint":  # from where the item begins
        assert again == pytest.approx(
            {"offset": OFFSET / RATE_HZ, "start": (START - AT) / RATE_HZ, "stop": (STOP - AT) / RATE_HZ}
        )
    else:
        assert again is None


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("action", TRACKS)
def test_new_tracks_go_along(scene: Scene, action: str, edit: str) -> None:
    sent = run(scene, action, edit)
    if edit == "close tab":  # it is wanted in the project that is open
        assert "no longer open" in scene.r.messages[0]
        assert len(scene.r.project.tracks) == (2 if action != "Cover" else 1)
        assert (scene.r.project.render(0, 40)[:, 0] == new(sent.start, sent.stop)).all()
        return
    shift = 10 * RATE_HZ if edit == "move" else 0
    assert_made(scene, new(sent.start + shift, sent.stop + shift))
    if edit == "rate change":
        (message,) = scene.r.messages
        assert "where they were" in message
    else:
        assert scene.r.messages == []


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("action", FREE)
def test_new_music_stays_where_it_was_wanted(scene: Scene, action: str, edit: str) -> None:
    scene.project.cursor = 132_301 / RATE_HZ
    scene.project.settle()
    folder = send(scene, action, edit, **({"Description": "a waltz"} if action.startswith("Compose") else {})).folder
    EDITS[edit](scene)
    scene.project.settle()
    answer(folder)
    scene.r.tick(30)
    assert (folder / "placed").exists() == (edit != "record")
    scene.project.playing = 0
    scene.r.finish()
    project = scene.r.project if edit == "close tab" else scene.project
    scene.track.mute = 1
    assert (project.render(0, 40)[:, 0] == new(132_301, 132_301 + 2 * RATE_HZ)).all()
    assert len(scene.r.messages) == (edit == "close tab")


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("action", FACTS)
def test_facts_go_along(scene: Scene, action: str, edit: str) -> None:
    scene.r.answer(7, 6)  # no tempo, but the markers
    sent = send(scene, action, edit)
    folder = sent.folder
    EDITS[edit](scene)
    scene.project.settle()
    answer(folder)
    if edit == "record":
        scene.r.tick(30)
        assert not (folder / "placed").exists()
        scene.project.playing = 0
    scene.r.finish()
    if edit == "close tab":
        assert "no longer open" in scene.r.messages[0]
        assert scene.project.markers == []
        return
    if action == "Score takes":
        if edit == "glue":
            assert "no longer in the project" in scene.r.messages[0]
        else:
            assert "quality 0.50" in scene.r.messages[0]
        return
    start = sent.start + (10 * RATE_HZ if edit == "move" else 0)
    (marker,) = [m for m in scene.project.markers if m.name in ("Am", "la")]
    assert marker.position * RATE_HZ == pytest.approx(start + RATE_HZ, abs=1e-3)
    sentence = [m for m in scene.r.messages if "where they were" in m]
    assert len(sentence) == (edit == "rate change")


@pytest.mark.parametrize("edit", EDITS)
def test_notes_go_along(scene: Scene, edit: str) -> None:
    sent = run(scene, NOTES, edit)
    if edit == "close tab":
        assert_kept(scene, sent)
        return
    start = (sent.start + (10 * RATE_HZ if edit == "move" else 0)) / RATE_HZ
    _, bass, drums = scene.new_tracks()
    for track, part in zip((bass, drums), ANSWERS["transcribe"]["midi_parts"], strict=False):
        (item,) = track.items
        assert item.position == pytest.approx(start, abs=1e-9)
        wanted = [(start + note["start_s"], start + note["end_s"], note["pitch"]) for note in part["notes"]]
        for found, note in zip(midi.notes_of(item), wanted, strict=True):
            assert found == pytest.approx(note, abs=TICK_S)
    if edit == "rate change":
        (message,) = scene.r.messages
        assert "the notes lie where they were" in message
    else:
        assert scene.r.messages == []
