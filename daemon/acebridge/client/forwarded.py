"""The jobs that the daemon elsewhere does for jobs of this one: what is noted of each, so that none is done for nobody.

A note is a file in the data folder, named as the job here. It is there from just before the job there can exist until that has
ended. Who finds one whose job here has ended cancels the job there. Where a job goes on at another address, the note of the one
before stays beside it under a longer name, until that machine can be told.
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from google.protobuf.message import DecodeError

from acebridge.atomic_files import write_whole
from acebridge.client.retries import may_succeed_later
from acebridge.contract.tasks import TaskRequest, unwrap, wrap
from acebridge.errors import ErrorReason, JobFailed
from acebridge.paths import FORWARDED_FOLDER
from acebridge.private_files import make_private_folder
from acebridge.v1 import jobs_pb2, tasks_pb2
from acestep_runtime.errors import InvalidValue

if TYPE_CHECKING:
    from acebridge.client.client import Client

_ACTIVE = (jobs_pb2.JOB_STATE_QUEUED, jobs_pb2.JOB_STATE_RUNNING)


class Note(NamedTuple):
    """``job_id`` is of the job here. ``request`` was sent to the daemon at ``address``, with a key of its own."""

    file: Path
    job_id: str
    address: str
    request: TaskRequest


def note_request(home: Path, job_id: str, address: str, request: TaskRequest) -> None:
    """Note that a request is about to be sent for a job, instead of what was sent there for it before."""
    folder = home / FORWARDED_FOLDER
    make_private_folder(folder)
    file = folder / f"{job_id}.json"
    before = _read(file)
    if before is not None and before.address != address:
        file.replace(folder / f"{job_id}.{uuid.uuid4().hex}.json")
    data = base64.b64encode(wrap(request).SerializeToString()).decode()
    write_whole(file, [json.dumps({"address": address, "request": data}).encode()], private=True)


def find_request(home: Path, job_id: str, address: str) -> TaskRequest | None:
    """Return the request that was sent for a job last, if it was sent to ``address``; ``None`` for none, as far as is noted."""
    note = _read(home / FORWARDED_FOLDER / f"{job_id}.json")
    return note.request if note is not None and note.address == address else None


def forget_request(home: Path, job_id: str) -> None:
    """Forget the note of a job, if there is one."""
    (home / FORWARDED_FOLDER / f"{job_id}.json").unlink(missing_ok=True)


def read_notes(home: Path, address: str) -> Iterator[Note]:
    """Yield the notes of jobs at ``address``; a file that is damaged is removed."""
    for file in sorted((home / FORWARDED_FOLDER).glob("*.json")):
        if (note := _read(file)) is not None and note.address == address:
            yield note


def _read(file: Path) -> Note | None:
    """Return a note, ``None`` where there is none or it cannot be read now; a file that is damaged is removed."""
    try:
        fields = json.loads(file.read_text("utf-8"))
        request = unwrap(tasks_pb2.TaskRequest.FromString(base64.b64decode(fields["request"])))
        return Note(file, file.name.partition(".")[0], fields["address"], request)
    except OSError:
        return None
    except (ValueError, LookupError, TypeError, DecodeError, InvalidValue, RecursionError):
        file.unlink(missing_ok=True)
        return None


def is_wanted(own: Client, note: Note) -> bool:
    """Return whether the job here, on the daemon of ``own``, still waits for what was sent. Raises `JobFailed`."""
    try:
        return own.call(own.jobs.GetJob, jobs_pb2.GetJobRequest(job_id=note.job_id)).state in _ACTIVE
    except JobFailed as error:
        if error.kind is not ErrorReason.NOT_FOUND:
            raise
        return False


def cancel_noted(client: Client, note: Note) -> None:
    """Cancel the job of a note on the daemon of ``client``, and forget it. Raises `JobFailed` when that cannot be done now.

    The key of the request finds the job, also where no answer has said its id. One that was never made is made and cancelled.
    """
    with suppress(_Refusal):
        client.cancel(_find(client, note))
    note.file.unlink(missing_ok=True)


class _Refusal(Exception):
    """The daemon does not have the job, and does not take it."""


def _find(client: Client, note: Note) -> str:
    try:
        return client.create(note.request).id
    except JobFailed as error:
        if may_succeed_later(error):
            raise
        raise _Refusal from error
