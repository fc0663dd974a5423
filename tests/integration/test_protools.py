"""``acebridge protools`` with a real daemon and a fake Pro Tools: from a selection to clips, and every way to fail."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from acebridge.hosts.jobfolder.status import read_status
from acestep_runtime.audio import decode
from acestep_runtime.audio.samples import Samples
from tests.support.daemon import Daemon, expected_tone, song, until, write_wav
from tests.support.fake_protools import PALETTE, FakeProTools, FakeTrack, Refusal
from tests.support.shell import Done, Shell

START, STOP = 96_001, 144_007
SEED = 7


@pytest.fixture
def pro(tmp_path: Path) -> Iterator[FakeProTools]:
    with FakeProTools(tmp_path / "Sitzung Ä") as pro:
        yield pro


@pytest.fixture
def guitar(pro: FakeProTools) -> FakeTrack:
    """A selected track with noise on it, and a selection in the middle."""
    return add_guitar(pro)


def add_guitar(pro: FakeProTools, channels: int = 2) -> FakeTrack:
    track = pro.add_track("Gitarre/Große 🎸", channels=channels, selected=True)
    pro.put(track, 1000, song(4.0, rate_hz=pro.rate_hz, channels=channels))
    pro.span = (START, STOP)
    return track


def run(shell: Shell, pro: FakeProTools, *words: str, code: int = 0) -> Done:
    seed = () if words[0] == "understand" else ("-s", str(SEED))
    return shell.run("protools", "run", *words, *seed, "-e", "fake", "--port", str(pro.port), code=code)


def refuse(shell: Shell, pro: FakeProTools, *words: str, code: int) -> str:
    """The sentence of a command that fails; Pro Tools and the disk are as before."""
    before, span, known = state(pro), pro.span, jobs(shell)
    sentence = shell.failure("protools", "run", *words, "-e", "fake", "--port", str(pro.port), code=code)
    assert (state(pro), pro.span) == (before, span)
    assert jobs(shell) == known
    assert not (pro.folder / "AceBridge").exists()
    return sentence


def state(pro: FakeProTools) -> list[Any]:
    return [(track.id, track.name, len(track.clips), track.muted, track.colour) for track in pro.tracks]


def jobs(shell: Shell) -> set[Path]:
    return set((Path(shell.environment["ACEBRIDGE_HOME"]) / "protools" / "jobs").glob("*"))


def reference(shell: Shell, audio: Samples, rate_hz: int, *words: str) -> list[tuple[int, Samples]]:
    """What the command makes of the same audio in a file: where each output begins in it, and its samples."""
    write_wav(shell.folder / "same.wav", audio, rate_hz)
    task, *options = words
    report = shell.json(task, "same.wav", *options, "-e", "fake", "-s", str(SEED), "-o", "out/")
    return [(output["start_frame"], decode.read(shell.folder / output["file"])) for output in report["outputs"]]


def placed(track: FakeTrack) -> tuple[int, Samples]:
    """The one clip of a track: its sample and its audio."""
    (clip,) = track.clips
    return clip.sample, clip.audio


@pytest.mark.parametrize("rate_hz", [44_100, 48_000, 96_000])
def test_a_repaint_lands_on_a_new_track_at_its_very_sample(shell: Shell, tmp_path: Path, rate_hz: int) -> None:
    with FakeProTools(tmp_path / "Sitzung", rate_hz) as pro:
        guitar = add_guitar(pro)
        pro.add_track("last")
        run(shell, pro, "repaint", "warm piano", "--context", "0.5")
        context = rate_hz // 2
        heard = guitar.audio(START - context, STOP + context)
        region = "--start", str(context / rate_hz), "--end", str((context + STOP - START) / rate_hz)
        ((first, audio),) = reference(
            shell, heard, rate_hz, "repaint", *region, "--scope", "region", "--context", "0.5"
        )
        sample, clip = placed(pro.track("warm piano"))
        assert sample == START - context + first
        np.testing.assert_array_equal(clip, audio)
        fade = round(0.02 * rate_hz)
        assert (sample, len(clip)) == (START - fade, STOP - START + 2 * fade)
        # At its outer ends the crossfade is the source.
        ends = guitar.audio(sample, sample + len(clip))[[0, -1]]
        np.testing.assert_allclose(clip[[0, -1]], ends, atol=1e-3)
        assert [track.name for track in pro.tracks] == [guitar.name, "warm piano", "last"]
        assert pro.track("warm piano").colour == "#ff0ea5e9"
        assert pro.span == (START, STOP)


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (("cover", "--strength", "0.5", "-c", "brass band"), ["brass band"]),
        (("extract", "-t", "drums", "-t", "vocals"), ["Drums", "Vocals", "Other"]),
        (("complete", "-t", "synth"), ["Synth"]),
    ],
)
def test_what_works_on_the_whole_selection_is_placed_at_its_start(
    shell: Shell, pro: FakeProTools, guitar: FakeTrack, words: tuple[str, ...], names: list[str]
) -> None:
    run(shell, pro, *words)
    expected = reference(shell, guitar.audio(START, STOP), pro.rate_hz, *words)
    made = [track for track in pro.tracks if track is not guitar]
    assert len(made) == len(expected)
    assert {track.name for track in made} == {*names[: len(made)]}
    found = sorted(placed(track)[1].tobytes() for track in made)
    assert {placed(track)[0] for track in made} == {START}
    assert found == sorted(audio.tobytes() for _, audio in expected)


def test_a_layer_is_made_for_the_selection_and_gets_the_colour_of_its_role(
    shell: Shell, pro: FakeProTools, guitar: FakeTrack
) -> None:
    pro.add_track("Drums")
    run(shell, pro, "lego", "-t", "drums", "--context", "0.25")
    layer = pro.track("Drums 2")
    sample, audio = placed(layer)
    assert (sample, len(audio)) == (START, STOP - START)
    assert layer.colour == PALETTE[0]
    assert pro.track("Drums").clips == []
    assert pro.tracks.index(layer) == pro.tracks.index(guitar) + 1


def test_new_music_begins_at_the_cursor_in_the_rate_of_the_session(shell: Shell, tmp_path: Path) -> None:
    with FakeProTools(tmp_path / "Sitzung", 44_100) as pro:
        pro.span = (12_345, 12_345)
        run(shell, pro, "generate", "夜の歌", "--duration", "0.5")
        sample, audio = placed(pro.track("夜の歌"))
        assert sample == 12_345
        np.testing.assert_allclose(audio, expected_tone(SEED, 0.5, rate_hz=44_100), atol=1e-6)


def test_new_music_fills_the_selection(shell: Shell, pro: FakeProTools) -> None:
    pro.span = (START, STOP)
    run(shell, pro, "generate", "night")
    sample, audio = placed(pro.track("night"))
    assert (sample, len(audio)) == (START, STOP - START)


def test_understand_tells_the_tempo_and_marks_it(shell: Shell, pro: FakeProTools, guitar: FakeTrack) -> None:
    done = run(shell, pro, "understand", "--mark")
    assert "  bpm: 120" in done.stdout.splitlines()
    assert pro.tracks == [guitar]
    (location,) = pro.locations
    assert (location["name"], location["span"]) == ("AceBridge understand", (START, STOP))
    assert "bpm: 120" in location["comments"]
    assert pro.counter == "TLType_BarsBeats"


def test_other_takes_are_muted(shell: Shell, pro: FakeProTools, guitar: FakeTrack) -> None:
    arguments = ("protools", "run", "repaint", "x", "-n", "3", "-e", "fake", "--port", str(pro.port), "--context", "0")
    report = json.loads(shell.run(*arguments, "--json").stdout)
    takes = [track for track in pro.tracks if track is not guitar]
    assert {track.name: track.muted for track in takes} == {"x": False, "x take 2": True, "x take 3": True}
    assert {clip["sample"] for clip in report["clips"]} == {placed(track)[0] for track in takes}
    assert [clip["track"] for clip in report["clips"]] == ["x", "x take 2", "x take 3"]


def test_a_clip_can_replace_what_is_on_the_track(shell: Shell, pro: FakeProTools, guitar: FakeTrack) -> None:
    old = guitar.audio(0, 240_000)
    run(shell, pro, "repaint", "x", "--context", "0.5", "--replace")
    new = guitar.audio(0, 240_000)
    changed = np.flatnonzero((old != new).any(axis=1))
    assert pro.tracks == [guitar]
    assert START - 960 <= changed[0] <= START < STOP <= changed[-1] + 1 <= STOP + 960
    (bounce,) = (body for name, body in pro.log if name == "BounceTrack")
    assert bounce["automation_options"] == {"render_volume_automation": False, "render_pan_automation": False}


def test_a_mono_track_gets_a_mono_track(shell: Shell, pro: FakeProTools) -> None:
    add_guitar(pro, channels=1)
    run(shell, pro, "cover", "x")
    track = pro.track("x")
    assert (track.channels, placed(track)[1].shape) == (1, (STOP - START, 1))


def test_several_tracks_are_added_up(shell: Shell, pro: FakeProTools, guitar: FakeTrack) -> None:
    second = pro.add_track("Bass", channels=1, selected=True)
    pro.put(second, 0, song(5.0, channels=1, seed=1))
    run(shell, pro, "cover", "x")
    both = guitar.audio(START, STOP) + second.audio(START, STOP)
    ((_, audio),) = reference(shell, both, pro.rate_hz, "cover", "-c", "x")
    np.testing.assert_array_equal(placed(pro.track("x"))[1], audio)


def test_a_session_without_its_name_in_ascii_keeps_the_audio_beside_it(
    shell: Shell, pro: FakeProTools, guitar: FakeTrack
) -> None:
    del guitar
    run(shell, pro, "cover", "Übung")
    (file,) = (pro.folder / "AceBridge").iterdir()
    assert file.name == f"AceBridge Cover Gitarre Große 🎸 mix {SEED}.wav"
    np.testing.assert_array_equal(decode.read(file), placed(pro.track("Übung"))[1])


#: What is wrong, the words of the command, its exit code, and what it says.
FAULTS = {
    "no range": (
        lambda pro: setattr(pro, "span", (5, 5)), ("repaint",), 2,
        "Nothing is selected in Pro Tools. Select a range on the time line, then run it again.",
    ),
    "no track": (
        lambda pro: setattr(pro.tracks[0], "selected", False), ("cover",), 2,
        "No track is selected in Pro Tools. Select an audio, instrument, aux or master track, then run it again.",
    ),
    "silent track": (
        lambda pro: setattr(pro.tracks[0], "kind", "TType_Midi"), ("cover",), 2,
        "The track Gitarre/Große 🎸 makes no sound. Select an audio, instrument, aux or master track, then run it again.",
    ),
    "no session": (
        lambda pro: setattr(pro, "name", None), ("repaint",), 2,
        "No session is open in Pro Tools. Open one, then run it again.",
    ),
    "too old": (
        lambda pro: setattr(pro, "version", (2024, 10)), ("repaint",), 2,
        "The scripting interface of this Pro Tools is 2024.10; AceBridge needs 2025.6. Update Pro Tools, then run it again.",
    ),
    "not ready": (
        lambda pro: setattr(pro, "ready", False), ("repaint",), 4,
        "Pro Tools is busy. Stop its transport, close its dialogs and wait for what it does, then run it again.",
    ),
    "busy": (
        lambda pro: pro.faults.update(BounceTrack=Refusal("PT_HostIsBusy", "busy")), ("repaint",), 4,
        "Pro Tools is busy. Stop its transport, close its dialogs and wait for what it does, then run it again.",
    ),
    "unknown command": (
        lambda pro: pro.faults.update(BounceTrack=Refusal("PT_UnsupportedCommand", "")), ("repaint",), 2,
        "This Pro Tools does not know the command BounceTrack. Update it: 2025.6 or newer has what AceBridge needs.",
    ),
    "anything else": (
        lambda pro: pro.faults.update(BounceTrack=Refusal("PT_UnknownError", "a strange\nthing")), ("repaint",), 4,
        "Pro Tools refused BounceTrack: a strange thing. Look at what Pro Tools shows, then run it again.",
    ),
    "short bounce": (
        lambda pro: setattr(pro, "bounce_frames", 1000), ("cover",), 4,
        "Pro Tools bounced 1000 samples of the 48006 that are selected. Select a range with audio on the track, then run it"
        " again.",
    ),
    "other rate": (
        lambda pro: setattr(pro, "rate_hz", 22_050), ("cover",), 2,
        "The sample rate of the session is 22050; allowed: 44100, 48000, 88200, 96000, 176400, 192000. Set another one in"
        " Pro Tools' session setup.",
    ),
    "lost": (
        lambda pro: pro.drops.add("BounceTrack"), ("cover",), 3,
        "The connection to Pro Tools was lost in the middle. Start Pro Tools and open the session, then run it again.",
    ),
    "two to replace": (
        lambda pro: pro.add_track("Bass", selected=True), ("cover", "--replace"), 2,
        "--replace needs one selected track; there are 2. Select one track and a task that works on it, or leave out"
        " --replace.",
    ),
    "no such field": (
        lambda _: None, ("understand", "--strength", "0.5"), 2,
        "understand has no --strength. It has --caption, --lyrics, --language, --bpm, --key, --time-signature.",
    ),
    "no such track name": (
        lambda _: None, ("lego", "-t", "kazoo"), 2, "--track",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_what_prevents_a_task_is_one_sentence_and_leaves_nothing(
    shell: Shell, pro: FakeProTools, guitar: FakeTrack, fault: str
) -> None:
    del guitar
    prevent, words, code, sentence = FAULTS[fault]
    prevent(pro)
    said = refuse(shell, pro, *words, code=code)
    assert said == sentence or (not sentence.endswith(".") and said.startswith(sentence)), said


def test_no_pro_tools_is_one_sentence(shell: Shell, pro: FakeProTools) -> None:
    pro.stop()
    said = refuse(shell, pro, "repaint", code=3)
    assert said == (
        f"No Pro Tools answers at port {pro.port} of this machine. Start Pro Tools 2025.6 or newer, then run it again."
    )


@pytest.mark.parametrize("command", ["ImportAudioToClipList", "CreateNewTracks", "SpotClipsByID", "SetTrackColor"])
def test_what_fails_while_tracks_are_made_leaves_none_and_can_be_placed_later(
    shell: Shell, pro: FakeProTools, guitar: FakeTrack, command: str
) -> None:
    before = state(pro)
    pro.faults[command] = Refusal("PT_HostIsBusy")
    said = run(shell, pro, "extract", "-t", "drums", "-t", "bass", code=4).stderr
    assert said == (
        "acebridge: Pro Tools is busy. Stop its transport, close its dialogs and wait for what it does; then run"
        " `acebridge protools place`, which puts the result on tracks.\n"
    )
    assert state(pro) == before
    del pro.faults[command]
    lines = shell.run("protools", "place", "--port", str(pro.port)).stdout.splitlines()
    made = [track for track in pro.tracks if track is not guitar]
    assert len(lines) == len(made) > 0
    assert {placed(track)[0] for track in made} == {START}
    assert not shell.run("protools", "place", "--port", str(pro.port)).stdout


def test_a_lost_connection_leaves_a_track_that_the_next_try_removes(
    shell: Shell, pro: FakeProTools, guitar: FakeTrack
) -> None:
    pro.drops.add("SpotClipsByID")
    said = run(shell, pro, "cover", "x", code=3).stderr
    assert said == (
        "acebridge: The connection to Pro Tools was lost in the middle. Start Pro Tools and open the session; then run"
        " `acebridge protools place`, which puts the result on tracks.\n"
    )
    (begun,) = (track for track in pro.tracks if track is not guitar)
    assert begun.clips == []
    pro.drops.clear()
    pro.start()
    shell.run("protools", "place", "--port", str(pro.port))
    (whole,) = (track for track in pro.tracks if track is not guitar)
    assert whole.id != begun.id
    assert (whole.name, placed(whole)[0]) == ("x", START)


def test_a_result_is_placed_in_its_own_session_only(shell: Shell, pro: FakeProTools, guitar: FakeTrack) -> None:
    pro.faults["SpotClipsByID"] = Refusal("PT_HostIsBusy")
    run(shell, pro, "cover", "x", code=4)
    pro.faults.clear()
    pro.name = "another"
    assert not shell.run("protools", "place", "--port", str(pro.port)).stdout
    assert pro.tracks == [guitar]


def test_what_changes_while_a_job_runs_misplaces_nothing(
    shell: Shell, daemon: Daemon, pro: FakeProTools, guitar: FakeTrack
) -> None:
    """Another session is open when the job ends; back in its own, the track that it came from has gone."""
    daemon.hold(SEED)
    arguments = ("protools", "run", "cover", "x", "--replace", "-e", "fake", "-s", str(SEED), "--port", str(pro.port))
    process = shell.start(*arguments)
    until(lambda: any(read_status(job).get("state") == "running" for job in jobs(shell)))
    pro.name = "another"
    daemon.release()
    _, err = process.communicate()
    assert (process.returncode, err) == (
        2,
        "acebridge: Another session than Lied is open in Pro Tools now. Open Lied; then run `acebridge protools place`, which"
        " puts the result on tracks.\n",
    )
    assert state(pro) == [(guitar.id, guitar.name, 1, False, "")]
    pro.name = "Lied"
    pro.tracks.clear()
    shell.run("protools", "place", "--port", str(pro.port))
    assert [(track.name, placed(track)[0]) for track in pro.tracks] == [("x", START)]


def test_two_commands_at_once_work_on_the_same_selection(shell: Shell, pro: FakeProTools, guitar: FakeTrack) -> None:
    """The second does not take the range that the first bounces, context included, for the selection."""
    pro.holds["BounceTrack"] = threading.Event()
    arguments = ("protools", "run", "lego", "-t", "drums", "--context", "0.5", "-e", "fake", "--port", str(pro.port))
    first = shell.start(*arguments)
    until(lambda: "BounceTrack" in pro.commands)
    second = shell.start(*arguments)
    until(lambda: pro.commands.count("GetSessionSampleRate") == 2)
    assert pro.span != (START, STOP)
    pro.holds["BounceTrack"].set()
    for process in (first, second):
        _, err = process.communicate()
        assert process.returncode == 0, err
    made = [track for track in pro.tracks if track is not guitar]
    assert [(placed(track)[0], len(placed(track)[1])) for track in made] == [(START, STOP - START)] * 2


def test_a_pro_tools_that_cannot_colour_leaves_tracks_as_they_are(
    shell: Shell, pro: FakeProTools, guitar: FakeTrack
) -> None:
    del guitar
    pro.faults |= {
        "GetColorPalette": Refusal("PT_UnsupportedCommand"),
        "SetTrackColor": Refusal("PT_UnsupportedCommand"),
    }
    run(shell, pro, "cover", "x")
    assert pro.track("x").colour == ""


def test_ctrl_c_cancels_the_job_and_leaves_nothing(
    shell: Shell, daemon: Daemon, pro: FakeProTools, guitar: FakeTrack
) -> None:
    daemon.hold(SEED)
    before, known = state(pro), jobs(shell)
    arguments = ("protools", "run", "cover", "x", "-e", "fake", "-s", str(SEED), "--port", str(pro.port))
    process = shell.start(*arguments)
    until(lambda: any(read_status(job).get("state") == "running" for job in jobs(shell)))
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert (process.returncode, err) == (5, "acebridge: The job was cancelled.\n")
    assert state(pro) == before
    assert jobs(shell) == known
    assert not (pro.folder / "AceBridge").exists()
    assert guitar in pro.tracks


def test_doctor_tells_what_answers(shell: Shell, pro: FakeProTools) -> None:
    done = shell.run("protools", "doctor", "--port", str(pro.port), "--json")
    findings = {finding["about"]: finding for finding in json.loads(done.stdout)}
    assert findings["Pro Tools"]["says"] == f"its scripting interface 2025.10 answers at port {pro.port}"
    assert findings["session"]["says"] == "Lied, 48000 Hz"
    assert findings["media folder"]["ok"]
    pro.name = None
    findings = json.loads(shell.run("protools", "doctor", "--port", str(pro.port), "--json", code=4).stdout)
    assert findings[-1]["says"] == "No session is open in Pro Tools."


class Watcher:
    """``acebridge protools watch``, and what it has said."""

    def __init__(self, shell: Shell, port: int) -> None:
        self.process = shell.start("protools", "watch", "-e", "fake", "--port", str(port))
        self.lines: list[str] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def until(self, *parts: str) -> None:
        until(lambda: any(all(part in line for part in parts) for line in self.lines), f"{parts} in {self.lines}")

    def end(self) -> None:
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait() == 5


def test_watch_says_what_is_selected_and_runs_what_memory_locations_ask_for(
    shell: Shell, pro: FakeProTools, guitar: FakeTrack
) -> None:
    watcher = Watcher(shell, pro.port)
    watcher.until("Lied, 48000 Hz: 2.000 to 3.000 s on Gitarre/Große 🎸")
    pro.add_location("acebridge: lego drums, bass: funky", (50_000, 98_000))
    watcher.until("Bass: 48000 samples at 50000")
    assert {placed(track)[0] for track in pro.tracks if track is not guitar} == {50_000}
    until(lambda: not pro.locations)
    pro.add_location("AceBridge: dance", (50_000, 98_000))
    watcher.until("dance is no task for Pro Tools.")
    until(lambda: pro.locations[0]["name"] == "AceBridge failed: dance")
    assert pro.locations[0]["comments"].startswith("dance is no task for Pro Tools. Name the memory location")
    watcher.end()


def test_watch_waits_for_pro_tools(shell: Shell, pro: FakeProTools) -> None:
    pro.stop()
    watcher = Watcher(shell, pro.port)
    watcher.until(f"No Pro Tools answers at port {pro.port} of this machine. Waiting for it.")
    pro.name = None
    pro.start()
    watcher.until("No session is open in Pro Tools.")
    pro.name = "Lied"
    watcher.until("Lied, 48000 Hz: 0.000 s on no track")
    watcher.end()
