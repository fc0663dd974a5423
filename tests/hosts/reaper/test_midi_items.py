"""Selected MIDI: rendered through its instrument, and the result on a new track below, at the same place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import soundfile

from tests.support.fake_reaper import behaviour
from tests.support.fake_reaper.state import Source
from tests.support.reaper_answers import NEW, read_source
from tests.support.reaper_scene import AT, LENGTH, START, STOP, Scene
from tests.support.reaper_studio import RATE_HZ

#: A note of two quarters at the item's start and one near its end, at 120 BPM.
NOTES = ((0.0, 2.0, 69), (5.0, 8.0, 57))


def add_synth(scene: Scene, name: str = "Synth", position: int = AT, length: int = LENGTH) -> Any:
    """A selected MIDI item on a track with an instrument; nothing else is selected."""
    track = scene.project.add_track(name)
    track.add_instrument()
    item = track.add_midi(position / RATE_HZ, length / RATE_HZ, *NOTES)
    for other in scene.project.items():
        other.selected = 0
    item.selected = 1
    scene.project.settle()
    return item


def play(scene: Scene, first: int = AT, count: int = LENGTH) -> np.ndarray:
    return np.asarray(scene.project.render(first / RATE_HZ, (first + count) / RATE_HZ), np.float32)


def alone(scene: Scene, item: Any) -> np.ndarray:
    """What an item plays while all other tracks are muted."""
    others = [track for track in scene.project.tracks if track is not item.track]
    for track in others:
        track["B_MUTE"] = 1
    played = play(scene)
    for track in others:
        track["B_MUTE"] = 0
    return played


def state_of(scene: Scene) -> Any:
    return {key: value for key, value in scene.project.state().items() if key not in ("ext", "redo")}


def test_a_repaint_of_midi_is_rendered_and_lies_below(scene: Scene) -> None:
    item = add_synth(scene)
    item.track.volume = 0.5
    played = alone(scene, item)
    scene.project.time_selection = (START / RATE_HZ, STOP / RATE_HZ)
    before = state_of(scene)
    folder = scene.send("Repaint time selection")
    samples, rate = read_source(folder, scene.request(folder)["parts"][0]["source"])
    assert rate == RATE_HZ
    assert np.abs(samples - played).max() < 1e-6
    assert np.abs(played).max() > 0.1
    assert state_of(scene) == before, "a render leaves nothing behind"
    scene.finish(folder)
    assert [len(item.takes), item.takes[0].source.kind] == [1, "MIDI"]
    track = scene.project.tracks[scene.project.tracks.index(item.track) + 1]
    (new,) = track.items
    assert new.position == AT / RATE_HZ
    assert new.length == pytest.approx(LENGTH / RATE_HZ)
    expected = played.copy()
    expected[START - AT : STOP - AT] *= -1
    assert np.abs(soundfile.read(new.takes[0].source.path, dtype="float32")[0] - expected).max() < 1e-6
    (message,) = scene.r.messages
    assert message == '"MIDI" holds MIDI, so that the result is on a new track below it, at the same place.'
    assert scene.project.undo == ["AceBridge: Repaint time selection"]


def test_another_take_of_a_result_is_one_of_its_item(scene: Scene) -> None:
    item = add_synth(scene)
    scene.project.time_selection = (START / RATE_HZ, STOP / RATE_HZ)
    scene.run("Repaint time selection")
    (new,) = scene.new_tracks()[-1].items
    item.selected, new.selected = 0, 1
    scene.project.time_selection = (0.0, 0.0)
    scene.project.settle()
    fields = scene.run("Another take")["parts"][0]["fields"]
    assert (fields["start_s"], fields["end_s"]) == pytest.approx(((START - AT) / RATE_HZ, (STOP - AT) / RATE_HZ))
    assert len(new.takes) == 2


def test_audio_and_midi_are_done_together(scene: Scene) -> None:
    item = add_synth(scene)
    scene.item.selected = 1
    scene.select()
    request = scene.run("Repaint time selection")
    assert len(request["parts"]) == 2
    assert (len(scene.item.takes), len(item.takes)) == (2, 1)
    assert len(scene.new_tracks()) == 2, "the synth and the result"
    assert "new take" in scene.r.messages[0]


@pytest.mark.parametrize(("action", "first", "count"), [("Extend", AT, LENGTH), ("Prepend", AT - 2 * RATE_HZ, LENGTH)])
def test_midi_grows_beside_its_item(scene: Scene, action: str, first: int, count: int) -> None:
    item = add_synth(scene)
    played = alone(scene, item)
    item["B_LOOPSRC"] = 1  # repeats its notes: what it plays is what is sent
    scene.run(action, Bars="1")
    assert scene.r.dialogs[0][0] == f"AceBridge: {action} (1 MIDI item is rendered)"
    (new,) = scene.new_tracks()[-1].items
    assert (item.position, item.length) == (AT / RATE_HZ, LENGTH / RATE_HZ)
    assert new.position == pytest.approx(first / RATE_HZ, abs=1e-9)
    made = soundfile.read(new.takes[0].source.path, dtype="float32")[0]
    assert len(made) == count + 2 * RATE_HZ
    old = made[:LENGTH] if action == "Extend" else made[-LENGTH:]
    assert np.abs(old - played).max() < 1e-6
    assert np.all((made[LENGTH:] if action == "Extend" else made[:-LENGTH]) == NEW)


def test_a_join_of_midi_and_audio_sounds_as_both_do(scene: Scene) -> None:
    item = add_synth(scene)
    path = scene.folder / "next.wav"
    soundfile.write(path, np.full((3 * RATE_HZ, 2), 0.125), RATE_HZ, subtype="FLOAT")
    audio = item.track.add_item(path, (AT + LENGTH) / RATE_HZ, 3.0)
    audio.selected = 1
    scene.project.settle()
    item.track.add_fx(lambda samples, _rate: samples * 0.5)
    for other in scene.project.tracks:
        other["B_MUTE"] = int(other is not item.track)
    played = play(scene, count=LENGTH + 3 * RATE_HZ)
    folder = scene.send("Smooth the join of two items")
    samples, _ = read_source(folder, scene.request(folder)["parts"][0]["source"])
    assert np.abs(samples - played).max() < 1e-6
    scene.finish(folder)
    assert len(scene.r.messages) == 1
    assert (len(item.takes), len(audio.takes)) == (1, 1)
    (new,) = scene.new_tracks()[-1].items
    assert (new.position, len(scene.new_tracks()[-1].items)) == (AT / RATE_HZ, 1)


def test_scores_of_midi_takes_are_those_of_their_sound(scene: Scene) -> None:
    item = add_synth(scene)
    item.add_take(Source("", "MIDI", notes=((1.0, 2.0, 45),)), "low")
    scene.project.settle()
    folder = scene.send("Score takes")
    played = [read_source(folder, part["source"])[0] for part in scene.request(folder)["parts"]]
    assert item["I_CURTAKE"] == 0
    assert np.abs(played[0] - alone(scene, item)).max() < 1e-6
    item["I_CURTAKE"] = 1
    assert np.abs(played[1] - alone(scene, item)).max() < 1e-6
    scene.finish(folder)
    assert "low: quality 0.50" in scene.r.messages[0]


def test_a_take_that_cannot_be_scored_is_named(scene: Scene) -> None:
    scene.item.add_take(Source("", "MIDI", notes=NOTES), "notes")
    scene.project.settle()
    scene.item.selected = 1
    request = scene.run("Score takes")
    assert len(request["parts"]) == 1
    (message,) = scene.r.messages
    assert "riff: quality 0.50" in message
    assert 'take 2: No instrument plays "notes".' in message


@pytest.mark.parametrize("ways", behaviour.both("solo_senders"))
def test_an_item_plays_alone(scene: Scene, ways: dict[str, Any]) -> None:
    """Neither what lies on it, nor what its track receives, nor tracks in its folder; a side chain stays."""
    scene.project.ways.update(ways)
    item = add_synth(scene)
    played = alone(scene, item)
    item.track.add_midi((AT + 500) / RATE_HZ, 2.0, (0.0, 4.0, 30))
    scene.track.send_to(item.track)
    chain = scene.track.send_to(item.track, I_DSTCHAN=2, D_VOL=0.0)
    item.track["I_FOLDERDEPTH"] = 1
    child = scene.project.add_track("child", I_FOLDERDEPTH=-1)
    child.add_instrument()
    child.add_midi(AT / RATE_HZ, 4.0, (0.0, 8.0, 50))
    scene.project.settle()
    before = state_of(scene)
    folder = scene.send("Extend", Bars="1")
    samples, _ = read_source(folder, scene.request(folder)["parts"][0]["source"])
    assert np.abs(samples - played).max() < 1e-6
    assert state_of(scene) == before
    assert (chain.values["B_MUTE"], scene.track.sends[0].values["B_MUTE"]) == (0, 0)
    scene.finish(folder)


@pytest.mark.parametrize("muted", ["item", "track"])
def test_what_is_muted_and_selected_is_rendered_all_the_same(scene: Scene, muted: str) -> None:
    item = add_synth(scene)
    played = alone(scene, item)
    (item if muted == "item" else item.track)["B_MUTE"] = 1
    scene.project.settle()
    folder = scene.send("Extend", Bars="1")
    samples, _ = read_source(folder, scene.request(folder)["parts"][0]["source"])
    assert np.abs(samples - played).max() < 1e-6
    assert (item if muted == "item" else item.track)["B_MUTE"] == 1
    scene.finish(folder)


@pytest.mark.parametrize("action", ["Repaint time selection", "Extend", "Score takes"])
def test_without_an_instrument_nothing_is_rendered(scene: Scene, action: str) -> None:
    item = add_synth(scene)
    item.track.fx.clear()
    scene.project.time_selection = (START / RATE_HZ, STOP / RATE_HZ)
    scene.r.form()
    scene.r.run(f"AceBridge_{action}.lua")
    (message,) = scene.r.messages
    assert message.startswith('No instrument plays "MIDI".')
    assert 42230 not in scene.r.actions
    assert not list((scene.r.resource / "AceBridge" / "jobs").glob("*-*-*"))


@pytest.mark.parametrize("action", ["Repaint time selection", "Cover", "Analyse"])
def test_a_silent_render_says_why(scene: Scene, action: str) -> None:
    """An effect is no instrument."""
    item = add_synth(scene)
    item.track.fx.clear()
    item.track.add_fx(lambda samples, _rate: samples * 2)
    scene.project.time_selection = (START / RATE_HZ, STOP / RATE_HZ)
    scene.r.form()
    scene.r.run(f"AceBridge_{action}.lua")
    (message,) = scene.r.messages
    assert "No instrument plays" in message
    assert "is silent" in message
    assert not list((scene.r.resource / "AceBridge" / "jobs").glob("*-*-*"))


@pytest.mark.parametrize("capture", ["auto", "pre", "post"])
@pytest.mark.parametrize("action", ["Analyse", "Lyrics to regions"])
def test_listening_gets_selected_midi(scene: Scene, action: str, capture: str) -> None:
    item = add_synth(scene)
    item.notes = "la"
    scene.r.ext["AceBridge", "capture"] = capture
    played = alone(scene, item)
    scene.r.answer(7, 7)
    folder = scene.send(action)
    samples, _ = read_source(folder, scene.request(folder)["parts"][0]["source"])
    assert np.abs(samples - played).max() < 1e-6
    scene.finish(folder)


def test_two_selected_midi_items_are_mixed_whatever_is_sent(scene: Scene) -> None:
    first = add_synth(scene)
    second = add_synth(scene, "Bass")
    first.selected = second.selected = 1
    scene.project.settle()
    scene.r.ext["AceBridge", "capture"] = "pre"
    scene.track["B_MUTE"] = 1
    played = play(scene)
    folder = scene.send("Cover")
    samples, _ = read_source(folder, scene.request(folder)["parts"][0]["source"])
    assert np.abs(samples - played).max() < 1e-6
    scene.finish(folder)


def test_midi_without_an_instrument_is_named_beside_audio(scene: Scene) -> None:
    """What is played is sent, and the dialog says what is not."""
    first, second = add_synth(scene), add_synth(scene, "Bass")
    second.track.fx.clear()
    first.selected = second.selected = 1
    scene.project.settle()
    folder = scene.send("Cover")
    title = "AceBridge: Cover (2 tracks are rendered, 1 of them without an instrument)"
    assert scene.r.dialogs[0][0] == title
    scene.finish(folder)


def test_an_item_of_more_than_20_minutes_is_refused(scene: Scene) -> None:
    add_synth(scene, length=1300 * RATE_HZ)
    scene.r.form()
    scene.r.run("AceBridge_Extend.lua")
    (message,) = scene.r.messages
    assert "1300 s long; allowed: at most 1200 s" in message


def test_the_result_goes_along_with_its_item(scene: Scene) -> None:
    item = add_synth(scene)
    folder = scene.send("Extend", Bars="1")
    item["D_POSITION"] += 3.0
    scene.finish(folder)
    (new,) = scene.new_tracks()[-1].items
    assert new.position == pytest.approx(AT / RATE_HZ + 3.0)


def test_a_result_waits_for_an_item_that_is_gone(scene: Scene) -> None:
    item = add_synth(scene)
    folder = scene.send("Extend", Bars="1")
    item.track.items.remove(item)
    scene.finish(folder)
    (message,) = scene.r.messages
    assert "no longer in the project" in message
    assert not (folder / "placed").exists()
