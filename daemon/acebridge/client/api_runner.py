"""The Python API on a daemon: `acestep_runtime.guide` finds `DaemonRunner` by its entry point and runs its orders there.

The runtime counts takes and outputs from 0, the contract from 1.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Set
from pathlib import Path

from acebridge.client import discovery
from acebridge.client.client import Client, request_of
from acebridge.client.follow import JobSink, follow
from acebridge.client.once import submit_once
from acebridge.contract.enums import encoding_name
from acebridge.contract.metadata import metadata_values
from acebridge.errors import ConnectionLost, ErrorReason, JobFailed
from acebridge.v1 import audio_pb2, tasks_pb2
from acestep_runtime import errors
from acestep_runtime.engines.metadata import metadata_from_json
from acestep_runtime.guide.request import Order
from acestep_runtime.guide.runners import Batch, Prefetch, Report
from acestep_runtime.recording import OutputFile, TakeFiles
from acestep_runtime.tasks.base import OutputHeader
from acestep_runtime.tasks.choosing import RankedTake
from acestep_runtime.units import END
from acestep_runtime.values import CancelToken

#: The address that means the user's own daemon, which is started when it does not run.
AUTO = "auto"


class DaemonRunner:
    """Runs orders on the daemon at ``host:port``, or on the user's own with "auto". See `guide.runners.Runner`."""

    def __init__(self, address: str) -> None:
        """Find the daemon. Raises `Unavailable` when none answers, `Unauthenticated` for one elsewhere that is not trusted."""
        explicit = None if address == AUTO else address
        self._address = discovery.find_daemon(
            explicit,
            autostart=explicit is None,
            warn=_warn,
            remedy='Start one with `acebridge serve`, or say daemon="auto".',
        )

    def run(self, order: Order, folder: Path, cancel: CancelToken, report: Report) -> Batch:
        """See `guide.runners.Runner.run`."""
        with Client(self._address) as client:
            return run_order(client, order, folder, cancel, report)

    def prefetch(self, order: Order, batch: Batch, folder: Path) -> Prefetch:
        """See `guide.runners.Runner.prefetch`."""
        del order  # the daemon knows it
        return _DaemonPrefetch(self._address, batch.job_id, folder)


def run_order(
    client: Client, order: Order, folder: Path, cancel: CancelToken, report: Report, *sinks: JobSink
) -> Batch:
    """Run an order as `guide.runners.Runner.run` does. ``sinks`` get the events of its job first."""
    source, reference = (
        None if audio is None else client.upload(audio.path) for audio in (order.source, order.reference)
    )
    submission = {**order.submission, "engine": order.engine}
    fields = {name: value for name, value in order.fields.items() if (name, value) != ("end_s", END)}
    request = request_of(order.task, fields, source, reference, submission)
    events = submit_once(client, request) if "idempotency_key" in submission else client.submit_request(request)
    return _fetch(client, events, folder, cancel, report, *sinks)


def _warn(text: str) -> None:
    warnings.warn(text, stacklevel=3)


class _DaemonPrefetch:
    """A batch that the daemon prefetches. It drops it on its own when the same session asks for something else."""

    def __init__(self, address: str, job_id: str, folder: Path) -> None:
        self._address, self._job_id, self._folder = address, job_id, folder

    def wait(self, cancel: CancelToken, report: Report) -> Batch:
        """See `guide.runners.Prefetch.wait`."""
        with Client(self._address) as client:
            return _fetch(client, client.next_batch(self._job_id), self._folder, cancel, report)

    def drop(self) -> None:
        """See `guide.runners.Prefetch.drop`."""


class OrderSink(JobSink):
    """What an order needs of its job: the id, to cancel it; progress for ``report``; the headers of its outputs."""

    def __init__(self, cancel: CancelToken, report: Report) -> None:
        self.job_id = ""
        self.headers: dict[int, OutputHeader] = {}
        self._cancel, self._report = cancel, report

    def on_event(self, event: tasks_pb2.TaskEvent) -> None:
        """Stop when the order was cancelled."""
        self.job_id = event.job_id
        self._cancel.check()

    def on_progress(self, progress: tasks_pb2.Progress) -> None:
        """Report it."""
        self._report(progress.stage, progress.fraction)

    def on_audio_void(self, outputs: Set[int]) -> None:
        """Forget the outputs."""
        for output in outputs:
            del self.headers[output]

    def on_audio_header(self, header: audio_pb2.AudioHeader) -> None:
        """Keep how an output is stored."""
        self.headers[header.output] = OutputHeader(
            header.output - 1,
            header.take - 1,
            header.role,
            header.sample_rate,
            header.channels,
            encoding_name(header.encoding),
            header.frames,
            header.start_frame,
            header.chunks,
        )


def _fetch(
    client: Client,
    events: Iterator[tasks_pb2.TaskEvent],
    folder: Path,
    cancel: CancelToken,
    report: Report,
    *sinks: JobSink,
) -> Batch:
    """Follow a job to its end and fetch its results; an interruption here cancels it."""
    sink = OrderSink(cancel, report)
    try:
        completed = follow(events, *sinks, sink)
        takes = tuple(_download(client, take, sink.headers, folder) for take in completed.takes)
    except ConnectionLost as error:
        raise client.explain_lost(error, sink.job_id) from error.__cause__
    except JobFailed as failed:
        raise runtime_error(failed) from None
    except BaseException:
        if sink.job_id:
            client.cancel(sink.job_id)
        raise
    kept = {take.take for take in completed.takes}
    ranking = tuple(
        RankedTake(
            each.take - 1,
            each.seed,
            each.score if each.HasField("score") else None,
            each.chosen,
            each.take in kept,
            each.note,
        )
        for each in completed.ranking
    )
    return Batch(completed.engine, takes, tuple(each.seed for each in ranking or takes), sink.job_id, ranking)


def _download(
    client: Client, take: tasks_pb2.TakeFinished, headers: dict[int, OutputHeader], folder: Path
) -> TakeFiles:
    outputs = []
    for output in take.outputs:
        path = folder / f"{output.output}.wav"
        with path.open("wb") as file:
            file.writelines(client.download(output.asset_id))
            file.flush()
            os.fsync(file.fileno())  # a song notes it as made
        outputs.append(OutputFile(headers[output.output], path, output.asset_id))
    return TakeFiles(take.take - 1, take.seed, metadata_from_json(metadata_values(take.metadata)), tuple(outputs))


_WITH_FIELD = {
    ErrorReason.INVALID_VALUE: errors.InvalidValue,
    ErrorReason.UNREADABLE_AUDIO: errors.UnreadableAudio,
}
_WITHOUT_FIELD = {
    ErrorReason.UNSUPPORTED_TASK: errors.UnsupportedTask,
    ErrorReason.ENGINE_FAILURE: errors.EngineFailure,
}


def runtime_error(failed: JobFailed) -> Exception:
    """Return a daemon's error as the one that the same order raises in this process; ``failed`` itself where none does."""
    if failed.kind in _WITH_FIELD:
        field, value, allowed = (failed.details.get(name, "") for name in ("field", "value", "allowed"))
        return _WITH_FIELD[failed.kind](
            field, value, allowed, remedy=failed.remedy, message=failed.message, value_text=value
        )
    if failed.kind in _WITHOUT_FIELD:
        return _WITHOUT_FIELD[failed.kind](failed.message, remedy=failed.remedy)
    return errors.Cancelled(failed.message) if failed.kind is ErrorReason.CANCELLED else failed
