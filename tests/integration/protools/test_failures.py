"""Whatever prevents a task in Pro Tools is one sentence, and nothing is left half placed."""

from __future__ import annotations

import signal
import threading

import pytest

from acebridge.hosts.jobfolder.status import read_status
from tests.support.daemon import Daemon, until
from tests.support.fake_protools import FakeProTools, FakeTrack, Refusal
from tests.support.protools import SEED, START, STOP, clip_on, jobs, refuse, run, state
from tests.support.shell import Shell

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
        "--replace is for one take of repaint or cover on one track; 2 are selected. Select one track and ask for one take, or"
        " leave out --replace.",
    ),
    "stems to replace": (
        lambda _: None, ("extract", "-t", "drums", "--replace"), 2, "--replace is for one take of repaint or cover",
    ),
    "takes to replace": (
        lambda _: None, ("cover", "-n", "2", "--replace"), 2, "--replace is for one take of repaint or cover",
    ),
    "no such field": (
        lambda _: None, ("understand", "--strength", "0.5"), 2,
        "understand has no --strength. It has --bpm, --key, --time-signature.",
    ),
    "no choice among stems": (
        lambda _: None, ("understand", "--best-of", "3"), 2,
        "understand has no --best-of. It has --bpm, --key, --time-signature.",
    ),
    "loudness of a cover": (
        lambda _: None, ("cover", "--match-loudness", "off"), 2, "cover has no --match-loudness. It has --caption,",
    ),
    "no words for stems": (
        lambda _: None, ("extract", "soft", "-t", "drums"), 2, "extract has no --caption. It has --track,",
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
    assert {clip_on(track)[0] for track in made} == {START}
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
    assert (whole.name, clip_on(whole)[0]) == ("x", START)


def test_a_pro_tools_that_cannot_delete_tracks_keeps_an_empty_one(
    shell: Shell, pro: FakeProTools, guitar: FakeTrack
) -> None:
    pro.faults |= {"SpotClipsByID": Refusal("PT_HostIsBusy"), "DeleteTracks": Refusal("PT_UnsupportedCommand")}
    assert "Pro Tools is busy." in run(shell, pro, "cover", "x", code=4).stderr
    assert [(track.name, track.clips) for track in pro.tracks if track is not guitar] == [("x", [])]
    del pro.faults["SpotClipsByID"]
    shell.run("protools", "place", "--port", str(pro.port))
    assert clip_on(pro.track("x 2"))[0] == START


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
    assert [(track.name, clip_on(track)[0]) for track in pro.tracks] == [("x", START)]


@pytest.mark.slow
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
    assert [(clip_on(track)[0], len(clip_on(track)[1])) for track in made] == [(START, STOP - START)] * 2


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
