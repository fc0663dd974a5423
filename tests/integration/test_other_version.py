"""A daemon that another version of AceBridge started: replaced when it is idle, named when it is not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from acebridge.client.api_runner import DaemonRunner
from acebridge.client.client import Client
from acebridge.client.restart import is_older
from acebridge.errors import ConnectionLost, ErrorReason, JobFailed
from acebridge.v1 import assets_pb2, daemon_pb2
from acebridge.version import VERSION
from tests.support.daemon import PATIENCE_S, Daemon, create_tone_job, status, until, until_started, until_state
from tests.support.job_folders import Job, part
from tests.support.shell import FAKE, Shell

SONG = ("--duration", "0.2", "-o", "song.wav")


@pytest.fixture
def old(alone: Shell, request: pytest.FixtureRequest) -> Iterator[Daemon]:
    """A daemon of version 0.0.9, or of the one that a test names, in the home of `alone`."""
    version = getattr(request, "param", "0.0.9")
    daemon = Daemon(Path(alone.environment["ACEBRIDGE_HOME"]), config="port = 0\n", version=version)
    daemon.start()
    yield daemon
    daemon.release()
    assert daemon.stop() == 0


def running(daemon: Daemon) -> dict[str, Any]:
    return json.loads((daemon.home / "daemon.json").read_text("utf-8"))


def test_the_status_tells_the_version_of_the_code_that_runs(old: Daemon) -> None:
    assert old.client is not None
    assert status(old.client).version == "0.0.9" == running(old)["version"]


def test_an_idle_daemon_is_replaced(old: Daemon, alone: Shell) -> None:
    done = alone.run("generate", *FAKE, *SONG)
    assert "version" not in done.stderr
    assert old.process is not None
    assert old.process.wait(PATIENCE_S) == 0
    assert running(old)["version"] == VERSION
    assert running(old)["pid"] != old.pid
    pid = running(old)["pid"]
    alone.run("generate", *FAKE, *SONG)
    assert running(old)["pid"] == pid
    alone.run("stop")


@pytest.mark.slow
def test_a_daemon_at_work_is_named_once_and_used(old: Daemon, alone: Shell) -> None:
    assert old.client is not None
    old.hold(1)
    held = create_tone_job(old.client, 5.0, seed=1)
    until_started(old.client, held)
    done = alone.run("jobs")
    (line,) = done.stderr.splitlines()
    assert line == (
        f"warning: The daemon at {old.address} is version 0.0.9, this is version {VERSION}."
        " It is at work; the first command after that restarts it."
    )
    assert held[:12] in done.stdout
    assert running(old)["pid"] == old.pid


@pytest.mark.slow
@pytest.mark.parametrize("old", ["9.0.0"], indirect=True)
def test_a_newer_daemon_is_never_replaced(old: Daemon, alone: Shell) -> None:
    for _ in range(2):
        done = alone.run("generate", *FAKE, *SONG)
        (line,) = [line for line in done.stderr.splitlines() if "version" in line]
        assert line == (
            f"warning: The daemon at {old.address} is version 9.0.0, this is version {VERSION}."
            " Update this program too, or run `acebridge stop` to go back to its own daemon."
        )
        assert running(old)["pid"] == old.pid


@pytest.mark.parametrize(
    ("version", "expected"),
    [("0.0.9", True), ("0.0.10", True), (VERSION, False), (f"{VERSION}+mine", False), ("0.10", False), ("", True)],
)
def test_versions_are_compared_by_their_numbers(version: str, expected: bool) -> None:
    assert is_older(version) is expected


def test_a_daemon_stops_only_while_it_is_idle_if_asked_so(old: Daemon) -> None:
    client = old.client
    assert client is not None
    request = daemon_pb2.ShutdownRequest(only_if_idle=True)

    def refusal() -> JobFailed:
        with pytest.raises(JobFailed, match=r"^The daemon is at work\.") as caught:
            client.call(client.daemon.Shutdown, request)
        return caught.value

    old.hold(1)
    held = create_tone_job(client, 0.2, seed=1)
    assert refusal().kind is ErrorReason.CONFLICT
    old.release()
    until_state(client, held, "succeeded")
    pieces: SimpleQueue[Any] = SimpleQueue()
    upload = client.assets.UploadAsset.future(iter(pieces.get, None))
    pieces.put(assets_pb2.UploadAssetRequest(name="half.wav", data=b"RIFF"))
    until(lambda: any((old.home / "incoming").iterdir()), "the upload to begin")
    refusal()
    pieces.put(None)
    assert upload.exception() is not None
    with suppress(ConnectionLost):  # its end may come before its answer
        client.call(client.daemon.Shutdown, request)
    assert old.process is not None
    assert old.process.wait(PATIENCE_S) == 0


@pytest.mark.slow
def test_a_daemon_at_a_given_address_is_never_replaced(old: Daemon, alone: Shell) -> None:
    done = alone.run("generate", "--address", old.address, *FAKE, *SONG)
    (line,) = [line for line in done.stderr.splitlines() if "version" in line]
    assert line.startswith(f"warning: The daemon at {old.address} is version 0.0.9, this is version {VERSION}: ")
    assert running(old)["pid"] == old.pid
    assert "version 0.0.9" in alone.run("status").stderr
    alone.run("stop")
    assert old.process is not None
    assert old.process.wait(PATIENCE_S) == 0
    assert not (old.home / "daemon.json").exists()


def test_the_python_api_warns_of_a_daemon_at_work(old: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    assert old.client is not None
    monkeypatch.setenv("ACEBRIDGE_HOME", str(old.home))
    old.hold(1)
    until_started(old.client, create_tone_job(old.client, 5.0, seed=1))
    with pytest.warns(UserWarning, match=r"is version 0\.0\.9, this is version"):
        runner = DaemonRunner("auto")
    with Client(runner._address) as client:
        assert status(client).pid == old.pid


def test_a_job_folder_has_it_among_its_warnings(old: Daemon, tmp_path: Path) -> None:
    job = Job(tmp_path / "project").ask(part(start_s=0.5, end_s=1.0))
    (warning,) = job.run(old)["warnings"]
    assert warning.startswith(f"The daemon at {old.address} is version 0.0.9, this is version {VERSION}: ")
