"""What is sent of a mix: what is played. Tracks that an accessor does not hear are rendered, and everything is put back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.support.fake_reaper import behaviour, calls_project
from tests.support.fake_reaper.state import Envelope, Source
from tests.support.reaper_answers import read_source
from tests.support.reaper_scene import AT, LENGTH, START, STOP, Scene, on_every_version
from tests.support.reaper_studio import RATE_HZ

FRAMES = STOP - START


def double(samples: np.ndarray, _rate: float) -> np.ndarray:
    return samples * 2


def add_synth(scene: Scene) -> Any:
    """A track whose instrument plays a constant while its MIDI item lasts."""
    track = scene.project.add_track("Synth")
    item = track.add_item(None, AT / RATE_HZ, LENGTH / RATE_HZ)
    item.add_take(Source("", "MIDI"), "notes")
    track.add_fx(lambda samples, _rate: samples + 0.25, "VSTi: Piano")
    return track


def send_selection(scene: Scene, action: str = "Cover") -> tuple[np.ndarray, dict[str, Any]]:
    """Send a selection of all tracks; return what the command would hear, and the request."""
    scene.item.selected = 0
    scene.select()
    folder = scene.send(action)
    request = scene.request(folder)
    samples, rate = read_source(folder, request["parts"][0]["source"])
    assert rate == RATE_HZ
    scene.finish(folder)
    return samples, request


def play_selection(scene: Scene) -> np.ndarray:
    return scene.project.render(START / RATE_HZ, STOP / RATE_HZ)


@on_every_version
def test_instruments_are_rendered_beside_tracks_that_are_read(scene: Scene) -> None:
    synth = add_synth(scene)
    synth.volume = 0.5
    played = play_selection(scene)
    samples, request = send_selection(scene)
    assert np.abs(samples - played).max() < 1e-6
    assert np.abs(played).max() > 0.2
    files = [piece["file"] for piece in request["parts"][0]["source"]["mix"]]
    assert any(file.endswith("a.wav") for file in files), "the guitar is sent as its file"
    assert 42230 in scene.r.actions
    assert scene.r.dialogs[0][0] == "AceBridge: Cover (1 track is rendered)"


def set_values(**values: float) -> Callable[[Scene], Any]:
    return lambda scene: scene.track.values.update(values)


def save_pan_law(scene: Scene) -> None:
    """Nothing but the project's file says its pan law."""
    scene.project.pan_law = 0.7071
    scene.project.file = str(scene.folder / "song.rpp")
    scene.project.notes = "long notes"
    scene.project.save_rpp(scene.project.file)


@pytest.mark.parametrize(
    "change",
    [
        lambda scene: scene.track.add_fx(double),
        lambda scene: scene.track.envelopes.append(Envelope("<VOLENV2")),
        lambda scene: scene.project.add_track("sender").send_to(scene.track),
        set_values(B_PHASE=1),
        set_values(I_PANMODE=5, D_WIDTH=0.5),
        set_values(I_PANMODE=5, D_PAN=-1),
        set_values(I_PANMODE=6, D_DUALPANL=0.5),
        lambda scene: (setattr(scene.project, "pan_mode", 6), set_values(D_DUALPANR=0)(scene)),
        set_values(D_PANLAW=0.7071),
        save_pan_law,
        set_values(D_PAN=-0.5),
        set_values(D_PLAY_OFFSET=-0.25, I_PLAY_OFFSET_FLAG=0),
        set_values(D_PLAY_OFFSET=400, I_PLAY_OFFSET_FLAG=2),
        set_values(C_MAINSEND_OFFS=2),
    ],
    ids=[
        "fx", "automation", "receives", "phase", "width", "stereo pan", "dual pan", "dual pan of the project", "pan law",
        "pan law of the project", "half a pan", "earlier", "later, in samples", "other channels",
    ],
)  # fmt: skip
@pytest.mark.parametrize("ways", [None, *behaviour.others("pan_curve", "accessor_offset")])
def test_what_changes_a_track_has_it_rendered(
    scene: Scene, change: Callable[[Scene], Any], ways: dict[str, Any] | None
) -> None:
    scene.r.ways.update(ways or {})
    scene.project.ways.update(ways or {})
    change(scene)
    played = play_selection(scene)
    samples, _ = send_selection(scene)
    assert scene.r.actions.count(42230) == 1
    assert np.abs(samples - played).max() < 1e-6


@pytest.mark.parametrize(
    "change",
    [
        set_values(D_PAN=1), set_values(D_PAN=-1, D_VOL=0.5), set_values(I_PANMODE=5), set_values(I_PANMODE=6),
        set_values(D_WIDTH=0), set_values(D_PANLAW=1), set_values(D_PLAY_OFFSET=1),
    ],
    ids=["right", "left", "full width", "wide dual pan", "width of another mode", "pan law of 0 dB", "offset that is off"],
)  # fmt: skip
@pytest.mark.parametrize("ways", behaviour.both("pan_curve"))
def test_pans_whose_levels_are_known_are_not_rendered(
    scene: Scene, change: Callable[[Scene], Any], ways: dict[str, Any]
) -> None:
    scene.project.ways.update(ways)
    change(scene)
    played = play_selection(scene)
    samples, _ = send_selection(scene)
    assert 42230 not in scene.r.actions
    assert np.abs(samples - played).max() < 1e-6


@pytest.mark.parametrize("how", ["auto", "post"])
@pytest.mark.parametrize("ways", behaviour.both("solo_senders"))
def test_what_sends_to_a_track_sounds_in_it_and_not_on_its_own(scene: Scene, ways: dict[str, Any], how: str) -> None:
    """Also when it comes through another track, and what the track itself sends on is heard where it goes."""
    scene.project.ways.update(ways)
    scene.r.ext["AceBridge", "capture"] = how
    first, between, echo = (scene.project.add_track(name) for name in ("first", "between", "echo"))
    first.add_item(scene.folder / "b.wav", AT / RATE_HZ, LENGTH / RATE_HZ)
    first.send_to(between, D_VOL=0.5)
    between.send_to(scene.track)
    scene.track.send_to(echo, D_VOL=0.25)
    elsewhere = first.send_to(scene.project.add_track("elsewhere"))
    elsewhere.values["B_MUTE"] = 1
    first["B_MAINSEND"] = between["B_MAINSEND"] = 0
    expected = play_selection(scene)
    first["B_MAINSEND"] = between["B_MAINSEND"] = 1
    elsewhere.values["B_MUTE"] = 0
    scene.item.selected, scene.track.selected = 0, 1
    tracks = list(scene.project.tracks)
    before = [(dict(track.values), [dict(send.values) for send in track.sends]) for track in tracks]
    samples, _ = send_selection(scene)
    assert np.abs(samples - expected).max() < 1e-6
    assert np.abs(expected).max() > 0.5
    assert [(dict(track.values), [dict(send.values) for send in track.sends]) for track in tracks] == before


def test_plain_tracks_and_effects_that_are_off_are_not_rendered(scene: Scene) -> None:
    scene.track.add_fx(double).enabled = False
    scene.track.volume = 0.5
    played = play_selection(scene)
    samples, _ = send_selection(scene)
    assert 42230 not in scene.r.actions
    assert np.abs(samples - played).max() < 1e-6
    assert scene.r.dialogs[0][0] == "AceBridge: Cover"


@on_every_version
def test_a_folder_s_effects_are_sent_and_those_of_the_master_are_not(scene: Scene) -> None:
    """The result goes through the master again."""
    scene.project.tracks.insert(0, scene.project.add_track("Bus", I_FOLDERDEPTH=1))
    del scene.project.tracks[-1]
    scene.track["I_FOLDERDEPTH"] = -1
    scene.project.tracks[0].add_fx(double)
    played = play_selection(scene)
    scene.project.master.add_fx(lambda samples, _rate: samples * 0.1)
    scene.project.master.volume = 0.3
    samples, _ = send_selection(scene)
    assert np.abs(samples - played).max() < 1e-6
    assert (scene.project.master["I_FXEN"], scene.project.master.volume) == (1, 0.3)


@on_every_version
def test_a_render_solos_in_place_and_puts_everything_back_at_once(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    synth = add_synth(scene)
    reverb = scene.project.add_track("Reverb")
    scene.track.solo, synth.solo, reverb["B_SOLO_DEFEAT"] = 0, 0, 1
    scene.project.settle()
    keys = ("I_SOLO", "B_SOLO_DEFEAT")
    state = lambda: [tuple(track[key] for key in keys) for track in (scene.track, synth, reverb)]  # noqa: E731
    before, render = (state(), scene.project.state()["render"]), calls_project.ACTIONS[42230]
    during: list[Any] = []
    set_order: list[str] = []
    after: list[Any] = []

    def watch(r: Any, project: Any) -> None:
        during.append(state())
        project.render_strings = SettingOrder(project.render_strings, set_order)
        render(r, project)

    monkeypatch.setitem(calls_project.ACTIONS, 42230, watch)
    scene.item.selected = 0
    scene.select()
    scene.start("Cover")
    scene.r.until(lambda: during)
    after.append((state(), scene.project.state()["render"]))
    assert during == [[(0, 0), (2, 0), (0, 0)]]
    assert after == [before]
    assert set_order[-1] == "RENDER_FORMAT"
    scene.finish(scene.wait())
    assert scene.r.messages == []


class SettingOrder(dict[str, str]):
    """Remembers in which order its values are set."""

    def __init__(self, values: dict[str, str], order: list[str]) -> None:
        super().__init__(values)
        self._order = order

    def __setitem__(self, key: str, value: str) -> None:
        self._order.append(key)
        super().__setitem__(key, value)


@on_every_version
def test_a_render_of_another_length_is_not_sent(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    add_synth(scene)
    render = calls_project.ACTIONS[42230]

    def stop_early(r: Any, project: Any) -> None:
        render(r, project)
        file = Path(project.render_strings["RENDER_FILE"]) / "source-1.wav"
        samples, rate = soundfile.read(file)
        soundfile.write(file, samples[:-100], rate, subtype="FLOAT")

    monkeypatch.setitem(calls_project.ACTIONS, 42230, stop_early)
    scene.item.selected = 0
    scene.select()
    scene.start("Cover")
    scene.r.finish()
    (message,) = scene.r.messages
    assert f"{FRAMES - 100} frames, and {FRAMES} are selected" in message
    assert scene.project.undo == []


@on_every_version
def test_no_render_while_reaper_records(scene: Scene) -> None:
    add_synth(scene)
    scene.item.selected = 0
    scene.select()
    scene.project.playing = 5
    scene.start("Cover")
    scene.r.tick(30)
    assert scene.r.messages == []
    scene.project.playing = 0
    scene.r.tick(5)
    assert "is recording" in scene.r.messages[0]
    scene.r.window().key(27)
    scene.r.finish()
    assert 42230 not in scene.r.actions


@pytest.mark.parametrize("silent", [False, True])
def test_what_is_not_sent_is_said_before(scene: Scene, silent: bool) -> None:
    scene.r.ext["AceBridge", "capture"] = "pre"
    add_synth(scene)
    scene.item.selected = 0
    scene.select()
    if silent:  # no form says it: a question does
        scene.r.answer(2)
        scene.start("Analyse")
        scene.r.finish()
        (message,) = scene.r.messages
        assert "1 MIDI track is not sent" in message
        assert list((scene.r.resource / "AceBridge" / "jobs").glob("*/request.json")) == []
    else:
        scene.r.form(None)
        scene.r.start("AceBridge_Cover.lua")
        assert scene.r.dialogs[0][0] == "AceBridge: Cover (1 MIDI track is not sent)"
