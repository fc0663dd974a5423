"""The Python API on a daemon: `acestep_runtime.guide` finds `Remote` by its entry point and sends its orders there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from acebridge.client import discovery
from acebridge.client.client import Client
from acebridge.contract.fields import values_of
from acebridge.errors import JobFailed, Unavailable
from acebridge.v1 import audio_pb2, tasks_pb2
from acestep_runtime import errors
from acestep_runtime.guide.request import Order
from acestep_runtime.guide.runners import Ahead, Batch, Report
from acestep_runtime.recording import OutputFile, RecordedTake
from acestep_runtime.tasks.base import OutputHeader
from acestep_runtime.tasks.choosing import RankedTake
from acestep_runtime.values import CancelToken

#: The address that means the user's own daemon, which is started when it does not run.
AUTO = "auto"


class Remote:
    """Performs orders on the daemon at ``host:port``, or on the user's own with "auto". See `guide.runners.Runner`."""

    def __init__(self, address: str) -> None:
        """Find the daemon. Raises `Unavailable` when none answers."""
        explicit = None if address == AUTO else address
        self._address = discovery.known_address(explicit)
        if not discovery.answers(self._address):
            if explicit is not None:
                raise Unavailable(f"No AceBridge daemon answers at {explicit}.",
                                  remedy='Start one with `acebridge serve`, or say daemon="auto".')  # fmt: skip
            self._address = discovery.start()

    def perform(self, order: Order, folder: Path, cancel: CancelToken, report: Report) -> Batch:
        """See `guide.runners.Runner.perform`."""
        with Client(self._address) as client:
            source, reference = (
                None if heard is None else client.upload(heard.path) for heard in (order.source, order.reference)
            )
            submission = {**order.submission, "engine": order.engine}
            events = client.perform(order.task, order.fields, source=source, reference=reference, submission=submission)
            return _fetched(client, events, folder, cancel, report)

    def ahead(self, order: Order, batch: Batch, folder: Path) -> Ahead:
        """See `guide.runners.Runner.ahead`."""
        del order  # the daemon knows it
        return _AheadThere(self._address, batch.job_id, folder)


class _AheadThere:
    """A batch that the daemon makes. It drops it by itself when its listener asks for something else."""

    def __init__(self, address: str, job_id: str, folder: Path) -> None:
        self._address, self._job_id, self._folder = address, job_id, folder

    def take(self, cancel: CancelToken, report: Report) -> Batch:
        """See `guide.runners.Ahead.take`."""
        with Client(self._address) as client:
            return _fetched(client, client.next_batch(self._job_id), self._folder, cancel, report)

    def drop(self) -> None:
        """See `guide.runners.Ahead.drop`."""


def _fetched(
    client: Client, events: Iterator[tasks_pb2.TaskEvent], folder: Path, cancel: CancelToken, report: Report
) -> Batch:
    """Follow a job to its end and fetch its results; an interruption from here cancels it."""
    job_id, headers = "", dict[int, OutputHeader]()
    try:
        for event in events:
            cancel.check()
            job_id = event.job_id
            match event.WhichOneof("event"):
                case "progress":
                    report(event.progress.stage, event.progress.fraction)
                case "audio_header":
                    headers[event.audio_header.output] = _header(event.audio_header)
                case "completed":
                    return _batch(client, event.completed, headers, folder, job_id)
        raise JobFailed("EngineFailure", "The daemon ended the stream before the job was complete.")
    except JobFailed as failed:
        raise _as_here(failed) from None
    except BaseException:
        if job_id:
            client.cancel(job_id)
        raise


def _header(message: audio_pb2.AudioHeader) -> OutputHeader:
    encoding = audio_pb2.Encoding.Name(message.encoding).removeprefix("ENCODING_").lower()
    return OutputHeader(message.output, message.take, message.role, message.sample_rate, message.channels, encoding,
                        message.frames, message.start_frame)  # fmt: skip


def _batch(
    client: Client, done: tasks_pb2.Completed, headers: dict[int, OutputHeader], folder: Path, job_id: str
) -> Batch:
    takes = tuple(_take(client, take, headers, folder) for take in done.takes)
    kept = {take.take for take in done.takes}
    ranking = tuple(
        RankedTake(each.take, each.seed, each.score if each.HasField("score") else None, each.chosen, each.take in kept)
        for each in done.ranking
    )
    return Batch(done.engine, takes, tuple(each.seed for each in ranking or takes), job_id, ranking)


def _take(client: Client, take: tasks_pb2.TakeFinished, headers: dict[int, OutputHeader], folder: Path) -> RecordedTake:
    outputs = []
    for output in take.outputs:
        path = folder / f"{output.output}.wav"
        with path.open("wb") as file:
            file.writelines(client.download(output.asset_id))
        outputs.append(OutputFile(headers[output.output], path, output.asset_id))
    return RecordedTake(take.take, take.seed, values_of(take.metadata), tuple(outputs))


def _as_here(failed: JobFailed) -> Exception:
    """Return a daemon's error as the one that the same order raises in this process."""
    field, value, allowed = (failed.details.get(name, "") for name in ("field", "value", "allowed"))
    match failed.kind:
        case "InvalidValue" | "UnreadableAudio":
            kind: type[errors.InvalidValue] = getattr(errors, failed.kind)
            return kind(field, value, allowed, remedy=failed.remedy, message=failed.message, shown=value)
        case "UnsupportedTask" | "EngineFailure":
            return getattr(errors, failed.kind)(failed.message, remedy=failed.remedy)  # type: ignore[no-any-return]
        case "Cancelled":
            return errors.Cancelled(failed.message)
    return failed
