"""The client of a daemon: plain calls, plain iterators, errors as `JobFailed`.

with Client("127.0.0.1:50710") as client:
    for event in client.run("repaint", {"start_s": 4, "end_s": 8}, source=client.upload("song.wav")):
        ...
"""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Protocol, TypeVar

import grpc

from acebridge.addresses import is_local
from acebridge.client.credentials import open_channel
from acebridge.client.uploads import PieceSource, store_file
from acebridge.contract.fields import Fields, fill
from acebridge.contract.status import unpack_error
from acebridge.contract.tasks import TaskRequest, method_of, request_type, wrap
from acebridge.errors import ConnectionLost, JobFailed
from acebridge.limits import LONGEST_NAME
from acebridge.v1 import (
    assets_pb2,
    assets_pb2_grpc,
    audio_pb2,
    daemon_pb2_grpc,
    jobs_pb2,
    jobs_pb2_grpc,
    models_pb2_grpc,
    tasks_pb2,
    tasks_pb2_grpc,
)
from acestep_runtime.errors import printable

if TYPE_CHECKING:
    from grpc import UnaryUnaryMultiCallable

    from acebridge.contract.stubs import AssetStub, DaemonStub, JobStub, ModelStub

Request = TypeVar("Request")
Response = TypeVar("Response")
Response_co = TypeVar("Response_co", covariant=True)
#: A song of 2 GiB from a slow disk.
_IMPORT_TIMEOUT_S = 600.0


class Client:
    """A connection to one daemon. Every call raises `JobFailed` when the daemon refuses or fails it.

    A ``local`` one has the files that we have. ``token`` proves that we may use it; default: see `open_channel`.
    """

    def __init__(self, address: str, *, local: bool = False, token: str | None = None) -> None:
        self.address = address
        self._local = local
        self._channel = open_channel(address, token)
        self.tasks = tasks_pb2_grpc.TaskServiceStub(self._channel)
        self.jobs: JobStub = jobs_pb2_grpc.JobServiceStub(self._channel)
        self.assets: AssetStub = assets_pb2_grpc.AssetServiceStub(self._channel)
        self.models: ModelStub = models_pb2_grpc.ModelServiceStub(self._channel)
        self.daemon: DaemonStub = daemon_pb2_grpc.DaemonServiceStub(self._channel)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; running jobs go on."""
        self._channel.close()

    def call(
        self, method: UnaryUnaryMultiCallable[Request, Response], request: Request, timeout_s: float = 30.0
    ) -> Response:
        """Make a unary call of any service, for example ``client.call(client.jobs.GetJob, request)``."""
        try:
            return method(request, timeout=timeout_s)
        except grpc.RpcError as error:
            raise self.explain(error) from error

    def explain(self, error: grpc.RpcError) -> JobFailed:
        """Return what a failed call says. Nobody can start a daemon elsewhere from here."""
        failed = unpack_error(error)
        if not isinstance(failed, ConnectionLost) or is_local(self.address):
            return failed
        message = f"The daemon at {self.address} does not answer any more: the network or that machine is gone."
        remedy = "Try again when it is back: the jobs that it has go on."
        return ConnectionLost(failed.kind, message, remedy=remedy)

    def explain_lost(self, error: ConnectionLost, job_id: str) -> ConnectionLost:
        """Return the error for a daemon that went away amid a job, with how to get the result."""
        if not job_id:
            return error
        job_id = printable(job_id)
        fetch = f"acebridge jobs watch {job_id} -o FILE"
        remedy = (
            f"Start it again: job {job_id} goes on, and `{fetch}` fetches the result."
            if is_local(self.address)
            else f"Job {job_id} goes on there; when it is back, `{fetch} --address {self.address}` fetches the result."
        )
        return ConnectionLost(error.kind, error.message, remedy=remedy)

    def submit(
        self,
        task: str,
        fields: Fields,
        *,
        source: audio_pb2.AudioInput | None = None,
        reference: audio_pb2.AudioInput | None = None,
        submission: Fields | None = None,
    ) -> Iterator[tasks_pb2.TaskEvent]:
        """Submit a job for ``task`` and yield its events. ``fields`` are those of its request, nested ones as dicts.

        Leaving the iterator early leaves the job running: see `cancel`. Raises `InvalidValue` for a value that its field
        cannot hold.
        """
        return self.submit_request(request_of(task, fields, source, reference, submission))

    def submit_request(
        self, request: TaskRequest, on_call: Callable[[_StreamCall[tasks_pb2.TaskEvent]], None] | None = None
    ) -> Iterator[tasks_pb2.TaskEvent]:
        """Submit a job by the request message of its task and yield its events, as `submit` does.

        ``on_call`` is that of `watch`.
        """
        call = getattr(self.tasks, method_of(request).rpc)(request)
        if on_call is not None:
            on_call(call)
        return self._responses(call)

    def create(self, request: TaskRequest) -> jobs_pb2.Job:
        """Create a job by the request message of its task and return it, without waiting for it."""
        return self.call(self.jobs.CreateJob, jobs_pb2.CreateJobRequest(request=wrap(request)))

    def watch(
        self,
        job_id: str,
        after_sequence: int = 0,
        on_call: Callable[[_StreamCall[tasks_pb2.TaskEvent]], None] | None = None,
    ) -> Iterator[tasks_pb2.TaskEvent]:
        """Yield the events of a job after number ``after_sequence``, old and new.

        ``on_call`` gets the call, which any thread may cancel; the job goes on.
        """
        call = self.jobs.WatchJob(jobs_pb2.WatchJobRequest(job_id=job_id, after_sequence=after_sequence))
        if on_call is not None:
            on_call(call)
        return self._responses(call)

    def next_batch(self, job_id: str) -> Iterator[tasks_pb2.TaskEvent]:
        """Ask for the next batch of a job, with new seeds, and yield its events; at once when it was prefetched."""
        return self._responses(self.jobs.NextBatch(jobs_pb2.NextBatchRequest(job_id=job_id)))

    def cancel(self, job_id: str) -> jobs_pb2.Job:
        """Cancel a job."""
        return self.call(self.jobs.CancelJob, jobs_pb2.CancelJobRequest(job_id=job_id))

    def upload(self, path: str | Path, *, opened: BinaryIO | None = None) -> audio_pb2.AudioInput:
        """Store a file, unless the daemon has it already, and return it as the source of a request.

        What is sent comes from the file that is ``opened``, where it is given: another may lie at ``path`` by now. Raises
        ``OSError`` when the file cannot be read.
        """
        path = Path(path)
        if opened is None and path.exists() and not path.is_file():  # reading a pipe would wait for ever
            raise OSError(errno.EINVAL, "a folder or a device, not an audio file", str(path))
        asset_id = self._import(path) or self._upload(path, opened)
        return audio_pb2.AudioInput(asset_id=asset_id, name=name_of(path))

    def _import(self, path: Path) -> str:
        """Have a local daemon copy a file; return its asset id, or nothing when it is not local or may not read that file."""
        where = str(path.absolute())
        if not self._local or where != text_of(where):
            return ""
        try:
            request = assets_pb2.ImportAssetRequest(path=where)
            return self.call(self.assets.ImportAsset, request, timeout_s=_IMPORT_TIMEOUT_S).id
        except JobFailed as error:
            if error.details.get("field") != "path":
                raise
            return ""

    def _upload(self, path: Path, opened: BinaryIO | None) -> str:
        digest = hashlib.sha256()
        for data in PieceSource(path, opened).pieces():
            digest.update(data)
        return self.store(digest.hexdigest(), path, name_of(path), opened=opened)

    def store(
        self,
        asset_id: str,
        path: Path,
        name: str,
        *,
        opened: BinaryIO | None = None,
        on_piece: Callable[[int], None] = lambda _: None,
    ) -> str:
        """Store the file at ``path`` whose SHA-256 is known, unless the daemon has it already; return its asset id.

        An upload that broke off goes on where it was; ``on_piece`` gets, before each piece, how many bytes have arrived.
        """
        return store_file(self, asset_id, PieceSource(path, opened), name, on_piece)

    def download(self, asset_id: str, length_bytes: int | None = None) -> Iterator[bytes]:
        """Yield the bytes of an asset, all of them or the first ``length_bytes``."""
        request = assets_pb2.DownloadAssetRequest(asset_id=asset_id, length_bytes=length_bytes)
        messages = self._responses(self.assets.DownloadAsset(request))
        return (message.data for message in messages)

    def _responses(self, call: _StreamCall[Response]) -> Iterator[Response]:
        """Yield what the daemon sends; cancel the call when the reader leaves."""
        try:
            yield from call
        except grpc.RpcError as error:
            raise self.explain(error) from error
        finally:
            call.cancel()


def request_of(
    task: str,
    fields: Fields,
    source: audio_pb2.AudioInput | None = None,
    reference: audio_pb2.AudioInput | None = None,
    submission: Fields | None = None,
) -> TaskRequest:
    """Return the request message of a task. Raises `InvalidValue` for a value that its field cannot hold."""
    from acestep_runtime.tasks import TASKS

    request = request_type(task)()
    fill(request, fields, TASKS[task])
    for name, audio in (("source", source), ("reference", reference)):
        if audio is not None:
            getattr(request, name).CopyFrom(audio)
    fill(request.submission, submission or {}, prefix="submission.")
    return request


class _StreamCall(Protocol[Response_co]):
    """A server-streaming call under way."""

    def __iter__(self) -> Iterator[Response_co]: ...

    def cancel(self) -> bool: ...


def text_of(name: str) -> str:
    """Return a file name as text for a message: bytes that are no text (in old file systems) become question marks."""
    return name.encode("utf-8", "replace").decode("utf-8")


def name_of(path: Path) -> str:
    """Return the name of a file as requests may hold it: text, and shortened before its suffix where it is too long."""
    name, suffix = text_of(path.name), text_of(path.suffix)[-20:]
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1 - len(suffix)]}…{suffix}"
