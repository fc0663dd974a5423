"""A daemon that goes away amid a host's job: the job goes on when it is back, or ends with a sentence. Nothing is left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import soundfile

from acebridge.client.client import Client
from acebridge.contract.tasks import TaskRequest
from acebridge.errors import ConnectionLost, ErrorReason, JobFailed
from acebridge.hosts.jobfolder import daemon as jobfolder_daemon
from acebridge.hosts.jobfolder.run import run
from acebridge.v1 import audio_pb2, tasks_pb2
from tests.support.daemon import PATIENCE_S, Daemon, daemon_at, until
from tests.support.job_folders import HELD_SEED, Job, outputs, part


@contextmanager
def begin_two_takes(folder: Path, daemon: Daemon) -> Iterator[tuple[Job, Future[Any]]]:
    """Run a job whose second take is held, once the first is there; what still runs at the end is cancelled."""
    daemon.hold(HELD_SEED)
    job = Job(folder).ask(part(start_s=0.5, end_s=1.0, output={"takes": 2, "seeds": [HELD_SEED - 1]}))
    with ThreadPoolExecutor() as pool:
        running = pool.submit(run, job.folder, autostart=False)
        try:
            until(lambda: find_takes(job) or running.done(), "the first take")
            yield job, running
        finally:
            (job.folder / "cancel").touch()


def find_takes(job: Job) -> list[Path]:
    """Return the files of takes that have their names."""
    return list(job.media.glob("AceBridge *.wav"))


@pytest.mark.parametrize("end", [Daemon.kill, Daemon.stop])
def test_a_job_goes_on_with_a_daemon_that_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: Callable[[Daemon], object]
) -> None:
    monkeypatch.setenv("ACEBRIDGE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(jobfolder_daemon, "BACK_S", PATIENCE_S)
    with daemon_at(tmp_path / "home") as daemon, begin_two_takes(tmp_path, daemon) as (job, running):
        end(daemon)
        until(lambda: job.status["stage"] == "waiting for the daemon" or running.done(), "that it is missed")
        assert job.media_files == set()
        daemon.start()
        daemon.release()
        made = outputs(running.result(PATIENCE_S))
        other = Job(tmp_path / "other").ask(*job.read("request.json")["parts"])
        wanted = outputs(run(other.folder, autostart=False))
    assert [soundfile.read(each["file"])[0].tolist() for each in made] == [
        soundfile.read(each["file"])[0].tolist() for each in wanted
    ]
    assert job.media_files == {Path(each["file"]).name for each in made}
    assert len(made) == 2
    assert job.status["state"] == "done"


def test_a_job_whose_id_was_lost_goes_on(tmp_path: Path, daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    job = Job(tmp_path).ask(part(start_s=0.5, end_s=1.0))
    usual, ids = Client.submit_request, list[str]()

    def lose_the_first(client: Client, request: TaskRequest) -> Iterator[tasks_pb2.TaskEvent]:
        events = usual(client, request)
        if not ids:
            ids.append(next(events).job_id)
            raise ConnectionLost(ErrorReason.UNAVAILABLE, "Gone.")
        yield from events

    monkeypatch.setattr(Client, "submit_request", lose_the_first)
    assert len(outputs(job.run(daemon))) == 1
    assert ids == [job.status["job_id"]]


def test_a_source_that_did_not_arrive_is_sent_again(
    tmp_path: Path, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = Job(tmp_path).ask(part(start_s=0.5, end_s=1.0))
    usual, lost = Client.upload, [ConnectionLost(ErrorReason.UNAVAILABLE, "Gone.")]

    def lose_the_first(client: Client, path: Path) -> audio_pb2.AudioInput:
        if lost:
            raise lost.pop()
        return usual(client, path)

    monkeypatch.setattr(Client, "upload", lose_the_first)
    assert len(outputs(job.run(daemon))) == 1


def test_a_daemon_that_ends_midway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACEBRIDGE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(jobfolder_daemon, "BACK_S", 0.0)
    with daemon_at(tmp_path / "home") as daemon, begin_two_takes(tmp_path, daemon) as (job, running):
        daemon.kill()
        with pytest.raises(JobFailed):
            running.result(PATIENCE_S)
    status = job.status
    assert (status["state"], status["reason"]) == ("failed", "UNAVAILABLE")
    assert status["message"] == "The AceBridge daemon ended in the middle of the work."
    assert status["remedy"].startswith("Run the action again")
    assert job.media_files == set()
    assert not (job.folder / "result.json").exists()


def test_cancelled_while_the_daemon_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACEBRIDGE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(jobfolder_daemon, "BACK_S", PATIENCE_S)
    with daemon_at(tmp_path / "home") as daemon, begin_two_takes(tmp_path, daemon) as (job, running):
        (take,) = find_takes(job)
        daemon.kill()
        until(lambda: job.status["stage"] == "waiting for the daemon" or running.done(), "that it is missed")
        take.write_text("of another job, which got the name that is free again")
        (job.folder / "cancel").touch()
        with pytest.raises(JobFailed, match="cancelled"):
            running.result(PATIENCE_S)
    assert job.status["state"] == "cancelled"
    assert job.media_files == {take.name}
