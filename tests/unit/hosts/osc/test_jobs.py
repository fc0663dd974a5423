"""What an order says when its result cannot be fetched, although the daemon makes it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO

import pytest

from acebridge.errors import AceBridgeError, Busy, ConnectionLost, ErrorReason
from acebridge.hosts.osc.jobs import MAX_JOBS, Jobs, _audio_input, describe
from acebridge.hosts.osc.request import Order
from acebridge.v1 import audio_pb2, tasks_pb2
from acestep_runtime.errors import InvalidValue
from tests.support.daemon import PATIENCE_S

JOB = "0e9d4b2f6a7c48d19b3e5f80a1c2d3e4"
FETCH = f"`acebridge jobs watch {JOB} -o PATH` fetches its result."


def follow(folder: Path, error: Exception, events: int = 1) -> tuple[list[tuple[Any, ...]], list[Exception]]:
    """Run an order whose stream breaks off; return what it says of its end, and what prevented it."""

    def stream(_request: Any) -> Iterator[tasks_pb2.TaskEvent]:
        for number in range(events):
            yield tasks_pb2.TaskEvent(job_id=JOB, sequence=number + 1, queued={"position": 0})
        raise error

    client: Any = SimpleNamespace(submit_request=stream)
    connection: Any = SimpleNamespace(client=lambda: client, close=lambda: None)
    jobs, said, refused, end = Jobs(connection, folder), [], [], threading.Event()

    def send(address: str, tags: str, *values: Any) -> None:
        said.append((address, tags, *values))
        if address.endswith("/error"):
            end.set()

    def refuse(fault: Exception) -> None:
        refused.append(fault)
        end.set()

    jobs.start(Order("text2music", {}), lambda path, _field: Path(path), send, refuse)
    assert end.wait(PATIENCE_S)
    jobs.close()
    return [message for message in said if message[0].endswith("/error")], refused


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ConnectionLost(ErrorReason.UNAVAILABLE, "Gone."), f"Start the daemon again: the job goes on, and {FETCH}"),
        (OSError(28, "No space left on device"), f"The job goes on, and {FETCH}"),
        (AceBridgeError("The engine failed.", remedy="Try another."), "Try another."),
    ],
)
def test_the_end_of_a_job_says_what_to_do(tmp_path: Path, error: Exception, says: str) -> None:
    ((address, tags, *values),), refused = follow(tmp_path, error)
    assert (address, tags, values[2]) == (f"/acebridge/job/{JOB}/error", "sss", says)
    assert not refused


def test_errors_of_the_system_are_sentences() -> None:
    full = describe(OSError(28, "No space left on device"))
    assert full == (ErrorReason.DISK_FULL, "No space left on device.", "Check the path.")
    assert describe(FileNotFoundError(2, "No such file or directory", "/a"))[1] == "/a: No such file or directory."


def test_an_order_without_job_is_refused(tmp_path: Path) -> None:
    error = ConnectionLost(ErrorReason.UNAVAILABLE, "Gone.")
    assert follow(tmp_path, error, events=0) == ([], [error])


def test_jobs_under_way_are_few(tmp_path: Path) -> None:
    end = threading.Event()

    def stream(_request: Any) -> Iterator[tasks_pb2.TaskEvent]:
        yield tasks_pb2.TaskEvent(job_id=JOB, sequence=1, queued={"position": 0})
        end.wait(PATIENCE_S)
        raise AceBridgeError("Over.")

    client: Any = SimpleNamespace(submit_request=stream)
    jobs = Jobs(SimpleNamespace(client=lambda: client, close=lambda: None), tmp_path)  # type: ignore[arg-type]

    def start() -> None:
        jobs.start(Order("text2music", {}), lambda path, _field: Path(path), lambda *_: None, lambda _: None)

    try:
        for _ in range(MAX_JOBS):
            start()
        with pytest.raises(Busy, match=rf"^{MAX_JOBS} jobs are under way\. Wait for one to end"):
            start()
    finally:
        end.set()
        jobs.close()


@pytest.mark.skipif(os.name == "nt", reason="links as POSIX has them")
def test_what_was_swapped_after_the_check_is_not_sent(tmp_path: Path) -> None:
    source, secret = tmp_path / "a.wav", tmp_path / "secret.wav"
    source.write_bytes(b"mine")
    secret.write_bytes(b"secret")
    sent: list[bytes] = []

    def upload(_path: Path, *, opened: BinaryIO) -> audio_pb2.AudioInput:
        sent.append(opened.read())
        return audio_pb2.AudioInput(asset_id="x")

    client: Any = SimpleNamespace(upload=upload)
    assert _audio_input(client, {}, source, "source").asset_id == "x"
    source.unlink()
    source.symlink_to(secret)
    with pytest.raises(InvalidValue, match="was replaced while it was opened"):
        _audio_input(client, {}, source, "source")
    assert sent == [b"mine"]
