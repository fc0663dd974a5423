"""The ``acebridge`` command from the outside: what it prints, writes, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import psutil
import pytest
import soundfile

from acebridge.cli.perform import Result, follow_job
from acebridge.client.client import Client
from acebridge.client.own_daemon import address_in, read_token
from acebridge.errors import JobFailed
from acebridge.v1 import tasks_pb2
from acestep_runtime.audio import decode
from tests.support.daemon import (
    PATIENCE_S,
    Daemon,
    create_tone_job,
    expected_tone,
    song,
    state,
    until,
    until_state,
    write_wav,
)
from tests.support.shell import COMMAND, FAKE, Shell, belongs, recent

# ---- tasks ----


@pytest.mark.parametrize("encoding", ["PCM_16", "FLOAT"])
def test_repainting_a_file(shell: Shell, encoding: str) -> None:
    soundfile.write(shell.folder / "song.wav", song(3.0, rate_hz=44_100), 44_100, encoding)
    source, rate = soundfile.read(shell.folder / "song.wav", dtype="float32")
    options = ("--start", "1", "--end", "2", "--crossfade", "15", "--seed", "3", "--json", *FAKE)
    message = json.loads(shell.spawn("repaint", "song.wav", *options).stdout)
    assert set(message) == {"job_id", "engine", "outputs", "metadata", "timing", "source"}
    assert message["engine"] == "fake"
    assert set(message["timing"]) == {"wait_s", "run_s", "first_audio_s", "total_s"}
    assert 0 < message["timing"]["first_audio_s"] <= message["timing"]["total_s"]
    (output,) = message["outputs"]
    asset = output.pop("asset_id")
    assert len(asset) == 64
    assert output == {
        "file": "song-repaint.wav", "take": 1, "seed": 3, "role": "mix", "sample_rate": 44_100, "channels": 2,
        "frames": 3 * 44_100, "start_frame": 0,
    }  # fmt: skip
    result, result_rate = soundfile.read(shell.folder / "song-repaint.wav", dtype="float32")
    assert (result.shape, result_rate) == (source.shape, rate)
    changed = np.flatnonzero((source != result).any(axis=1))
    fade = round(0.015 * 44_100)
    assert (changed[0], changed[-1] + 1) == (44_100 - fade, 2 * 44_100 + fade)
    assert shell.files() == {"song.wav", "song-repaint.wav"}


def test_equal_seeds_make_equal_files_and_takes_are_numbered(shell: Shell) -> None:
    for name in ("a.wav", "b.wav"):
        shell.spawn("generate", "--duration", "0.5", "-s", "8", "-n", "3", "-o", name, "--format", "pcm24", *FAKE)
    for number in ("", "-2", "-3"):
        a, b = ((shell.folder / f"{name}{number}.wav").read_bytes() for name in "ab")
        assert a == b
        samples = decode.read(shell.folder / f"a{number}.wav")
        seed = 8 + {"": 0, "-2": 1, "-3": 2}[number]
        assert np.abs(samples - expected_tone(seed, 0.5)).max() <= 3 * 2.0**-24  # rounding and dither
    assert len(shell.files()) == 6
    # Several seeds are several takes.
    message = shell.json("generate", "--duration", "0.2", "-s", "5", "-s", "17", *FAKE)
    assert [(o["take"], o["seed"], o["file"]) for o in message["outputs"]] == [
        (1, 5, "generate.wav"), (2, 17, "generate-2.wav"),
    ]  # fmt: skip
    assert shell.json("generate", "--duration", "0.2", *FAKE)["outputs"][0]["file"] == "generate (2).wav"


def test_stems_and_layers_go_to_a_folder(shell: Shell) -> None:
    write_wav(shell.folder / "song.wav", song(0.5))
    message = shell.json("extract", "song.wav", "-t", "drums", "-t", "bass", "-o", "stems", *FAKE)
    assert [(o["file"], o["role"]) for o in message["outputs"]] == [
        ("stems/drums.wav", "drums"),
        ("stems/bass.wav", "bass"),
    ]
    shell.run("lego", "song.wav", "-t", "bass", "-t", "fx", "-n", "2", *FAKE)
    shell.run("lego", "song.wav", "-t", "brass", "-o", "brass.wav", *FAKE)
    assert shell.files() == {
        "song.wav", "stems/drums.wav", "stems/bass.wav", "brass.wav", "song-lego/bass.wav", "song-lego/fx.wav",
        "song-lego/bass-2.wav", "song-lego/fx-2.wav",
    }  # fmt: skip
    # A name for several roles: the first gets it, the others theirs behind it.
    shell.run("complete", "song.wav", "-t", "bass", "-t", "fx", "-o", "band.wav", *FAKE)
    assert {"band.wav", "band-fx.wav"} <= shell.files()


def test_facts(shell: Shell) -> None:
    write_wav(shell.folder / "song.wav", song(0.5))
    message = shell.json("understand", "song.wav", "--bpm", "99", *FAKE)
    assert message["outputs"] == []
    assert message["metadata"] == [{"bpm": 99, "keyscale": "C major", "timesignature": 4}]
    (shell.folder / "words.txt").write_text("\ufeffla la la\n")
    assert "bpm: 120" in shell.run("lrc", "song.wav", "--lyrics", "words.txt", *FAKE).stdout
    assert "keyscale: C major" in shell.run("compose", "a sad tune", "--seed", "0", *FAKE).stdout
    shell.run("format", "--caption", "jazz", *FAKE)
    shell.run("score", "song.wav", *FAKE)
    assert shell.files() == {"song.wav", "words.txt"}


@pytest.mark.parametrize(
    "name",
    ["my song.wav", "it's \"the\" one.wav", "🎸 solo.wav", "音楽.wav", "-dash.wav", "--help.wav", "a;b&c$d.wav", ".wav.wav",
     "café.wav"],
)  # fmt: skip
@pytest.mark.parametrize("by_path", [False, True])
def test_awkward_names(shell: Shell, name: str, by_path: bool) -> None:
    write_wav(shell.folder / name, song(0.2))
    options = ["--by-path"] if by_path else []
    message = shell.json("cover", *FAKE, *options, "--", name)
    stem = Path(name).stem
    assert message["outputs"][0]["file"] == f"{stem}-cover.wav"
    assert shell.files() == {name, f"{stem}-cover.wav"}
    out = f"out {name}"
    shell.run("cover", *FAKE, "-o", out, "--", name)
    assert out in shell.files()


def test_a_name_that_is_not_text(shell: Shell) -> None:
    name = os.fsdecode(b"caf\xe9.wav")
    write_wav(shell.folder / name, song(0.2))
    shell.spawn("cover", name, "-o", "out.wav", *FAKE)
    assert len(decode.read(shell.folder / "out.wav")) == 9600
    command = [*COMMAND, "cover", name, *FAKE]
    printed = subprocess.run(
        command, cwd=shell.folder, env=shell.environment, stdout=subprocess.PIPE, check=True
    ).stdout
    assert printed.startswith(b"caf\xe9-cover.wav  (mix, 0.20 s")
    assert os.fsdecode(b"caf\xe9-cover.wav") in shell.files()
    message = shell.failure("cover", name, "-o", "by-path.wav", "--by-path", *FAKE)
    assert message.endswith("allowed: a path that is text (UTF-8). Leave out --by-path.")


# ---- what is refused ----


def test_refusals(shell: Shell) -> None:
    write_wav(shell.folder / "song.wav", song(1.0))
    (shell.folder / "notes.wav").write_text("dear diary")
    (shell.folder / "folder.wav").mkdir()
    (shell.folder / "gone.wav").symlink_to("nowhere")
    before = shell.files()

    def say(*arguments: str, code: int = 2) -> str:
        return shell.failure(*arguments, *FAKE, code=code)

    assert say("repaint", "song.wav", "--start", "0.5", "--end", "0.2").startswith("--end is 0.2; allowed: at least")
    assert say("repaint", "song.wav", "--bpm", "1000").startswith("--bpm is 1000.0; allowed: 30 to 300")
    assert say("repaint", "song.wav", "--bpm", "nan").startswith("--bpm is nan; allowed: 30 to 300")
    assert say("repaint", "song.wav", "-n", "9") == "--takes is 9; allowed: 1 to 8 takes."
    assert say("generate", "--steps", "99999999999") == "--steps is 99999999999; allowed: 1 to 200 steps."
    assert say("generate", "--seed", str(10**20)) == f"--seed is {10**20}; allowed: 0 to 4294967295."
    assert say("generate", "-c", os.fsdecode(b"caf\xe9")).startswith(
        "--caption is 'caf\\udce9'; allowed: text (UTF-8)."
    )
    assert say("repaint", "song.wav", "--key", "Q").startswith("--key is 'Q'; allowed: A to G")
    assert say("extract", "song.wav", "-t", "kazoo").startswith("--track is 'kazoo'; allowed: vocals,")
    assert say("extract", "song.wav", "-t", "other").endswith("What is in none of them comes as 'other' automatically.")
    for name in ("song.wav", "./song.wav", str(shell.folder / "song.wav")):
        assert say("repaint", "song.wav", "-o", name).endswith("Originals are never overwritten.")
    message = say("repaint", "song.wav", "-o", "x.m4a")
    assert message == "--out is 'x.m4a'; allowed: a folder, or a name that ends in .wav, .flac, .ogg, .opus, .mp3."
    assert say("repaint", "notes.wav").startswith("notes.wav is not audio, is damaged, or is of a kind")
    assert say("repaint", "absent.wav") == "absent.wav: No such file or directory. Check the path."
    assert say("repaint", "gone.wav") == "gone.wav: No such file or directory. Check the path."
    assert say("repaint", "folder.wav") == "folder.wav: a folder or a device, not an audio file."
    assert say("repaint", "folder.wav", "--by-path") == "folder.wav is not a file. Name an audio file."
    assert say("repaint", "x" * 300 + ".wav", "-o", "y.wav").endswith(": File name too long. Choose a shorter name.")
    assert say("repaint", "x" * 250 + ".wav").endswith(": No such file or directory. Check the path.")
    assert say("repaint", "/etc/passwd", "--by-path", "-o", "y.wav").startswith("passwd lies outside the folders")
    assert say("generate", "--caption", "fail", code=4) == "The fake engine failed as asked. Ask for something else."
    assert say("generate", "--caption", "crash", code=4).startswith("The engine's process ended in the middle of")
    assert say("generate", "--lyrics", "gone.txt").startswith("--lyrics names no file: gone.txt. Check the path.")
    assert shell.failure("cover", "song.wav", "-e", "neural").startswith("The neural engine cannot run: ")
    assert shell.failure("jobs", "show", "nope") == "There is no job 'nope'. List the jobs to see their ids."
    assert shell.failure("assets", "download", "nope", "-o", "y.wav").startswith("There is no asset 'nope'.")
    assert shell.failure("jobs", "--limit", "0") == "--limit is 0; allowed: 1 or more. Give --all for all of them."
    message = shell.failure("repaint", "song.wav", "--engine", "kazoo")
    assert message == (
        "--engine is 'kazoo'; allowed: auto, draft, neural. Leave it out for the best that is installed."
    )
    assert shell.files() == before


def test_no_result_ever_overwrites_the_source(shell: Shell) -> None:
    """Neither as a further take of -o, nor as a role in a folder, nor through a link."""
    for name, command in {
        "song-2.wav": ("cover", "song-2.wav", "-n", "2", "-o", "song.wav"),
        "drums.wav": ("extract", "drums.wav", "-t", "bass", "-t", "drums", "-o", "."),
        "band-fx.wav": ("complete", "band-fx.wav", "-t", "bass", "-t", "fx", "-o", "band.wav"),
    }.items():
        source = write_wav(shell.folder / name, song(0.3))
        before = source.read_bytes()
        assert shell.failure(*command, *FAKE).endswith("Originals are never overwritten.")
        assert source.read_bytes() == before
        assert not [file for file in shell.files() if file.endswith(".part")]
    os.link(shell.folder / "song-2.wav", shell.folder / "other.wav")
    assert shell.failure("cover", "song-2.wav", "-o", "other.wav", *FAKE).endswith("never overwritten.")


# ---- the daemon from the command line ----


def test_jobs_and_assets(shell: Shell, daemon: Daemon, client: Client) -> None:
    write_wav(shell.folder / "song.wav", song(0.5, seed=123))
    asset = shell.run("assets", "upload", "song.wav").stdout.strip()
    assert shell.run("assets", "download", asset, "-o", "copy.wav").stdout == "copy.wav\n"
    assert (shell.folder / "copy.wav").read_bytes() == (shell.folder / "song.wav").read_bytes()
    assert shell.run("assets", "pin", asset).stdout == "pinned\n"
    assert len(shell.json("assets", "--limit", "1")) == 1
    (found,) = (
        each for each in shell.json("assets") if each["id"] == asset
    )  # jobs of other tests may store newer ones
    assert found | {"create_time": 0, "last_use_time": 0} == {
        "id": asset, "name": "song.wav", "size_bytes": (shell.folder / "song.wav").stat().st_size,
        "sample_rate": 48_000, "channels": 2, "frames": 24000, "pinned": True, "create_time": 0, "last_use_time": 0,
    }  # fmt: skip
    listed = shell.run("assets").stdout
    assert asset[:12] in listed
    assert "pinned" in listed
    assert shell.run("assets", "pin", asset, "--off").stdout == "unpinned\n"
    assert shell.run("assets", "delete", asset).stdout == "deleted\n"
    assert shell.failure("assets", "delete", asset).startswith("There is no asset")

    job_id = create_tone_job(client, 0.4, seed=5, takes=2)
    shell.run("jobs", "watch", job_id, "-o", "watched.wav")
    assert np.array_equal(decode.read(shell.folder / "watched-2.wav"), expected_tone(6, 0.4))
    assert shell.json("jobs", "show", job_id)["state"] == "succeeded"
    assert job_id[:12] in shell.run("jobs").stdout
    assert shell.json("jobs", "--limit", "1")[0]["id"] == job_id
    assert shell.run("jobs", "delete", job_id).stdout == "deleted\n"
    daemon.hold(1)
    running = create_tone_job(client, 0.4, seed=1)
    assert shell.failure("jobs", "delete", running).endswith("Cancel it first.")
    assert shell.run("jobs", "cancel", running).stdout == "cancelled\n"
    until_state(client, running, "cancelled")
    assert shell.failure("jobs", "watch", running, code=5) == "The job was cancelled."


def test_status_models_and_doctor(shell: Shell, daemon: Daemon) -> None:
    message = shell.json("status")
    assert (message["address"], message["pid"]) == (daemon.address, daemon.pid)
    assert f"process {daemon.pid}" in shell.run("status").stdout
    engines = {engine["name"]: engine for engine in shell.json("models")["capabilities"]["engines"]}
    assert engines["draft"]["available"]
    assert not engines["neural"]["available"]
    assert "draft" in shell.run("models").stdout
    findings = {finding["about"]: finding for finding in shell.json("doctor")}
    assert findings["daemon"]["ok"]
    assert daemon.address in findings["daemon"]["says"]
    assert shell.run("doctor").stdout.count("ok  ") == len(findings)


def test_the_version_costs_no_heavy_import(shell: Shell) -> None:
    heavy = "{'numpy', 'torch', 'grpc', 'scipy', 'soundfile', 'pydantic', 'google.protobuf'}"
    script = (
        "import sys; sys.argv = ['acebridge', '--version']\n"
        "from acebridge.cli import main\n"
        "try: main()\n"
        f"except SystemExit as end: assert not end.code\n"
        f"print(sorted({heavy} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=shell.environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["acebridge 0.1.0", "[]"]


# ---- Ctrl-C ----


def test_ctrl_c_ends_the_command_though_a_connection_holds_a_lock(shell: Shell) -> None:
    script = """
import atexit, threading
from acebridge import cli

class Connection:
    def __init__(self):
        self.itself, self.lock = self, threading.Lock()

    def __del__(self):
        self.lock.acquire()

def interrupt(arguments):
    Connection().lock.acquire()
    raise KeyboardInterrupt

atexit.register(print, "temporary folders are removed")
cli._run = interrupt
cli.run_program()
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=shell.environment, capture_output=True, text=True, check=False, timeout=PATIENCE_S,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (5, "")
    assert done.stdout == "temporary folders are removed\n"


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_cancels_the_job_and_leaves_nothing(
    shell: Shell, daemon: Daemon, client: Client, sent: signal.Signals
) -> None:
    daemon.hold(1, at="audio")
    process = shell.start("generate", "--duration", "3", "-n", "2", "-s", "1", "-o", "out/long.wav", *FAKE)
    until(lambda: list((shell.folder / "out").glob(".*.part")), "the result to arrive")
    (running,) = [job.id for job in recent(client) if job.state == 2]
    process.send_signal(sent)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 5, err
    assert err.strip() == f"acebridge: Job {running} was cancelled."
    assert not out
    until_state(client, running, "cancelled")
    assert not [file for file in shell.files() if file.endswith(".part")]


@pytest.mark.parametrize("presses", [1, 2])
def test_ctrl_c_before_the_daemon_has_named_the_job(presses: int) -> None:
    cancelled: list[str] = []

    def events() -> Iterator[tasks_pb2.TaskEvent]:
        for _ in range(presses):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)
        yield tasks_pb2.TaskEvent(job_id="abc")
        pytest.fail("it goes on")

    client = cast(Client, SimpleNamespace(cancel=cancelled.append))
    with pytest.raises(JobFailed) as message:
        follow_job(events(), Result(0.0), client, title="generate", as_json=True)
    if presses == 1:
        assert (cancelled, str(message.value)) == (["abc"], "Job abc was cancelled.")
    else:
        assert not cancelled
        assert str(message.value).endswith("not answered yet. If the daemon took the job, `acebridge jobs` shows it.")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_tabs_in_facts_are_shown_as_spaces(capsys: pytest.CaptureFixture[str]) -> None:
    done = tasks_pb2.Completed(takes=[tasks_pb2.TakeFinished()])
    done.takes[0].metadata.lrc = "[00:00.10]one\ttwo\n"
    events = iter([tasks_pb2.TaskEvent(job_id="abc", completed=done)])
    follow_job(events, Result(0.0), cast(Client, None), title="lrc", as_json=False)
    assert "lrc: [00:00.10]one two\n" in capsys.readouterr().out


@pytest.mark.slow
def test_ctrl_c_outside_of_a_job(alone: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it takes calls and says nothing
        process = alone.start("status", "--address", f"127.0.0.1:{silent.getsockname()[1]}")
        with silent.accept()[0] as call:
            call.recv(1)
            process.send_signal(signal.SIGINT)
            process.wait(PATIENCE_S)
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 5
    assert "Traceback" not in err


# ---- starting and stopping ----


@pytest.mark.slow
def test_no_daemon(alone: Shell) -> None:
    message = alone.failure("generate", "--no-autostart", *FAKE, code=3)
    assert message == "No AceBridge daemon answers at 127.0.0.1:1. Start one with `acebridge serve`."
    for command in (["status"], ["stop"], ["jobs", "--no-autostart"]):
        assert alone.failure(*command, code=3) == message
    (Path(alone.environment["ACEBRIDGE_HOME"]) / "config.toml").write_text("port = 'high'\n")
    message = alone.failure("generate", *FAKE, code=3)
    assert message.startswith("The daemon did not start: ")
    assert "Setting port in " in message
    assert not alone.files()


@pytest.mark.slow
def test_commands_at_once_start_one_daemon(alone: Shell) -> None:
    def ask(number: int) -> Any:
        done = alone.spawn("generate", "--duration", "0.2", "-s", str(number), "-o", f"{number}.wav", "--json", *FAKE)
        return json.loads(done.stdout)

    with ThreadPoolExecutor(4) as pool:
        message = list(pool.map(ask, range(4)))
    assert len({answer["job_id"] for answer in message}) == 4
    home = Path(alone.environment["ACEBRIDGE_HOME"])
    pid = alone.json("status")["pid"]
    daemons = [p.pid for p in psutil.process_iter() if belongs(p, home) and "serve" in p.cmdline()]
    assert daemons == [pid]
    # Stopped means gone: the next command, right after it, starts another one.
    assert alone.run("stop").stdout == "stopped\n"
    assert alone.json("generate", "--duration", "0.2", *FAKE)["outputs"]
    assert alone.json("status")["pid"] != pid


@pytest.mark.slow
def test_a_daemon_that_goes_away_amid_a_job(alone: Shell) -> None:
    alone.run("models")
    Path(alone.environment["ACEBRIDGE_FAKE_GATES"], "1.steps").touch()
    process = alone.start("generate", "--duration", "1", "-s", "1", "-o", "x.wav", *FAKE)
    home = Path(alone.environment["ACEBRIDGE_HOME"])
    with Client(address_in(home), token=read_token(home)) as client:
        until(lambda: recent(client) and state(client, recent(client)[0].id) == "running", "the job to run")
        job_id = recent(client)[0].id
    next(p for p in psutil.process_iter() if belongs(p, home) and "serve" in p.cmdline()).kill()
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 3
    assert err.strip() == (
        f"acebridge: The daemon does not answer any more. Start it again: job {job_id} goes on, and"
        f" `acebridge jobs watch {job_id} -o FILE` fetches the result."
    )
    assert not alone.files()
