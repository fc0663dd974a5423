"""The jobs of the bridge: each is submitted and followed in a thread of its own, its results become files.

The connection to the daemon is opened again when the daemon was started again: its address and token change then.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from acebridge.atomic_files import check_writable
from acebridge.client.client import Client, request_of
from acebridge.client.connection import connect
from acebridge.client.credentials import token_for
from acebridge.client.discovery import find_address
from acebridge.client.follow import JobSink, follow
from acebridge.client.repeats import variation_fields
from acebridge.client.result_files import Names, ResultFiles, base_of
from acebridge.contract.fields import fill
from acebridge.errors import AceBridgeError, Busy, ConnectionLost, ErrorReason, is_full, reason_of
from acebridge.hosts.osc.feedback import Feedback, Send
from acebridge.hosts.osc.request import Order
from acebridge.named_files import open_resolved
from acebridge.v1 import audio_pb2, jobs_pb2, tasks_pb2
from acestep_runtime.errors import AceStepError, InvalidValue

if TYPE_CHECKING:
    from pydantic import JsonValue

log = logging.getLogger(__name__)
Result = TypeVar("Result")
#: Jobs that are followed at the same time: each has a thread.
MAX_JOBS = 64
#: Threads for short calls, such as a cancellation.
_CALLERS = 4


class Connection:
    """The client of the daemon, which any thread may ask for."""

    def __init__(self, address: str | None, *, autostart: bool) -> None:
        self._address, self._autostart = address, autostart
        self._lock = threading.Lock()
        self._client: Client | None = None
        self._token = ""

    def client(self) -> Client:
        """Return a client of the daemon that runs. Raises `Unavailable` when none does, and none may be started."""
        with self._lock:
            found = find_address(self._address)
            if self._client is not None and (found, token_for(found)) == (self._client.address, self._token):
                return self._client
            # Whoever still reads from the one before goes on until that ends.
            self._client = connect(self._address, autostart=self._autostart, warn=lambda _: None)
            self._token = token_for(self._client.address)
            return self._client

    def close(self) -> None:
        """End all calls that are under way; the jobs go on."""
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None


class OpenFile(Protocol):
    """Checks the path that a field has."""

    def __call__(self, path: str, field: str) -> Path:
        """Return the full path, if the peer may use it. Raises `InvalidValue`."""


class Run(JobSink):
    """One order on its way. Cancelling it before the daemon has named its job works too."""

    def __init__(self, order: Order, connection: Connection) -> None:
        self.order = order
        self.job_id = ""
        self._connection, self._cancel = connection, False

    def on_event(self, event: tasks_pb2.TaskEvent) -> None:
        """Keep the id of the job; cancel it if that was asked for before it had one."""
        if not self.job_id:
            self.job_id = event.job_id
            if self._cancel:
                self._connection.client().cancel(self.job_id)

    def cancel(self) -> None:
        """Cancel the job. Waits for the daemon: not for the event loop."""
        self._cancel = True
        if self.job_id:
            self._connection.client().cancel(self.job_id)


class Jobs:
    """Runs orders. ``usual_folder`` gets the results of a task without source, and of a source whose folder is read-only."""

    def __init__(self, connection: Connection, usual_folder: Path) -> None:
        self.connection = connection
        self._usual_folder = usual_folder
        self._names = Names()
        self._followers = ThreadPoolExecutor(MAX_JOBS, thread_name_prefix="osc-job")
        self._callers = ThreadPoolExecutor(_CALLERS, thread_name_prefix="osc-call")
        self._lock = threading.Lock()
        self._runs: list[Run] = []
        #: The order that began last.
        self.latest: Run | None = None

    @property
    def runs(self) -> list[Run]:
        """The orders that are under way, oldest first."""
        with self._lock:
            return list(self._runs)

    def start(self, order: Order, open_file: OpenFile, send: Send, refuse: Callable[[Exception], None]) -> Run:
        """Run an order. ``refuse`` gets what prevents the job; from then on ``send`` says what happens to it.

        Raises `Busy` when as many run as may.
        """
        run = Run(order, self.connection)
        with self._lock:
            if len(self._runs) >= MAX_JOBS:
                raise Busy(f"{MAX_JOBS} jobs are under way.", remedy="Wait for one to end, or send /acebridge/cancel.")
            self._runs.append(run)
            self.latest = run
        self._followers.submit(self._follow, run, open_file, send, refuse)
        return run

    def call(self, work: Callable[[], Result]) -> Future[Result]:
        """Do something that waits for the daemon in another thread."""
        return self._callers.submit(work)

    def close(self) -> None:
        """End the connection and the threads; the jobs go on at the daemon."""
        self.connection.close()
        for pool in (self._followers, self._callers):
            pool.shutdown(wait=True, cancel_futures=True)

    def _follow(self, run: Run, open_file: OpenFile, send: Send, refuse: Callable[[Exception], None]) -> None:
        feedback: Feedback | None = None
        try:
            client, order = self.connection.client(), run.order
            paths = {
                name: open_file(path, name)
                for name, audio in order.audio.items()
                if isinstance(path := audio.get("path"), str)
            }
            folder = self._folder(order, paths.get("source"), open_file)
            base = base_of(paths.get("source"), order.task)
            inputs = {name: _audio_input(client, audio, paths.get(name), name) for name, audio in order.audio.items()}
            request = request_of(order.task, order.fields, submission=order.submission, **inputs)
            with ResultFiles(folder, base, self._names) as files:
                feedback = Feedback(order.task, files, send, lambda: self.latest is run)
                follow(client.submit_request(request), run, files, feedback)
        except (AceBridgeError, AceStepError, OSError) as error:
            if feedback is None or not feedback.job_id:
                refuse(error)
            elif isinstance(error, (OSError, ConnectionLost)):
                # The disk is full, the folder is gone, the daemon was killed: it has the job all the same.
                how = f"`acebridge jobs watch {feedback.job_id} -o PATH` fetches its result."
                again = "Start the daemon again: the" if isinstance(error, ConnectionLost) else "The"
                feedback.fail(describe(error)[0], describe(error)[1], f"{again} job goes on, and {how}")
            else:
                feedback.fail(*describe(error))
        except Exception as error:
            log.exception("an order failed", extra={"task": run.order.task})
            refuse(error)
        finally:
            with self._lock:
                self._runs.remove(run)

    def _folder(self, order: Order, source: Path | None, open_file: OpenFile) -> Path:
        """Return the folder for the results: the one that is set, else that of the source, else the usual one."""
        if order.output:
            folder = open_file(order.output, "output")
            check_writable(folder)
            return folder
        if source is not None:
            try:
                check_writable(source.parent)
            except InvalidValue:
                pass
            else:
                return source.parent
        check_writable(self._usual_folder)
        return self._usual_folder


def fields_of_variation(
    client: Client, job_id: str, take: int | None, amount: float, takes: int | None
) -> dict[str, JsonValue]:
    """Return the fields of the request, without its audio, that varies a take of a job. See `repeats.variation_fields`."""
    job = client.call(client.jobs.GetJob, jobs_pb2.GetJobRequest(job_id=job_id))
    fields: dict[str, Any] = dict(variation_fields(job, take, amount, takes))
    fields.pop("submission", None)
    return fields


def _audio_input(client: Client, audio: Mapping[str, JsonValue], path: Path | None, field: str) -> audio_pb2.AudioInput:
    message = audio_pb2.AudioInput()
    fill(message, {name: value for name, value in audio.items() if name != "path"})
    if path is not None:
        # The path was checked, and has no links in it; what lies there may have been swapped since.
        message.MergeFrom(client.upload(path, opened=open_resolved(path, Path(path.anchor), field)))
    return message


#: The field of errors about a folder that cannot be written.
_OUT = "--out"
#: What to do about errors that do not say it themselves.
_USUAL_REMEDIES = {
    ErrorReason.INVALID_VALUE: "Send a value that is allowed.",
    ErrorReason.CANCELLED: "Send /acebridge/again to run it again.",
}


def describe(error: Exception) -> tuple[ErrorReason, str, str]:
    """Return reason, sentence and remedy of an error."""
    if isinstance(error, (AceBridgeError, AceStepError)):
        remedy = error.remedy or _USUAL_REMEDIES.get(reason_of(error), "Try again.")
        if isinstance(error, InvalidValue) and error.field == _OUT:
            remedy = "Send another folder to /acebridge/session/output."
        return reason_of(error), error.message, remedy
    if isinstance(error, OSError):
        what = error.strerror or str(error)
        sentence = f"{error.filename}: {what}." if error.filename else f"{what}."
        return ErrorReason.DISK_FULL if is_full(error) else ErrorReason.INVALID_VALUE, sentence, "Check the path."
    return ErrorReason.INTERNAL, f"{error!r}", "Report this, with what was sent."
