"""An order that the daemon elsewhere does: sources go there once, the job is followed, what it makes is written here.

Whatever happens to the line, the order waits and goes on where it was. The request for the job there is noted with its key
before it is sent, so a second try of the order finds the job again, and it is never done twice.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Protocol

from acebridge.addresses import split_address
from acebridge.client.client import Client, name_of
from acebridge.client.forwarded import Note, cancel_noted, find_request, forget_request, note_request, read_notes
from acebridge.client.once import ENDED_WITHOUT, find_or_create
from acebridge.contract.parameters import request_from_parameters
from acebridge.contract.status import failure_in
from acebridge.contract.tasks import TaskRequest
from acebridge.errors import ConnectionLost, ErrorReason, JobFailed
from acebridge.forwarding.arrivals import Arrivals
from acebridge.forwarding.connection import Connection
from acebridge.forwarding.faults import JobFailure, describe_break, explain_fault, is_passing
from acebridge.pauses import double_pauses
from acebridge.v1 import jobs_pb2, tasks_pb2
from acebridge.workers.messages import JobOrder, Message
from acestep_runtime.errors import Cancelled
from acestep_runtime.tasks import AUDIO_FIELDS
from acestep_runtime.values import CancelToken

#: Seconds until the first try after a failure, and the longest pause between two.
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 5.0
#: How many failures in a row may be a fault of the other daemon, or name a job or a source that it has lost.
_MOST_FAULTS = 5
#: Seconds between two looks whether the order was cancelled.
_LOOK_S = 0.05
#: The name that a source has there if it has none here.
_UNNAMED, _UNNAMED_PREVIEW = "source.wav", "preview.wav"


def forward(order: JobOrder, connection: Connection, home: Path, cancel: CancelToken) -> Iterator[Message]:
    """Have the daemon of a connection do an order; yield its messages but the end. ``home`` is the data folder.

    Raises `JobFailed` with the error of the job there, `Cancelled`, `AudioMismatch`, and ``OSError`` for the disk here.
    """
    work = _Work(order, connection, home)
    try:
        yield from work.run(cancel)
    except Cancelled:
        work.cancel()
        raise
    finally:
        work.arrivals.outputs.close()


class _Work:
    """An order, and what is known of the job that does it."""

    def __init__(self, order: JobOrder, connection: Connection, home: Path) -> None:
        self._order, self._connection, self._home = order, connection, home
        self._address = connection.address
        self._host = split_address(connection.address)[0]
        self.arrivals = Arrivals(order, self._host)
        self._job_id = ""
        #: Source → how many bytes of it have arrived there.
        self._received: dict[str, int] = {}

    def run(self, cancel: CancelToken) -> Iterator[Message]:
        # The first message acknowledges the order.
        yield self.arrivals.progress(f"sending to {self._host}")
        pauses, faults, stalls, newest = double_pauses(_FIRST_PAUSE_S, _LONGEST_PAUSE_S), 0, 0, 0
        while True:
            cancel.check()
            try:
                yield from self._follow(self._connection.get(), cancel)
                self._connection.note_use()
                return
            except Exception as error:
                cancel.check()
                if self._progress() > newest:
                    pauses, faults, stalls = double_pauses(_FIRST_PAUSE_S, _LONGEST_PAUSE_S), 0, 0
                    newest = self._progress()
                stalls, faults = stalls + 1, faults + self._is_fault(error)
                if faults >= _MOST_FAULTS or not (is_passing(error) or self._begin_again(error)):
                    raise
                why = self._explain(error, stalls)
            yield self.arrivals.progress(f"waiting: {why}")
            cancel.sleep(next(pauses))

    def _progress(self) -> int:
        """Return a number that grows with each event from there, and with what has arrived there of the sources."""
        return self.arrivals.sequence + sum(self._received.values())

    def _explain(self, error: Exception, stalls: int) -> str:
        """Return why the order waits, after ``stalls`` failures without progress in between.

        The first time a line breaks, the same connection comes back soonest: it has proven already who is at the other end.
        """
        if stalls == 1 and isinstance(error, ConnectionLost):
            return describe_break(self._address)
        self._connection.drop()
        return explain_fault(error, self._address, self._home)

    def cancel(self) -> None:
        """Cancel the job there, if the line allows it; else its note stays, and the watch over the line does it."""
        for note in read_notes(self._home, self._address):
            if note.job_id == self._order["id"]:
                self._cancel_noted(note)

    def _cancel_noted(self, note: Note) -> None:
        try:
            cancel_noted(self._connection.get(), note)
        except Exception as error:
            self._connection.drop()
            if not is_passing(error):
                raise

    @staticmethod
    def _is_fault(error: Exception) -> bool:
        return isinstance(error, JobFailed) and error.kind in (ErrorReason.INTERNAL, ErrorReason.NOT_FOUND)

    def _begin_again(self, error: Exception) -> bool:
        """Begin from the first event where the daemon there has lost the job, a source or its newest events; return whether."""
        if isinstance(error, JobFailure) or not isinstance(error, JobFailed):
            return False
        is_lost = error.kind is ErrorReason.NOT_FOUND
        if is_lost:
            self._job_id = ""
        elif error.details.get("field") != "after_sequence":
            return False
        self.arrivals.sequence = 0
        return True

    def _follow(self, client: Client, cancel: CancelToken) -> Iterator[Message]:
        if not self._job_id:
            yield from self._send_sources(client)
        try:
            with _ending(cancel) as on_call:
                for event in self._events(client, on_call):
                    self._job_id = event.job_id
                    yield from self.arrivals.messages(event)
                    if event.HasField("completed"):
                        forget_request(self._home, self._order["id"])
                        return
        except JobFailed as error:
            cancel.check()
            if not self._job_id or isinstance(error, ConnectionLost) or error.details.get("field") == "after_sequence":
                raise
            raise self._end_of(client, error) from error
        raise _call_loss()

    def _send_sources(self, client: Client) -> Iterator[Message]:
        names = _names_of_sources(self._order["params"])
        # A preview that is to be finished is no source, and has no name. Its latents stand beside the copy there.
        for asset_id, path in self._order["files"].items():
            yield self.arrivals.progress(f"sending the source to {self._host}")
            on_piece = partial(self._received.__setitem__, asset_id)
            client.store(asset_id, Path(path), names.get(asset_id, _UNNAMED_PREVIEW), on_piece=on_piece)

    def _events(self, client: Client, on_call: Callable[[_Call], None]) -> Iterator[tasks_pb2.TaskEvent]:
        """Return the events that have not come yet; a job that nobody has asked for before starts with one trip there."""
        if self._job_id:
            return client.watch(self._job_id, self.arrivals.sequence, on_call)
        job_id = self._order["id"]

        def note(asked: TaskRequest) -> None:
            note_request(self._home, job_id, self._address, asked)

        if (sent := find_request(self._home, job_id, self._address)) is None:
            sent = self._request()
            note(sent)
            return client.submit_request(sent, on_call)
        self._job_id = find_or_create(client, sent, note).id
        return client.watch(self._job_id, 0, on_call)

    def _request(self) -> TaskRequest:
        """Return the request for the job there, with a key that was never used: a job that was preempted is cancelled there."""
        # With ``auto`` the daemon there has a spare engine, too.
        engine = "auto" if self._order["spare"] else self._order["engine"]
        # A prefetched job has low priority, so it is in nobody's way there.
        submission = {
            "engine": engine,
            "priority": self._order["priority"],
            "idempotency_key": f"forwarded {self._order['id']} {uuid.uuid4().hex}",
        }
        return request_from_parameters(self._order["task"], self._order["params"], submission)

    def _end_of(self, client: Client, error: JobFailed) -> JobFailed:
        """Return why a stream has ended: as the job has, if it has; else the call alone was ended, and may be made again.

        Raises `JobFailed` when the job is not there any more; its audio may be gone without it.
        """
        job = client.call(client.jobs.GetJob, jobs_pb2.GetJobRequest(job_id=self._job_id))
        if job.state not in ENDED_WITHOUT:
            return error if is_passing(error) or error.kind is ErrorReason.NOT_FOUND else _call_loss()
        forget_request(self._home, self._order["id"])
        failed = failure_in(job.error) or error
        return JobFailure(failed.kind, failed.message, remedy=failed.remedy, details=failed.details)


def _call_loss() -> ConnectionLost:
    return ConnectionLost(ErrorReason.UNAVAILABLE, "The daemon there ended the call.")


def _names_of_sources(params: Mapping[str, object]) -> dict[str, str]:
    """Return the names of the files that a job reads, by their asset ids; a preview that it finishes has none."""
    sources = [source for name in AUDIO_FIELDS if isinstance(source := params.get(name), Mapping)]
    return {source["asset_id"]: name_of(Path(source.get("name") or _UNNAMED)) for source in sources}


class _Call(Protocol):
    def cancel(self) -> bool: ...


@contextmanager
def _ending(cancel: CancelToken) -> Iterator[Callable[[_Call], None]]:
    """Give what takes a call that ends as soon as the order is cancelled."""
    calls: list[_Call] = []
    is_over = threading.Event()

    def look() -> None:
        while not is_over.wait(_LOOK_S):
            if cancel.cancelled:
                for call in calls:
                    call.cancel()
                return

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    try:
        yield calls.append
    finally:
        is_over.set()
        looking.join()
