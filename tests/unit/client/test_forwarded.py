"""The notes of jobs that are done elsewhere."""

from __future__ import annotations

import errno
import stat
from pathlib import Path

import pytest

from acebridge.client.client import request_of
from acebridge.client.forwarded import (
    Note,
    cancel_noted,
    find_request,
    forget_request,
    is_wanted,
    note_request,
    read_notes,
)
from acebridge.errors import ConnectionLost, ErrorReason, JobFailed
from acebridge.paths import FORWARDED_FOLDER
from acebridge.v1 import jobs_pb2

ADDRESS = "studio.local:1"
REQUEST = request_of("text2music", {"duration_s": 1.0}, submission={"idempotency_key": "forwarded 1"})


class FakeClient:
    """A daemon that answers with ``job``, or raises it."""

    jobs = jobs_pb2.Job  # its attributes are not called

    def __init__(self, job: jobs_pb2.Job | JobFailed) -> None:
        self.job = job
        self.cancelled: list[str] = []

    def create(self, request: object) -> jobs_pb2.Job:
        assert request == REQUEST
        return self._answer()

    def cancel(self, job_id: str) -> None:
        self.cancelled.append(job_id)

    def _answer(self) -> jobs_pb2.Job:
        if isinstance(self.job, JobFailed):
            raise self.job
        return self.job


def test_a_note_stays_until_it_is_forgotten(tmp_path: Path) -> None:
    assert list(read_notes(tmp_path, ADDRESS)) == []
    note_request(tmp_path, "a" * 32, ADDRESS, REQUEST)
    note_request(tmp_path, "b" * 32, "other:1", REQUEST)
    (note,) = read_notes(tmp_path, ADDRESS)
    assert note == Note(tmp_path / FORWARDED_FOLDER / f"{'a' * 32}.json", "a" * 32, ADDRESS, REQUEST)
    assert stat.S_IMODE(note.file.stat().st_mode) == 0o600
    forget_request(tmp_path, "a" * 32)
    forget_request(tmp_path, "a" * 32)
    assert list(read_notes(tmp_path, ADDRESS)) == []
    assert len(list(read_notes(tmp_path, "other:1"))) == 1


def test_a_job_that_goes_on_elsewhere_is_still_known_where_it_was(tmp_path: Path) -> None:
    job_id, newer = (
        "a" * 32,
        request_of("text2music", {"duration_s": 1.0}, submission={"idempotency_key": "forwarded 2"}),
    )
    note_request(tmp_path, job_id, ADDRESS, REQUEST)
    assert find_request(tmp_path, job_id, ADDRESS) == REQUEST
    assert find_request(tmp_path, job_id, "other:1") is None
    note_request(tmp_path, job_id, "other:1", newer)
    note_request(tmp_path, job_id, "other:1", newer)
    assert find_request(tmp_path, job_id, ADDRESS) is None
    assert find_request(tmp_path, job_id, "other:1") == newer
    forget_request(tmp_path, job_id)  # it has ended there
    assert list(read_notes(tmp_path, "other:1")) == []
    (note,) = read_notes(tmp_path, ADDRESS)
    assert (note.job_id, note.request) == (job_id, REQUEST)
    there = FakeClient(jobs_pb2.Job(id="there"))
    cancel_noted(there, note)  # type: ignore[arg-type]
    assert there.cancelled == ["there"]
    assert not list((tmp_path / FORWARDED_FOLDER).iterdir())


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"address": "studio.local:1"}', b'{"request": "AAAA"}', b"\xff"])
def test_a_damaged_note_is_removed(tmp_path: Path, data: bytes) -> None:
    note_request(tmp_path, "a" * 32, ADDRESS, REQUEST)
    file = tmp_path / FORWARDED_FOLDER / f"{'a' * 32}.json"
    file.write_bytes(data)
    assert list(read_notes(tmp_path, ADDRESS)) == []
    assert not file.exists()


def test_a_note_that_cannot_be_read_now_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    note_request(tmp_path, "a" * 32, ADDRESS, REQUEST)

    def fail(*_: object) -> str:
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_text", fail)
        assert list(read_notes(tmp_path, ADDRESS)) == []
    assert [note.job_id for note in read_notes(tmp_path, ADDRESS)] == ["a" * 32]


def test_the_key_finds_the_job_to_cancel(tmp_path: Path) -> None:
    note_request(tmp_path, "a" * 32, ADDRESS, REQUEST)
    (note,) = read_notes(tmp_path, ADDRESS)
    lost = FakeClient(ConnectionLost(ErrorReason.UNAVAILABLE, "Gone."))
    with pytest.raises(ConnectionLost):
        cancel_noted(lost, note)  # type: ignore[arg-type]
    assert note.file.exists()
    there = FakeClient(jobs_pb2.Job(id="there"))
    cancel_noted(there, note)  # type: ignore[arg-type]
    assert there.cancelled == ["there"]
    assert not note.file.exists()


def test_a_job_that_nobody_can_make_needs_no_cancel(tmp_path: Path) -> None:
    note_request(tmp_path, "a" * 32, ADDRESS, REQUEST)
    (note,) = read_notes(tmp_path, ADDRESS)
    without = FakeClient(JobFailed(ErrorReason.NOT_FOUND, "No such asset."))
    cancel_noted(without, note)  # type: ignore[arg-type]
    assert without.cancelled == []
    assert not note.file.exists()


@pytest.mark.parametrize(
    ("state", "wanted"),
    [("QUEUED", True), ("RUNNING", True), ("SUCCEEDED", False), ("FAILED", False), ("CANCELLED", False)],
)
def test_a_job_is_wanted_until_the_one_here_has_ended(tmp_path: Path, state: str, wanted: bool) -> None:
    class Own:
        class jobs:  # noqa: N801 - as the client has it
            GetJob = None

        @staticmethod
        def call(_method: object, _request: object) -> jobs_pb2.Job:
            return jobs_pb2.Job(state=f"JOB_STATE_{state}")  # type: ignore[arg-type]

    assert is_wanted(Own(), Note(tmp_path, "a" * 32, ADDRESS, REQUEST)) == wanted  # type: ignore[arg-type]
