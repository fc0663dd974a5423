"""Jobs that end badly: cancelled, refused, broken off. What is said, and that nothing is left."""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest

from acebridge.client.client import Client
from acebridge.errors import AceBridgeError, JobFailed
from acebridge.hosts.jobfolder.fields import check_parts
from acebridge.hosts.jobfolder.job_run import Work
from acebridge.hosts.jobfolder.request import read_request
from acebridge.hosts.jobfolder.run import run, supervise
from acestep_runtime.errors import AceStepError, InvalidValue
from tests.support.daemon import PATIENCE_S, Daemon, state, until, until_state, write_wav
from tests.support.job_folders import HELD, HELD_SEED, Job, outputs, part
from tests.support.shell import LoneShell, Shell


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path)


def assert_failed(job: Job, daemon: Daemon | None, kind: type[Exception] = Exception) -> Any:
    """Perform a job that fails; return its status."""
    with pytest.raises((AceStepError, AceBridgeError)) as raised:
        run(job.folder, address=daemon.address if daemon else None, autostart=False)
    assert isinstance(raised.value, kind)
    assert job.media_files == set()
    assert not (job.folder / "result.json").exists()
    assert "failed: " in (job.folder / "log.txt").read_text("utf-8")
    return job.status


def runs(job: Job) -> bool:
    return (job.folder / "status.json").exists() and job.status["state"] == "running"


def test_a_cancel_file_ends_the_job_and_leaves_nothing(job: Job, shell: Shell, daemon: Daemon, client: Client) -> None:
    daemon.hold(6)  # the second take
    job.ask(part("lego", tracks=["bass", "fx"], output={"takes": 8, "seeds": [5]}))
    process = shell.start("reaper", "run", str(job.folder))
    until(lambda: job.media_files, "audio to arrive")
    (job.folder / "cancel").touch()
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 5
    assert "Traceback" not in err
    status = job.status
    assert (status["state"], status["reason"], status["message"]) == (
        "cancelled",
        "CANCELLED",
        "The job was cancelled.",
    )
    assert job.media_files == set()
    assert not (job.folder / "result.json").exists()
    until_state(client, status["job_id"], "cancelled")


def test_a_cancel_file_that_is_there_first_is_heeded(job: Job, daemon: Daemon) -> None:
    daemon.hold(HELD_SEED)
    job.ask(part(**HELD))
    (job.folder / "cancel").touch()
    with pytest.raises(JobFailed, match="cancelled"):
        run(job.folder, address=daemon.address)
    assert job.status["state"] == "cancelled"
    assert job.media_files == set()
    daemon.release()


def test_a_terminal_that_closes_ends_nothing(job: Job, shell: Shell, daemon: Daemon) -> None:
    daemon.hold(HELD_SEED)
    job.ask(part(**HELD))
    process = shell.start("reaper", "run", str(job.folder))
    until(lambda: runs(job), "the job to run")
    process.send_signal(signal.SIGHUP)
    daemon.release()
    _, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, err) == (0, "")
    assert job.status["state"] == "done"
    assert job.media_files


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal_cancels(job: Job, shell: Shell, daemon: Daemon, client: Client, name: str) -> None:
    daemon.hold(HELD_SEED)
    job.ask(part(**HELD))
    process = shell.start("reaper", "run", str(job.folder))
    until(lambda: runs(job), "the job to run")
    process.send_signal(getattr(signal, name))
    _, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, err) == (5, "acebridge: The job was cancelled.\n")
    assert job.status["state"] == "cancelled"
    until_state(client, job.status["job_id"], "cancelled")
    assert job.media_files == set()


def _is_waited_for() -> bool:
    """Return whether the main thread waits for the work to end."""
    frame = sys._current_frames()[threading.main_thread().ident or 0]
    return any(each.name == "_poll" for each in traceback.extract_stack(frame))


def test_a_signal_waits_for_the_work_to_stop_before_it_tidies_up(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("acebridge.hosts.jobfolder.run._GRACE_S", PATIENCE_S)
    stopped = threading.Event()

    def work(work: Work) -> Any:
        until(_is_waited_for)
        os.kill(os.getpid(), signal.SIGINT)
        until(lambda: work.cancelled, "the signal")
        time.sleep(0.2)
        work.track_file(job.media / "late.wav").touch()
        stopped.set()
        work.check()

    with pytest.raises(JobFailed, match="The job was cancelled"):
        supervise(job.folder, work)
    assert stopped.is_set()
    assert job.media_files == set()
    assert job.status["state"] == "cancelled"


def test_work_that_does_not_end_is_left(job: Job) -> None:
    (job.folder / "cancel").touch()
    stuck = threading.Event()
    with pytest.raises(JobFailed) as raised:
        supervise(job.folder, lambda _: {"came": stuck.wait(PATIENCE_S)})
    assert raised.value.kind == "CANCELLED"
    stuck.set()
    assert not (job.folder / "result.json").exists()


def test_what_fails_in_an_unexpected_way_is_reported_with_the_traceback_in_the_log_only(job: Job) -> None:
    def fail(_: Any) -> Any:
        raise ZeroDivisionError("by nought")

    with pytest.raises(JobFailed, match="ZeroDivisionError") as raised:
        supervise(job.folder, fail)
    assert (raised.value.kind, job.status["state"], job.status["reason"]) == (
        "ENGINE_FAILURE",
        "failed",
        "ENGINE_FAILURE",
    )
    assert "log.txt" in job.status["remedy"]
    assert "Traceback" not in json.dumps(job.status)
    assert "ZeroDivisionError: by nought" in (job.folder / "log.txt").read_text("utf-8")


def test_no_daemon(job: Job) -> None:
    status = assert_failed(job.ask(part()), None)
    assert (status["reason"], status["message"]) == ("UNAVAILABLE", "No AceBridge daemon runs.")
    assert "acebridge serve" in status["remedy"]


def test_a_daemon_is_started_where_none_runs(job: Job, alone: LoneShell) -> None:
    job.ask(part(output={"seeds": [1]}))
    alone.run("reaper", "run", job.folder.as_uri())
    assert job.status["state"] == "done"
    alone.run("stop")


@pytest.mark.slow
def test_a_daemon_that_does_not_start(job: Job, alone: LoneShell) -> None:
    (Path(alone.environment["ACEBRIDGE_HOME"]) / "config.toml").write_text("port = 'x'\n")
    alone.run("reaper", "run", str(job.ask(part()).folder), code=3)
    assert job.status["state"] == "failed"
    assert job.status["message"].startswith("The daemon did not start: ")
    assert job.status["remedy"]


class FullDisk:
    """A file on a nearly full disk."""

    def __init__(self, file: BinaryIO, room: int) -> None:
        self._file, self._room = file, room

    def write(self, data: bytes) -> int:
        self._room -= len(data)
        if self._room < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self._file.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> FullDisk:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def test_a_full_disk_is_named_and_nothing_is_left(
    job: Job, daemon: Daemon, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Path.open

    def full(path: Path, mode: str = "r", *args: Any, **more: Any) -> Any:
        file = opened(path, mode, *args, **more)
        return FullDisk(file, 300_000) if path.parent == job.media and path.suffix == ".part" else file

    monkeypatch.setattr(Path, "open", full)
    status = assert_failed(job.ask(part(output={"takes": 2})), daemon)
    assert status["message"] == f"The media folder {job.media} cannot be written: No space left on device."
    assert status["remedy"].startswith("Free some space there")
    until(lambda: state(client, status["job_id"]) in ("cancelled", "succeeded"))


def test_a_media_folder_that_cannot_be(job: Job, daemon: Daemon) -> None:
    (job.media.parent / "notes").write_text("no folder")
    bad = job.media.parent / "notes" / "Media"
    status = assert_failed(job.ask(part(), media={"folder": str(bad)}), daemon)
    assert status["message"] == f"The media folder {bad} cannot be written: Not a directory."
    assert status["job_id"] == ""


def test_an_engine_that_fails_or_breaks(job: Job, daemon: Daemon) -> None:
    job.ask(part("understand", label="ears"), part(label="Guitar", music={"caption": "fail"}))
    status = assert_failed(job, daemon)
    assert status["message"] == "Guitar: The fake engine failed as asked."
    assert (status["remedy"], status["reason"]) == ("Ask for something else.", "ENGINE_FAILURE")
    assert assert_failed(job.ask(part(music={"caption": "crash"})), daemon)["message"]


def test_what_earlier_parts_made_goes_too(job: Job, daemon: Daemon) -> None:
    assert_failed(job.ask(part(), part(music={"caption": "fail"})), daemon)


GONE = object()
#: Where something is spoilt in a good request, with what, and what is said then.
BAD: list[tuple[str, Any, str]] = [
    ("version", 2, "These scripts are of version 2, this command knows 1. Update AceBridge."),
    ("version", 0, "These scripts are of version 0, this command knows 1. Update the scripts."),
    ("version", GONE, "version None, this command knows 1. Update the scripts."),
    ("engine", "best", "engine is 'best'; allowed: auto, draft, neural."),
    ("media", {}, "media.folder is 'nothing'; allowed: the full path of a folder"),
    ("media.format", "mp3", "media.format is 'mp3'; allowed: float32, pcm24, pcm16."),
    ("media.folder", "Media", "media.folder is 'Media'; allowed: the full path of a folder."),
    ("parts", [], "parts is []; allowed: at least one part."),
    ("parts", "x", "parts is 'x'; allowed: a list."),
    ("parts.0", "x", "parts[0] is 'x'; allowed: an object."),
    ("parts.0.task", GONE, "parts[0].task is ''; allowed: the name of a task."),
    ("parts.0.task", "remix", "parts[0].task is 'remix'; allowed: text2music, cover,"),
    ("parts.0.task", "text2music", "parts[0].source is "),
    ("parts.0.position_s", float("inf"), "parts[0].position_s is inf; allowed: a number."),
    ("parts.0.position_s", True, "parts[0].position_s is True; allowed: a number."),
    ("parts.0.fill_from", 0, "parts[0].fill_from is 0; allowed: nothing: no part is earlier."),
    ("parts.0.source", GONE, "parts[0].source is 'nothing'; allowed: a file: repaint works on one."),
    ("parts.0.source", {}, "parts[0].source.file is ''; allowed: the name of a file."),
    ("parts.0.source", "x.wav", "parts[0].source is 'x.wav'; allowed: an object."),
    ("parts.0.source.file", "gone.wav", "gone.wav cannot be read: No such file or directory. Check that it is"),
    ("parts.0.source.file", ".", "cannot be read: a folder or a device, not an audio file."),
    ("parts.0.source.file", "request.json", "request.json"),
    ("parts.0.source.start_s", "x", "parts[0].source.start_s is 'x'; allowed: a number."),
    ("parts.0.source.start_s", 9.0, "start_s"),
    ("parts.0.fields", [], "parts[0].fields is []; allowed: an object."),
    ("parts.0.fields.styl", "x", "parts[0].fields.styl is 'x'; allowed: one of the fields submission, source,"),
    ("parts.0.fields.source", {}, "parts[0].fields.source is {}; allowed: no such field; write parts[0].source."),
    ("parts.0.fields.scope", "half", "parts[0].fields.scope is 'half'; allowed: whole, region."),
    ("parts.0.fields.scope", 1, "parts[0].fields.scope is 1; allowed: whole, region."),
    ("parts.0.fields.music", "x", "parts[0].fields.music is 'x'; allowed: an object."),
    ("parts.0.fields.music.tempo", 3, "parts[0].fields.music.tempo is 3; allowed: one of the fields caption,"),
    ("parts.0.fields.music.caption", 3, "parts[0].fields.music.caption is 3; allowed: text (UTF-8)."),
    ("parts.0.fields.music.bpm", "x", "parts[0].fields.music.bpm is 'x'; allowed: 30 to 300 beats per minute."),
    ("parts.0.fields.music.bpm", 1000, "music.bpm is 1000"),
    ("parts.0.fields.output", "x", "parts[0].fields.output is 'x'; allowed: an object."),
    ("parts.0.fields.output", {"seeds": 7}, "parts[0].fields.output.seeds is 7; allowed: a list."),
    ("parts.0.fields.output", {"takes": 1.5}, "parts[0].fields.output.takes is 1.5; allowed: 1 to 8 takes."),
]


@pytest.mark.parametrize(("place", "value", "says"), BAD)
def test_bad_requests(job: Job, daemon: Daemon, place: str, value: Any, says: str) -> None:
    request = job.ask(part(start_s=1.0, music={"caption": "x"})).read("request.json")
    *way, last = (int(step) if step.isdigit() else step for step in place.split("."))
    spoilt: Any = request
    for step in way:
        spoilt = spoilt[step]
    if value is GONE:
        del spoilt[last]
    else:
        spoilt[last] = value
    (job.folder / "request.json").write_text(json.dumps(request))
    status = assert_failed(job, daemon)
    assert says in f"{status['message']} {status['remedy']}"
    assert status["message"].endswith(".")
    assert status["state"] == "failed"


LONG_S, SHORT_S = 600.5, 0.05
FILE = {"file": "source-1.wav"}
MIX = {"mix": [{"file": "source-1.wav"}]}


@pytest.mark.parametrize("seconds", [LONG_S, SHORT_S])
@pytest.mark.parametrize("source", [FILE, MIX])
def test_a_length_that_cannot_be_filled_in_is_refused_before_the_work(
    job: Job, seconds: float, source: dict[str, Any]
) -> None:
    frames = round(seconds * 8000)
    write_wav(job.folder / "source-1.wav", np.zeros((frames, 1), np.float32), 8000, "pcm16")
    ears = {**part("understand"), "source": {**source, "frames": frames} if "mix" in source else source}
    status = assert_failed(job.ask(ears, part("text2music", source=False, fill_from=0)), None, InvalidValue)
    assert status["message"] == (
        f"parts[1].fields.duration_s would be {seconds:g}, the length of parts[0].source; allowed: 0.1 to 600 seconds."
    )
    assert status["remedy"] == "Give duration_s, or another region of that source."
    assert status["job_id"] == ""
    for task in ("align_lyrics", "score", "cover", "complete"):
        filling = {**part(task), "source": ears["source"]}
        with pytest.raises(InvalidValue, match=rf"^parts\[1\]\.fields\.duration_s would be {seconds:g}, the length of"):
            check_parts(read_request(job.ask(filling, part("text2music", source=False, fill_from=0)).folder))
    for others in (
        [{**part("repaint"), "source": ears["source"]}, part("text2music", source=False, fill_from=0)],
        [ears, part("text2music", source=False, fill_from=0, duration_s=30.0)],
        [ears, part("cover", fill_from=0)],
        [ears, part("text2music", source=False)],
    ):
        check_parts(read_request(job.ask(*others).folder))
    if seconds > 1.0:
        region = {**ears, "source": {**FILE, "start_s": 0.5, "end_s": -1}}
        check_parts(read_request(job.ask(region, part("text2music", source=False, fill_from=0)).folder))
    gone = [{**ears, "source": {"file": "gone.wav"}}, part("text2music", source=False, fill_from=0)]
    check_parts(read_request(job.ask(*gone).folder))  # sending it says what is wrong


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot be read: No such file or directory."),
        (b"{", "is not JSON in UTF-8: "),
        (b'"\xff"', "is not JSON in UTF-8: "),
        (b"[]", "request.json is []; allowed: an object."),
    ],
)
def test_no_request(job: Job, content: bytes | None, says: str) -> None:
    if content is not None:
        (job.folder / "request.json").write_bytes(content)
    assert says in assert_failed(job, None, InvalidValue)["message"]


def test_no_job_folder(shell: Shell) -> None:
    says = "FOLDER is '{}'; allowed: a job folder that is there."
    gone = shell.folder / "gone"
    assert shell.failure("reaper", "run", gone.as_uri()) == says.format(gone)
    assert not gone.exists()
    assert shell.failure("reaper", "run", "file://elsewhere/x").startswith(
        "FOLDER is 'file://elsewhere/x'; allowed: a URL"
    )


@pytest.mark.slow
def test_numbers_as_lua_writes_them(job: Job, daemon: Daemon) -> None:
    numbers = {"takes": 2.0, "seeds": [7.0, 9], "channels": 1.0, "sample_rate": None, "encoding": ""}
    made = outputs(job.ask(part(start_s=1, output=numbers, music=None)).run(daemon))
    assert [Path(o["file"]).name[-9:] for o in made] == ["mix 7.wav", "mix 9.wav"]
