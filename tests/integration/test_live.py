"""Actions in Live from the click to the audio on its lane: the package's own client, a simulated Live, a real daemon."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from acebridge.hosts.live import extension, job
from acebridge.hosts.live.extension import Service
from acestep_runtime.audio.tags.describe import describe_file
from acestep_runtime.midi.read import read_midi
from acestep_runtime.recipes import parse_recipe
from tests.support.daemon import Daemon, song, until
from tests.support.fake_live import RATE_HZ, FakeLive, handle
from tests.support.live_service import serving

#: Of takes that the fake engine holds.
HELD_SEED = 77
#: Beats of the selection, and of the clip that it lies on.
START, END, CLIP_START = 6.0, 7.0, 4.0
FADE = round(0.02 * RATE_HZ)


class Stage(FakeLive):
    """A Set with a clip of 2 s on a track, from beat 4 on, a second track with another, and a MIDI track."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.voice = self.add_track("Vocals")
        self.clip = self.add_clip(self.voice, CLIP_START, 0.5 * song(2.0, rate_hz=RATE_HZ))
        self.band = self.add_track("Band")
        self.add_clip(self.band, 0.0, 0.25 * song(4.0, rate_hz=RATE_HZ))
        self.keys = self.add_track("Keys", "MidiTrack")

    def add_session_clip(self) -> int:
        """A clip in a slot of Session View."""
        slot = self.add("ClipSlot", self.voice, clips=[])
        return self.add_clip(slot, 0.0, song(1.0, rate_hz=RATE_HZ))

    def add_trimmed_clip(self) -> int:
        """A clip that begins inside its file."""
        clip = self.add_clip(self.band, 16.0, song(1.0, rate_hz=RATE_HZ))
        self.objects[clip]["start_marker"] = 0.5
        return clip


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Stage]:
    """A Live with that Set, in a folder whose name is not plain ASCII."""
    with closing(Stage(tmp_path / "Sängerin & Cie")) as live:
        yield live


@pytest.fixture(autouse=True)
def _serve(live: Stage, daemon: Daemon) -> Iterator[None]:
    """The actions, connected to the test's Live and the module's daemon."""
    with serving(live, Service("fake", daemon.address, autostart=False)):
        yield
    daemon.release()


def remember(**texts: str) -> None:
    """Have the actions without dialog use these texts."""
    for action in ("repaint", "cover", "lego", "complete", "extract", "generate"):
        extension.Memory(job.data_folder() / job.LIVE_FOLDER).remember(action, texts)


def await_takes(live: Stage, track: int, count: int = 1) -> list[Any]:
    """The take lanes of a track, once ``count`` of them hold a clip and the progress has closed."""
    until(lambda: sum(bool(lane["clips"]) for lane in live.lanes(track)) >= count and not live.open_progress, "a take")
    return live.lanes(track)


def message(live: Stage, number: int = 1) -> str:
    """The text of a page that is shown."""
    until(lambda: len(live.pages) >= number, "a page")
    return live.pages[number - 1]


def test_a_repaint_lies_on_a_take_lane_equal_outside_and_new_inside(live: Stage) -> None:
    live.scale = (9, "Minor", True)
    before = live.state()
    live.answers = [{"style": "brighter piano", "seed": "7"}]
    live.select("Repaint selection", START, END, live.voice)
    (lane,) = await_takes(live, live.voice)
    (clip,) = (live.objects[number] for number in lane["clips"])
    assert (clip["start"], clip["warped"], clip["frames"]) == (CLIP_START, False, 2 * RATE_HZ)
    assert (lane["name"], Path(clip["file"]).is_relative_to(live.project)) == ("AceBridge: brighter piano", True)
    old = live.playback(live.voice, CLIP_START, CLIP_START + 4)
    new = live.playback(live.objects[lane["clips"][0]]["parent"], CLIP_START, CLIP_START + 4)
    changed = np.flatnonzero((old != new).any(axis=1))
    assert (changed[0], changed[-1] + 1) == (RATE_HZ - FADE, RATE_HZ + RATE_HZ // 2 + FADE)
    (request,) = (json.loads(file.read_text()) for file in job.jobs_folder().glob("*/request.json"))
    music = request["parts"][0]["fields"]["music"]
    assert music == {"caption": "brighter piano", "bpm": 120.0, "keyscale": "A minor"}
    assert len(live.steps) == 2
    live.undo()  # the audio
    assert not live.lanes(live.voice)[0]["clips"]
    live.undo()  # the empty lane
    assert live.state() == before
    assert not list(job.media_folder().iterdir())  # Live has its own copy


def test_a_second_take_uses_the_empty_lane_and_is_one_step(live: Stage) -> None:
    remember(seed="7")
    live.select("Repaint selection, as last time", START, END, live.voice)
    await_takes(live, live.voice)
    live.objects[live.objects[live.voice]["lanes"][0]]["clips"].clear()
    steps, before = len(live.steps), live.state()
    live.select("Repaint selection, as last time", START, END, live.voice)
    assert len(await_takes(live, live.voice)) == 1
    assert len(live.steps) == steps + 1
    live.undo()
    assert live.state() == before


def test_a_take_lane_stands_for_its_track(live: Stage) -> None:
    remember(seed="7")
    live.select("Repaint selection, as last time", START, END, live.voice)
    await_takes(live, live.voice)
    lane = live.objects[live.voice]["lanes"][0]
    live.select("Repaint selection, as last time", START, END, lane, live.voice)
    assert len(await_takes(live, live.voice, 2)) == 2


def test_several_tracks_and_takes_each_get_lanes(live: Stage) -> None:
    remember(takes="2", seed="3")
    live.select("Repaint selection, as last time", 5.0, 6.0, live.voice, live.band)
    assert len(await_takes(live, live.voice, 2)) == len(await_takes(live, live.band, 2)) == 2
    assert {live.objects[lane["clips"][0]]["start"] for lane in live.lanes(live.band)} == {0.0}
    assert len(live.steps) == 2


def test_stems_of_a_mix_lie_on_new_tracks_that_add_up(live: Stage) -> None:
    remember(tracks="vocals, drums")
    live.select("Extract stems, as last time", 4.0, 8.0, live.voice, live.band)
    until(lambda: len(live.steps) == 2 and not live.open_progress, "the stems")
    new = {name: number for name, number in live.tracks().items() if number not in (live.voice, live.band, live.keys)}
    assert sorted(new) == ["Stems drums", "Stems vocals"]
    clips = [live.objects[number] for track in new.values() for number in live.objects[track]["clips"]]
    assert [(clip["start"], clip["frames"]) for clip in clips] == [(4.0, 2 * RATE_HZ)] * 2
    (request,) = (file for file in job.jobs_folder().glob("*/request.json"))
    sent, _ = soundfile.read(request.with_name("mix-1.wav"), always_2d=True)
    mix = sum(live.playback(track, 4.0, 8.0) for track in (live.voice, live.band))
    assert abs(sent - mix).max() < 2**-22  # each render has 24 bits
    for _ in live.steps[:]:
        live.undo()
    assert sorted(live.tracks()) == ["Band", "Keys", "Vocals"]


def test_new_music_is_as_long_as_the_selection_also_beside_midi(live: Stage) -> None:
    remember(takes="2", seed="5")
    live.select("Generate here, as last time", 2.0, 5.0, live.keys, midi=True)
    until(lambda: len(live.tracks()) == 4 and len(live.steps) == 2, "the tracks")
    names = [live.objects[number] for number in live.objects[live.song]["tracks"][3:]]
    clips = [live.objects[number] for track in names for number in track["clips"]]
    assert [(clip["start"], clip["frames"]) for clip in clips] == [(2.0, 3 * RATE_HZ // 2)] * 2
    assert [track["mute"] for track in names] == [False, True]


def test_new_music_follows_the_notes_of_midi_clips(live: Stage) -> None:
    kick = {"pitch": 60, "startTime": 0.0, "duration": 0.5, "velocity": 90}
    live.add_midi_clip(live.keys, 2.0, 3.0, kick, loop=(0.0, 1.0))
    remember(seed="5")
    live.select("Generate here, as last time", 2.0, 5.0, live.keys, midi=True)
    until(lambda: len(live.tracks()) == 4 and len(live.steps) == 2 and not live.open_progress, "the track")
    (file,) = job.jobs_folder().glob("*/request.json")
    (part,) = json.loads(file.read_text())["parts"]
    assert (part["midi"], part["fields"]["music"]) == ({"file": "notes.mid"}, {})
    notes = [note for part in read_midi((file.parent / "notes.mid").read_bytes()).parts for note in part.notes]
    assert [(round(note.start_s, 3), round(note.end_s, 3), note.velocity) for note in notes] == [
        (0.0, 0.25, 90), (0.5, 0.75, 90), (1.0, 1.25, 90)
    ]  # fmt: skip
    remember(seed="5", notes="no")
    live.select("Generate here, as last time", 2.0, 5.0, live.keys, midi=True)
    until(lambda: len(live.steps) == 4 and not live.open_progress, "the second track")
    parts = [json.loads(file.read_text())["parts"][0] for file in job.jobs_folder().glob("*/request.json")]
    assert sorted("midi" in part for part in parts) == [False, True]
    assert live.pages == []


def test_a_layer_lies_in_the_selection(live: Stage) -> None:
    remember(tracks="drums", seed="5")
    live.select("Add layer, as last time", 3.0, 5.0, live.band)
    until(lambda: "Layer drums" in live.tracks() and len(live.steps) == 2, "the layer")
    track = live.tracks()["Layer drums"]
    played = live.playback(track, 0.0, 8.0)
    sounding = np.flatnonzero(played.any(axis=1))
    assert abs(sounding[0] - live.frame_at(3.0)) <= FADE + 2
    assert abs(sounding[-1] + 1 - live.frame_at(5.0)) <= FADE + 2


def test_cover_and_complete_are_placed_where_the_selection_is(live: Stage) -> None:
    remember(tracks="drums", seed="5")
    for number, title in enumerate(("Cover", "Complete"), 1):
        live.select(f"{title}, as last time", 4.5, 6.0, live.voice)
        until(lambda n=number: len(live.steps) == 2 * n and not live.open_progress, title)
    new = [live.objects[number] for number in live.objects[live.song]["tracks"][3:]]
    assert {live.objects[number]["start"] for track in new for number in track["clips"]} == {4.5}


def test_another_take_of_a_clip_follows_its_recipe(live: Stage) -> None:
    remember(style="piano", seed="7")
    live.select("Repaint selection, as last time", START, END, live.voice)
    (lane,) = await_takes(live, live.voice)
    live.click("Another take", "AudioClip", handle(lane["clips"][0]))
    first, second = await_takes(live, live.voice, 2)
    one, two = (live.objects[each["clips"][0]] for each in (first, second))
    assert (one["start"], one["frames"]) == (two["start"], two["frames"])
    assert soundfile.read(one["file"])[0].tolist() != soundfile.read(two["file"])[0].tolist()


@pytest.mark.parametrize(("answer", "amounts"), [({"amount": "0.6", "takes": "2"}, [0.6, 0.6]), ({}, [0.3])])
def test_vary_makes_takes_near_a_clip(live: Stage, answer: dict[str, str], amounts: list[float]) -> None:
    remember(style="piano", seed="7")
    live.select("Repaint selection, as last time", START, END, live.voice)
    (lane,) = await_takes(live, live.voice)
    live.answers = [answer]
    live.click("Vary this take", "AudioClip", handle(lane["clips"][0]))
    takes = [live.objects[each["clips"][0]] for each in await_takes(live, live.voice, 1 + len(amounts))]
    assert {(take["start"], take["frames"]) for take in takes} == {(CLIP_START, 2 * RATE_HZ)}
    varied = [parse_recipe(describe_file(Path(take["file"]))[1], "take").take_seed for take in takes[1:]]
    assert [(take.seed, step.amount) for take in varied for step in take.variations] == [(7, each) for each in amounts]
    assert len({step.seed for take in varied for step in take.variations}) == len(amounts)
    old, *new = (soundfile.read(take["file"], always_2d=True)[0] for take in takes)
    for samples in new:
        changed = np.flatnonzero((old != samples).any(axis=1))
        assert np.all((changed >= RATE_HZ - FADE) & (changed < RATE_HZ + RATE_HZ // 2 + FADE)), (
            "outside it is the source"
        )


def test_analyse_shows_what_was_found(live: Stage) -> None:
    live.click("Analyse", "AudioClip", handle(live.clip))
    assert "<p>Tempo: " in message(live)
    assert live.steps == []


def test_a_tempo_that_changes_is_measured(live: Stage) -> None:
    live.tempos = [(0.0, 120.0), (5.0, 60.0)]
    remember(seed="7")
    live.select("Repaint selection, as last time", 5.5, 6.0, live.voice)
    (lane,) = await_takes(live, live.voice)
    old, new = (
        live.playback(place, CLIP_START, 6.5) for place in (live.voice, live.objects[lane["clips"][0]]["parent"])
    )
    changed = np.flatnonzero((old != new).any(axis=1))
    base = live.frame_at(CLIP_START)
    assert abs(changed[0] - (live.frame_at(5.5) - base - FADE)) <= 1
    assert abs(changed[-1] + 1 - (live.frame_at(6.0) - base + FADE)) <= 1
    assert "The tempo changes there" in message(live)


def test_the_dialog_asks_again_and_remembers(live: Stage) -> None:
    live.answers = [{"style": '<b>"piano"</b>', "takes": "9"}, {"style": '<b>"piano"</b>', "seed": "7"}, None]
    live.select("Cover", 4.5, 6.0, live.voice)
    until(lambda: len(live.steps) == 2 and not live.open_progress, "the cover")
    assert "Takes (1 to 8) is &#x27;9&#x27;; allowed: 1 to 8." in live.pages[1]
    assert "&lt;b&gt;&quot;piano&quot;&lt;/b&gt;" in live.pages[1]
    live.select("Cover", 4.5, 6.0, live.voice)  # closed: nothing happens
    assert 'value="7"' in message(live, 3)


def test_cancel_leaves_nothing_behind(live: Stage, daemon: Daemon) -> None:
    before = live.state()
    daemon.hold(HELD_SEED)
    remember(seed=str(HELD_SEED))
    live.select("Repaint selection, as last time", START, END, live.voice)
    until(lambda: any(value and value > 5 for texts in live.progress.values() for _, value in texts), "progress")
    live.cancel()
    until(lambda: not live.open_progress, "the end of the progress")
    (status,) = (json.loads(file.read_text()) for file in job.jobs_folder().glob("*/status.json"))
    assert (status["state"], live.state(), live.steps, live.pages) == ("cancelled", before, [], [])
    assert not list(job.media_folder().glob("*"))


def test_cancel_while_audio_is_read_leaves_nothing_behind(live: Stage) -> None:
    before = live.state()
    live.before["resources.renderPreFxAudio"] = live.cancel
    live.select("Cover, as last time", 4.0, 8.0, live.voice, live.band)
    until(lambda: live.progress and not live.open_progress, "the end of the progress")
    assert (live.state(), live.steps, live.pages) == (before, [], [])
    assert not list(job.media_folder().glob("*"))


def test_actions_at_once_read_their_own_stretches(live: Stage) -> None:
    """Live gives both renders one name where they are of one second."""
    stretches = [(4.0, 5.0), (6.0, 8.0), (5.0, 7.5)]
    for start, end in stretches:
        live.select("Cover, as last time", start, end, live.voice)
    until(lambda: len(live.steps) == 2 * len(stretches) and not live.open_progress, "the covers")
    reads = [soundfile.read(file, always_2d=True)[0] for file in job.jobs_folder().glob("*/source-1.wav")]
    sent = {len(read): read for read in reads}
    for start, end in stretches:
        played = live.playback(live.voice, start, end)
        assert np.abs(sent[len(played)] - played).max() < 2**-22
    new = [live.objects[number] for number in live.objects[live.song]["tracks"][3:]]
    assert sorted(live.objects[clip]["start"] for track in new for clip in track["clips"]) == [4.0, 5.0, 6.0]


def test_a_clip_that_moved_meanwhile_takes_its_take_along(live: Stage) -> None:
    def move() -> None:
        live.objects[live.clip]["start"] += 8.0

    remember(seed="7")
    live.before["bridge.ping"] = move  # just before the result is placed
    live.select("Repaint selection, as last time", START, END, live.voice)
    (lane,) = await_takes(live, live.voice)
    assert live.objects[lane["clips"][0]]["start"] == CLIP_START + 8.0
    assert "The clip on Vocals was moved meanwhile" in message(live)


@pytest.mark.parametrize(
    ("gone", "sentence"),
    [
        ("clip", "<p>The clip on Vocals is gone; the take lies where it was.</p>"),
        ("voice", "<p>The track Vocals is gone; the take lies on a new track.</p>"),
    ],
)
def test_what_was_deleted_meanwhile_gets_its_take_all_the_same(live: Stage, gone: str, sentence: str) -> None:
    remember(seed="7")
    live.before["bridge.ping"] = lambda: live.remove(getattr(live, gone))
    live.select("Repaint selection, as last time", START, END, live.voice)
    assert sentence in message(live)
    where = live.voice if gone == "clip" else live.tracks()["Vocals"]
    clips = live.lanes(where)[0]["clips"] if gone == "clip" else live.objects[where]["clips"]
    assert live.objects[clips[0]]["start"] == CLIP_START


REFUSALS = {
    "no length": (lambda live: live.select("Cover, as last time", 4.0, 4.0, live.voice), "the selection has no length"),
    "no track": (lambda live: live.select("Cover, as last time", 4.0, 5.0), "No track is selected."),
    "MIDI": (
        lambda live: live.select("Repaint selection, as last time", 4.0, 5.0, live.keys, midi=True),
        "Keys is a MIDI track or holds no audio of its own. Freeze and flatten it",
    ),
    "no clip": (
        lambda live: live.select("Repaint selection, as last time", 20.0, 24.0, live.voice),
        "There is no audio clip in the selection on Vocals.",
    ),
    "group": (
        lambda live: live.select("Cover, as last time", 4.0, 5.0, live.add_track("Group", group=True)),
        "Live does not render the track Group",
    ),
    "too short": (
        lambda live: live.select("Generate here, as last time", 4.0, 4.1, live.voice),
        "The selection is 0.05 s long; allowed: 0.1 to 600 s of new music.",
    ),
    "nothing waits": (lambda live: live.select("Place waiting results", 0.0, 1.0, live.voice), "No result waits"),
    "session": (
        lambda live: live.click("Cover, as last time", "AudioClip", handle(live.add_session_clip())),
        "is in Session View. Drag it into the arrangement",
    ),
    "trimmed": (
        lambda live: live.click("Another take", "AudioClip", handle(live.add_trimmed_clip())),
        "The clip is warped, or begins inside its file",
    ),
    "no recipe": (lambda live: live.click("Another take", "AudioClip", handle(live.clip)), "recipe"),
    "nothing to vary": (
        lambda live: live.click("Vary this take, as last time", "AudioClip", handle(live.clip)),
        "recipe",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_cannot_be_done_is_said_in_a_sentence(live: Stage, name: str) -> None:
    act, sentence = REFUSALS[name]
    act(live)
    said = " ".join(message(live).replace("</p>\n<p>", " ").split())
    assert sentence in said, said
    assert (live.steps, live.open_progress) == ([], set())


def test_a_full_disk_while_audio_is_read_is_named(live: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_source: object, target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(target))

    monkeypatch.setattr(shutil, "copyfile", fail)
    live.select("Cover, as last time", 4.0, 8.0, live.voice)
    assert "A file cannot be read or written: No space left on device." in message(live)
    assert "Free some disk space" in message(live)
    assert (live.steps, live.open_progress) == ([], set())


def test_a_full_disk_keeps_the_result_for_later(live: Stage) -> None:
    live.refuse["resources.importIntoProject"] = "No space left on device"
    remember(seed="7")
    live.select("Repaint selection, as last time", START, END, live.voice)
    assert "did not take the audio file" in message(live)
    live.refuse.clear()
    live.select("Place waiting results", 0.0, 1.0, live.voice)
    (lane,) = await_takes(live, live.voice)
    assert live.objects[lane["clips"][0]]["start"] == CLIP_START


def test_a_bridge_that_comes_back_gets_the_result(live: Stage, daemon: Daemon) -> None:
    daemon.hold(HELD_SEED)
    remember(seed=str(HELD_SEED))
    live.select("Repaint selection, as last time", START, END, live.voice)
    until(lambda: any(value and value > 5 for texts in live.progress.values() for _, value in texts), "progress")
    live.disconnect()
    daemon.release()
    (lane,) = await_takes(live, live.voice)
    assert live.objects[lane["clips"][0]]["start"] == CLIP_START


def test_after_another_start_of_live_only_names_count(live: Stage, daemon: Daemon) -> None:
    daemon.hold(HELD_SEED)
    remember(seed=str(HELD_SEED))
    live.select("Repaint selection, as last time", START, END, live.voice)
    until(lambda: any(value and value > 5 for texts in live.progress.values() for _, value in texts), "progress")
    live.disconnect()
    live.objects[live.voice]["name"] = "Drums"  # the number of the track is another track's now
    voice = live.add_track("Vocals")
    daemon.release()
    await_takes(live, voice)
    assert live.lanes(live.voice) == []


def test_a_transaction_that_fails_keeps_the_result(live: Stage) -> None:
    live.refuse["dataModel.takelaneCreateAudioClip"] = "Failed to create clip"
    remember(seed="7")
    live.select("Repaint selection, as last time", START, END, live.voice)
    assert "Failed to create clip" in message(live)
    assert len(list(job.media_folder().iterdir())) == 1


def test_a_daemon_that_is_gone_is_named(tmp_path: Path) -> None:
    with closing(Stage(tmp_path / "second")) as live, serving(live, Service("fake", "127.0.0.1:9", autostart=False)):
        live.select("Repaint selection, as last time", START, END, live.voice)
        assert "No AceBridge daemon answers at 127.0.0.1:9." in message(live)
        assert (live.steps, live.open_progress) == ([], set())
