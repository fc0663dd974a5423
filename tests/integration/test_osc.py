"""The OSC bridge that a daemon starts: every task, every session field, cancellation, all by datagrams."""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile

from acestep_runtime.tasks import TASKS
from tests.support.daemon import PATIENCE_S, Daemon, daemon_at, expected_tone, job, song, state, until, write_wav
from tests.support.osc import OscPeer, bundle, message, now_s, osc_peer, parse, port_of
from tests.support.shell import COMMAND

WORDS = "[Verse]\nHold on to me\nuntil the morning"


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon with a bridge, which may use one folder."""
    folder = tmp_path_factory.mktemp("osc")
    config = f"roots = ['{folder}']\n[osc]\nport = 0\n"
    with daemon_at(folder / "home", step_ms=5, config=config) as daemon:
        yield daemon


@pytest.fixture
def peer(daemon: Daemon) -> Iterator[OscPeer]:
    """A peer, and an empty session but for the fake engine and a folder for results."""
    with osc_peer(port_of(daemon.home)) as peer:
        peer.send("/acebridge/session/clear")
        peer.send("/acebridge/session/engine", "s", "fake")
        yield peer
        peer.send("/acebridge/cancel")
    daemon.release()


@pytest.fixture
def folder(daemon: Daemon, request: pytest.FixtureRequest, peer: OscPeer) -> Path:
    """A folder of the test's own within the roots, where results go."""
    folder = daemon.home.parent / request.node.name.partition("[")[0] / str(peer.port)
    folder.mkdir(parents=True)
    peer.send("/acebridge/session/output", "s", str(folder))
    return folder


@pytest.fixture
def source(folder: Path) -> Path:
    """A song of two seconds outside the folder of results."""
    path = folder.parent / f"{folder.name}-song.wav"
    return write_wav(path, song(2.0))


def read(path: str | Path) -> np.ndarray:
    return soundfile.read(path, dtype="float32", always_2d=True)[0]


def test_a_song_is_reported_in_order_and_lands_as_a_file(peer: OscPeer, folder: Path) -> None:
    peer.send("/acebridge/text2music", "ssfs", "warm soul", "", 0.5, '{"output": {"seeds": [7], "takes": 2}}')
    answers = peer.wait_for("done")
    kinds = [answer.kind for answer in answers]
    assert kinds[0] == "queued"
    assert kinds[-1] == "done"
    assert [kind for kind in kinds if kind not in ("queued", "progress")] == ["take", "take", "done"]
    fractions = [answer.values[0] for answer in answers if answer.kind == "progress"]
    assert fractions == sorted(fractions)
    assert 0 <= fractions[0] <= fractions[-1] == 1
    takes = [answer for answer in answers if answer.kind == "take"]
    assert [take.tags for take in takes] == ["isss"] * 2
    for take, seed, name in zip(takes, (7, 8), ("text2music.wav", "text2music-2.wav"), strict=True):
        assert take.values == (seed - 6, str(seed), "mix", str(folder / name))
        assert np.array_equal(read(take.values[3]), expected_tone(seed, 0.5))
    assert {path.name for path in folder.iterdir()} == {"text2music.wav", "text2music-2.wav"}


def test_faders_and_labels_follow_the_latest_job(peer: OscPeer, folder: Path) -> None:
    peer.send("/acebridge/text2music", "ssf", "", "", 0.1)
    answers = [peer.receive()]
    while answers[-1].kind != "done":
        answers.append(peer.receive())
    latest = [answer for answer in answers if answer.address.startswith("/acebridge/latest/")]
    assert [answer.values for answer in latest[:2]] == [(0.0,), ("text2music: sending",)]
    assert answers[:2] == latest[:2]  # at once, before the daemon knows of it
    assert [answer.values for answer in latest[-2:]] == [(1.0,), ("text2music: done",)]
    assert list(folder.iterdir())


ARGUMENTS = {
    "text2music": ("ssf", "soul", "", 0.2),
    "cover": ("sssf", None, "jazz", "", 0.5),
    "repaint": ("sffs", None, 0.5, 1.5, "piano"),
    "lego": ("sffs", None, 0.0, 1.0, "drums,bass"),
    "complete": ("sss", None, "drums", "soul"),
    "extract": ("ss", None, "drums,vocals"),
    "understand": ("s", None),
    "align_lyrics": ("ss", None, WORDS),
    "score": ("ss", None, WORDS),
    "create_sample": ("s", "a ballad about rain"),
    "format_sample": ("ss", "soul", WORDS),
    "transcribe": ("ss", None, "bass"),
}


def test_the_arguments_of_every_task_are_tried() -> None:
    assert set(ARGUMENTS) == set(TASKS)


@pytest.mark.parametrize("task", TASKS)
def test_every_task_leaves_files(peer: OscPeer, folder: Path, source: Path, task: str) -> None:
    tags, *values = ARGUMENTS[task]
    peer.send(f"/acebridge/{task}", tags, *(str(source) if value is None else value for value in values))
    answers = peer.wait_for("done")
    assert answers[-1].kind == "done", answers[-1]
    assert answers[-1].tags == "ifs"
    assert answers[-1].values[2] == "fake"
    files = [Path(answer.values[3]) for answer in answers if answer.kind == "take"]
    assert files
    assert set(files) == set(folder.iterdir())
    base = task if TASKS[task].kind == "text" or task == "text2music" else f"{source.stem}-{task}"
    assert all(file.name.startswith(base) for file in files)
    if TASKS[task].kind == "audio":
        assert all(np.isfinite(read(file)).all() for file in files)
    else:
        assert isinstance(json.loads(files[0].read_text("utf-8")), dict)


@pytest.mark.parametrize("task", TASKS)
def test_every_task_runs_on_the_session(peer: OscPeer, folder: Path, source: Path, task: str) -> None:
    for field, tag, value in (
        ("source", "s", str(source)), ("start", "f", 0.5), ("end", "i", 1), ("caption", "s", "soul"),
        ("lyrics", "s", WORDS), ("tracks", "s", "drums"), ("seed", "i", 7),
    ):  # fmt: skip
        peer.send(f"/acebridge/session/{field}", tag, value)
    assert peer.ask(f"/acebridge/go/{task}", "f", 1.0).kind == "done"
    assert list(folder.iterdir())


def test_a_repaint_of_the_session_s_region_changes_only_that(peer: OscPeer, folder: Path, source: Path) -> None:
    peer.send("/acebridge/session/source", "s", str(source))
    peer.send("/acebridge/session/start", "f", 0.5)
    peer.send("/acebridge/session/end", "f", 1.0)
    peer.ask("/acebridge/go/repaint", "s", '{"crossfade_ms": 10}')
    before, after = read(source), read(folder / f"{source.stem}-repaint.wav")
    changed = np.flatnonzero((before != after).any(axis=1))
    assert before.shape == after.shape
    assert (changed[0], changed[-1]) >= (round(0.49 * 48_000) - 1, 0)
    assert changed[-1] <= round(1.01 * 48_000)
    assert changed.size > 20_000


def test_every_field_is_kept_and_sent(peer: OscPeer, source: Path, folder: Path) -> None:
    fields = {
        "source": ("s", str(source)), "start": ("f", 0.5), "end": ("f", 2.0), "bpm": ("i", 96), "keyscale": ("s", "A minor"),
        "timesignature": ("f", 3.0), "caption": ("s", "warm soul"), "lyrics": ("s", WORDS), "tracks": ("s", "drums,bass"),
        "takes": ("s", "2"), "seed": ("i", 5), "engine": ("s", "fake"), "strength": ("f", 0.25), "output": ("s", str(folder)),
        "morph": ("s", "words"), "source_caption": ("s", "cold synths"), "source_lyrics": ("s", "lo"), "dcw": ("s", "off"),
    }  # fmt: skip
    for field, (tag, value) in fields.items():
        peer.send(f"/acebridge/session/{field}", tag, value)
    held = peer.session()
    assert held == {name: type(held[name])(value) for name, (_, value) in fields.items()}
    peer.send("/acebridge/session/bpm", "s", "")
    assert "bpm" not in peer.session()
    peer.send("/acebridge/session/clear")
    assert peer.session() == {}


@pytest.mark.parametrize(
    ("field", "tag", "value", "says"),
    [
        ("bpm", "f", 5.0, "bpm is 5.0; allowed: 30 to 300 beats per minute."),
        ("bpm", "s", "fast", "bpm is 'fast'; allowed: a number."),
        ("timesignature", "i", 5, "timesignature is 5; allowed: 2, 3, 4, 6."),
        ("takes", "f", 1.5, "takes is 1.5; allowed: a whole number."),
        ("tracks", "s", "kazoo", "tracks is 'kazoo'; allowed: vocals, "),
        ("keyscale", "s", "H dur", "keyscale is 'H dur'; allowed: A to G"),
        ("strength", "f", 2.0, "strength is 2.0; allowed: 0 to 1."),
        ("dcw", "s", "on", "dcw is 'on'; allowed: auto, off, low, high, double, pix."),
        ("morph", "s", "tempo", "morph is 'tempo'; allowed: words, style, all."),
        ("source", "s", "song.wav", "source is song.wav; allowed: a full path."),
        ("caption", "b", b"1234", "caption is 'a blob'; allowed: text."),
        ("colour", "s", "red", "There is no address /acebridge/session/colour."),
    ],
)
def test_what_a_field_does_not_take_is_refused(peer: OscPeer, field: str, tag: str, value: object, says: str) -> None:
    error = peer.ask(f"/acebridge/session/{field}", tag, value)
    assert (error.address, error.tags) == ("/acebridge/error", "sss")
    assert error.values[0] == f"/acebridge/session/{field}"
    assert error.values[1].replace("'source'", "source").startswith(says.split(" is ")[0])
    assert says.partition("allowed: ")[2] in error.values[1]


def test_again_repeats_with_a_new_seed(peer: OscPeer, folder: Path) -> None:
    peer.send("/acebridge/session/seed", "i", 7)
    peer.send("/acebridge/text2music", "ssf", "soul", "", 0.2)
    first = [answer for answer in peer.wait_for("done") if answer.kind == "take"]
    peer.send("/acebridge/again")
    second = [answer for answer in peer.wait_for("done") if answer.kind == "take"]
    assert first[0].values[1] == "7"
    seed = int(second[0].values[1])
    assert seed != 7
    assert Path(second[0].values[3]) == folder / "text2music (2).wav"
    assert np.array_equal(read(second[0].values[3]), expected_tone(seed, 0.2))


def test_the_best_of_several_takes_get_files(peer: OscPeer, folder: Path) -> None:
    output = {"seeds": [50, 70, 60], "tries": 3, "takes": 2, "auto_score": True}
    peer.send("/acebridge/text2music", "ssfs", "score", "", 0.2, json.dumps({"output": output}))
    said = peer.wait_for("done")
    takes = [answer for answer in said if answer.kind == "take"]
    assert [take.values[1] for take in takes] == ["70", "60"]
    assert {Path(take.values[3]) for take in takes} == set(folder.iterdir())
    for take in takes:
        assert np.array_equal(read(take.values[3]), expected_tone(int(take.values[1]), 0.2))


def test_a_job_that_fails_says_why(peer: OscPeer, folder: Path) -> None:
    error = peer.ask("/acebridge/text2music", "ssf", "fail", "", 0.2)
    assert error.address.startswith("/acebridge/job/")
    assert error.values == ("ENGINE_FAILURE", "The fake engine failed as asked.", "Ask for something else.")
    assert not list(folder.iterdir())


def test_a_folder_that_cannot_be_written_is_said(peer: OscPeer, folder: Path) -> None:
    (folder / "file").touch()
    peer.send("/acebridge/session/output", "s", str(folder / "file"))
    error = peer.ask("/acebridge/text2music", "ssf", "", "", 0.1)
    assert error.values[0] == "/acebridge/text2music"
    assert "cannot be written" in error.values[1]
    assert error.values[2] == "Send another folder to /acebridge/session/output."


def test_a_source_that_is_not_there_or_no_audio_is_said(peer: OscPeer, folder: Path) -> None:
    error = peer.ask("/acebridge/understand", "s", str(folder / "missing.wav"))
    assert "No such file" in error.values[1]
    assert error.values[2]
    (folder / "text.wav").write_text("no audio")
    assert "text.wav" in peer.ask("/acebridge/understand", "s", str(folder / "text.wav")).values[1]
    said = peer.ask("/acebridge/understand", "s", str(folder)).values[1]
    assert said == f"{folder.name} is not a file."


@pytest.mark.parametrize("by_id", [True, False])
def test_a_job_is_cancelled(peer: OscPeer, daemon: Daemon, folder: Path, by_id: bool) -> None:
    seed = 40 + by_id
    daemon.hold(seed)
    peer.send("/acebridge/text2music", "ssfs", "", "", 0.5, json.dumps({"output": {"seeds": [seed]}}))
    job_id = peer.wait_for("queued")[-1].address.split("/")[3]
    peer.send(f"/acebridge/job/{job_id}/cancel" if by_id else "/acebridge/cancel")
    error = peer.wait_for("error")[-1]
    assert error.address == f"/acebridge/job/{job_id}/error"
    assert error.values[0] == "CANCELLED"
    assert daemon.client is not None
    assert state(daemon.client, job_id) == "cancelled"
    assert not list(folder.iterdir())


def test_jobs_and_status_are_listed(peer: OscPeer, folder: Path) -> None:
    done = peer.ask("/acebridge/text2music", "ssf", "", "", 0.1)
    job_id = done.address.split("/")[3]
    peer.send("/acebridge/jobs")
    *jobs, count = peer.wait_for("count")
    assert count.values == (len(jobs),)
    assert jobs[0].address == f"/acebridge/job/{job_id}/state"
    assert jobs[0].values == (1.0, "succeeded", "text2music")
    assert peer.ask("/acebridge/status", until="daemon").values[:2] == (0, 0)
    assert list(folder.iterdir())


def test_a_release_of_a_button_does_nothing(peer: OscPeer) -> None:
    peer.send("/acebridge/go/text2music", "f", 0.0)
    peer.send("/acebridge/again", "i", 0)
    peer.send("/acebridge/session", "F")
    assert peer.session() == {"engine": "fake"}


def test_a_bundle_counts_as_a_whole_and_in_order(peer: OscPeer, folder: Path) -> None:
    peer.send_bytes(
        bundle(
            message("/acebridge/session/caption", "s", "first"),
            bundle(message("/acebridge/session/caption", "s", "second")),
            message("/acebridge/session/bpm", "i", 100),
        )
    )
    assert peer.session() == {"engine": "fake", "output": str(folder), "caption": "second", "bpm": 100.0}


def test_a_bundle_for_later_counts_later(peer: OscPeer) -> None:
    at = now_s() + 0.5
    peer.send_bytes(bundle(message("/acebridge/session/count_in", "i", 1), at_s=at))
    assert peer.receive().address == "/acebridge/error"  # of the bundle: there is no such field
    assert now_s() >= at


def test_a_bundle_too_far_ahead_is_refused(peer: OscPeer) -> None:
    peer.send_bytes(bundle(message("/acebridge/session/bpm", "i", 100), at_s=now_s() + 7200))
    assert "3600 s ahead" in peer.wait_for("error")[-1].values[1]


def test_feedback_goes_to_registered_addresses_too(peer: OscPeer, folder: Path) -> None:
    with osc_peer(peer.to[1]) as other:
        peer.send("/acebridge/feedback", "si", "localhost", other.port)
        peer.send("/acebridge/session/bpm", "f", 90.0)
        assert other.receive() == ("/acebridge/session/bpm", "f", (90.0,))
        peer.send("/acebridge/text2music", "ssf", "", "", 0.1)
        mine, theirs = peer.wait_for("done"), other.wait_for("done")
        assert mine == theirs
        peer.send("/acebridge/feedback/stop", "si", "127.0.0.1", other.port)
        peer.send("/acebridge/session/bpm", "f", 91.0)
        other.send("/acebridge/status")
        assert other.receive().address == "/acebridge/daemon"  # and nothing of the tempo before
    assert list(folder.iterdir())


def test_paths_outside_the_roots_need_the_token(peer: OscPeer, daemon: Daemon, tmp_path: Path) -> None:
    outside = write_wav(tmp_path / "outside.wav", song(1.0))
    link = daemon.home.parent / f"link-{peer.port}.wav"
    link.symlink_to(outside)
    for send in (
        lambda: peer.ask("/acebridge/session/source", "s", str(outside)),
        lambda: peer.ask("/acebridge/session/output", "s", str(tmp_path)),
        lambda: peer.ask("/acebridge/understand", "s", str(outside)),
        lambda: peer.ask("/acebridge/understand", "s", str(link)),
        lambda: peer.ask("/acebridge/understand", "s", json.dumps({"source": {"path": str(outside)}})),
        lambda: peer.ask("/acebridge/text2music", "s", json.dumps({"reference": {"path": str(outside)}})),
    ):
        error = send()
        assert error.address == "/acebridge/error"
        assert "allowed: a path below" in error.values[1]
        assert "/acebridge/token" in error.values[2]
    assert "not that of the daemon" in peer.ask("/acebridge/token", "s", "0" * 32).values[1]
    peer.send("/acebridge/token", "s", (daemon.home / "token").read_text().strip())
    assert peer.ask("/acebridge/understand", "s", str(outside)).kind == "done"
    assert (tmp_path / "outside-understand.json").exists()
    with osc_peer(peer.to[1]) as other:  # the token counts for its sender alone
        assert other.ask("/acebridge/understand", "s", str(outside)).kind == "error"


def test_feedback_beyond_this_machine_needs_the_token(peer: OscPeer, daemon: Daemon) -> None:
    error = peer.ask("/acebridge/feedback", "si", "192.0.2.1", 9000)
    assert "allowed: an address of this machine" in error.values[1]
    for host in ("example.org", "255.255.255.255", "0.0.0.0"):
        assert peer.ask("/acebridge/feedback", "si", host, 9000).kind == "error"
    peer.send("/acebridge/token", "s", (daemon.home / "token").read_text().strip())
    peer.send("/acebridge/feedback", "si", "192.0.2.1", 9000)
    peer.send("/acebridge/feedback/stop", "si", "192.0.2.1", 9000)
    assert peer.session() == {"engine": "fake"}


def slip(packet: bytes) -> bytes:
    return b"\xc0" + packet.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc") + b"\xc0"


@pytest.mark.parametrize("by_length", [True, False])
def test_tcp_carries_the_same_in_both_framings(peer: OscPeer, folder: Path, by_length: bool) -> None:
    wrap = (lambda packet: struct.pack(">I", len(packet)) + packet) if by_length else slip
    with socket.create_connection(peer.to, timeout=PATIENCE_S) as stream:
        data = wrap(message("/acebridge/session/caption", "s", "\u00c0 la carte \u00db")) + wrap(
            message("/acebridge/session")
        )
        for start in range(0, len(data), 5):  # in pieces
            stream.sendall(data[start : start + 5])
        received = b""
        while b"/acebridge/session/count" not in received or len(received) % 4 not in (0, 2):
            received += stream.recv(4096)
    if by_length:
        packets = []
        while received:
            (length,) = struct.unpack_from(">I", received)
            packets.append(received[4 : 4 + length])
            received = received[4 + length :]
    else:
        frames = [frame for frame in received.split(b"\xc0") if frame]
        packets = [frame.replace(b"\xdb\xdc", b"\xc0").replace(b"\xdb\xdd", b"\xdb") for frame in frames]
    held = {answer.kind: answer.values[0] for answer in map(parse, packets)}
    assert held == {"engine": "fake", "output": str(folder), "caption": "À la carte Û", "count": 3}


@pytest.mark.usefixtures("peer")
def test_the_daemon_starts_the_bridge_again(daemon: Daemon) -> None:
    pid = json.loads((daemon.home / "osc.json").read_text())["pid"]
    bridge = psutil.Process(pid)
    assert bridge in daemon.children()
    os.kill(pid, signal.SIGKILL)
    bridge_gone = psutil.wait_procs([bridge], timeout=PATIENCE_S)
    assert not bridge_gone[1]
    until(lambda: json.loads((daemon.home / "osc.json").read_text())["pid"] != pid, "another bridge")
    with osc_peer(port_of(daemon.home)) as other:
        assert other.ask("/acebridge/status", until="daemon").kind == "daemon"


@pytest.mark.slow
def test_the_bridge_ends_with_a_daemon_that_is_killed(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path / "home", config="[osc]\nport = 0\n")
    daemon.start()
    port_of(daemon.home)
    left = psutil.wait_procs(daemon.kill(), timeout=PATIENCE_S)[1]
    assert not left


@pytest.mark.slow
def test_a_port_that_is_taken_is_said_once(tmp_path: Path, peer: OscPeer) -> None:
    with daemon_at(tmp_path / "home", config=f"[osc]\nport = {peer.to[1]}\n") as other:
        until(lambda: "cannot run" in other.console() + (other.home / "logs" / "daemon.log").read_text(), "the log")
        assert f"Port {peer.to[1]} of 127.0.0.1 cannot be opened" in other.console()
        assert other.client is not None


@pytest.mark.slow
def test_a_daemon_that_was_started_again_is_found(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path / "home")
    daemon.start()
    bridge = subprocess.Popen([*COMMAND, "osc", "serve", "--port", "0"], env=daemon.environment, stdout=subprocess.PIPE)
    try:
        with osc_peer(port_of(daemon.home, lambda: bridge.poll() is None)) as peer:
            peer.send("/acebridge/session/engine", "s", "fake")
            assert peer.ask("/acebridge/text2music", "ssf", "", "", 0.1).kind == "done"
            daemon.stop()
            daemon.start()
            answer = peer.ask("/acebridge/text2music", "ssf", "", "", 0.1)
            assert answer.kind == "done", answer
            assert daemon.client is not None
            assert job(daemon.client, answer.address.split("/")[3]).takes
    finally:
        bridge.terminate()
        assert bridge.wait(PATIENCE_S) == 0
        assert bridge.stdout is not None
        bridge.stdout.close()
        daemon.stop()
    assert not (daemon.home / "osc.json").exists()
