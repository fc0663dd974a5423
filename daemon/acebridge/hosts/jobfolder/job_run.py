"""Performing the parts of a job at the daemon, one after the other, writing what they make into the media folder."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acebridge.errors import DaemonFault, JobFailed
from acebridge.hosts.jobfolder import VERSION
from acebridge.hosts.jobfolder.request import AudioFile, Mix, Part, Request, unreadable
from acebridge.hosts.jobfolder.status import Status
from acestep_runtime.errors import Cancelled, InvalidValue, RuntimeFault

if TYPE_CHECKING:
    from pydantic import JsonValue

    from acebridge.client.client import Client
    from acebridge.client.wav_writer import Writer
    from acebridge.hosts.jobfolder.documents import PartResult, ResultFile, TakeResult
    from acebridge.hosts.jobfolder.widen import Around
    from acebridge.v1 import audio_pb2, tasks_pb2

_CANCEL_TIMEOUT_S = 5.0


class Work:
    """What is under way: the job at the daemon, and the files written so far. Of two threads one works, one cancels."""

    def __init__(self, status: Status) -> None:
        self.status = status
        self._lock = threading.Lock()
        self._cancelled = False
        self._client: Client | None = None
        self._job_id = ""
        self._made: list[Path] = []
        self._writer: Writer | None = None

    @property
    def cancelled(self) -> bool:
        """Whether it was cancelled."""
        return self._cancelled

    def check(self) -> None:
        """Raise `Cancelled` once it is cancelled."""
        if self._cancelled:
            raise Cancelled

    def has_begun(self, client: Client, job_id: str) -> None:
        """Note the job that is under way at the daemon. Raises `Cancelled` when that came too late."""
        with self._lock:
            if job_id == self._job_id:
                return
            self._client, self._job_id = client, job_id
            if self._cancelled:
                self._cancel_job()
        self.check()
        self.status.tell(job=job_id)

    def has_ended(self) -> None:
        """Note that no job is under way."""
        with self._lock:
            self._job_id = ""

    def cancel(self) -> None:
        """Cancel what is under way, and all that would come after it."""
        with self._lock:
            if not self._cancelled:
                self._cancelled = True
                self._cancel_job()

    def abandon(self) -> None:
        """Cancel the job at the daemon, for what it makes can not be kept."""
        with self._lock:
            self._cancel_job()

    def leave(self) -> None:
        """Close the connection: whoever waits for the daemon waits no longer."""
        with self._lock:
            if self._client is not None:
                self._client.close()

    def _cancel_job(self) -> None:
        if self._client is None or not self._job_id:
            return
        from acebridge.v1 import jobs_pb2

        cancel, request = self._client.jobs.CancelJob, jobs_pb2.CancelJobRequest(job_id=self._job_id)
        with suppress(JobFailed, ValueError):  # the daemon, or the connection, is gone: so is the job, or soon
            self._client.call(cancel, request, timeout_s=_CANCEL_TIMEOUT_S)

    def writes_with(self, writer: Writer | None) -> None:
        """Note the writer whose unfinished files `undo` removes."""
        self._writer = writer

    def makes(self, file: Path) -> Path:
        """Note a file that `undo` removes."""
        self._made.append(file)
        return file

    def undo(self) -> None:
        """Remove everything that was written."""
        if self._writer is not None:
            self._writer.discard()
        for file in self._made:
            with suppress(OSError):
                file.unlink()
        self._made.clear()


def perform_all(work: Work, request: Request, address: str | None, autostart: bool) -> ResultFile:
    """Perform every part; return the content of ``result.json``.

    Raises what the daemon and the request are to blame for, with the label of the part when there are several.
    """
    from acebridge.client.atomic_files import check_writable
    from acebridge.client.connection import connect
    from acebridge.hosts.jobfolder.fields import check_parts, message_of

    check_parts(request)
    if request.media is not None:
        try:
            check_writable(request.media)
        except InvalidValue as error:
            raise _no_room(request.media, error.__cause__) from error
    began = time.monotonic()
    engine = ""
    warnings: list[str] = []
    done: list[PartResult] = []
    with connect(address or request.address, autostart=autostart) as client:
        for number, part in enumerate(request.parts):
            work.check()
            work.status.tell(part=number, stage=_stage(request, number, "sending"))
            facts: Mapping[str, JsonValue] = {}
            if part.fill_from is not None:
                facts = done[part.fill_from]["takes"][0]["metadata"]
            with _labelled(request, part):
                message = message_of(request, number, facts)
                around: Around | None = None
                if part.source is not None:
                    source = _file(number, part.source, work.status.folder)
                    around = _around(message, source)
                    message.source.CopyFrom(_sent(client, number, source))
                work.check()
                events = client.send(message) if around is None else around.whole(client.send(message))
                takes, engine = _follow(work, client, request, number, events)
            done.append({"task": part.task, "label": part.label, "takes": takes})
            for take in takes:
                said = take["metadata"].get("warnings")
                warnings += map(str, said) if isinstance(said, list) else []
    return {
        "version": VERSION, "id": request.id, "engine": engine, "seconds": round(time.monotonic() - began, 3),
        "warnings": list(dict.fromkeys(warnings)), "parts": done,
    }  # fmt: skip


@contextmanager
def _labelled(request: Request, part: Part) -> Iterator[None]:
    """Say which part it is that failed, when there are several."""
    try:
        yield
    except Cancelled:
        raise
    except (RuntimeFault, DaemonFault) as error:
        if len(request.parts) == 1 or not part.label:
            raise
        kind = error.kind if isinstance(error, JobFailed) else type(error).__name__
        raise JobFailed(kind, f"{part.label}: {error.message}", remedy=error.remedy) from error


def _stage(request: Request, number: int, stage: str) -> str:
    label = request.parts[number].label
    return f"{label}: {stage}" if label and len(request.parts) > 1 else stage


def _file(number: int, source: AudioFile | Mix, folder: Path) -> AudioFile:
    """Return the file that a source stands for, made first if it is a mix."""
    if isinstance(source, AudioFile):
        return source
    from acebridge.hosts.jobfolder.mixdown import write_mix

    try:
        return AudioFile(write_mix(source, folder / f"mix-{number + 1}.wav"))
    except OSError as error:
        raise _no_room(folder, error, "job folder") from error


def _around(message: Any, source: AudioFile) -> Around | None:
    """Have a repaint of a whole file send back only what changes; return what it is put into, if it is one."""
    from acebridge.hosts.jobfolder.widen import Around
    from acebridge.v1 import tasks_pb2

    if not isinstance(message, tasks_pb2.RepaintRequest) or message.scope == tasks_pb2.SCOPE_REGION:
        return None
    with suppress(OSError):  # sending it says better what is wrong
        message.scope = tasks_pb2.SCOPE_REGION
        return Around.of(source)
    return None


def _sent(client: Client, number: int, source: AudioFile) -> audio_pb2.AudioInput:
    try:
        sent = client.upload(source.file)
    except OSError as error:
        raise unreadable(f"parts[{number}].source.file", source.file, error) from error
    if source.start_s is not None:
        sent.region.start_s = source.start_s
    if source.end_s is not None:
        sent.region.end_s = source.end_s
    return sent


def _follow(
    work: Work, client: Client, request: Request, number: int, events: Iterator[tasks_pb2.TaskEvent]
) -> tuple[list[TakeResult], str]:
    """Tell the status, and write the audio, while a part is performed; return its takes and its engine."""
    from acebridge.client.wav_writer import Writer

    part, media = request.parts[number], request.media or work.status.folder
    completed: tasks_pb2.Completed | None = None
    files: dict[int, Path] = {}
    job_id = ""
    with Writer(media, lambda *_: media / "AceBridge.wav") as writer:
        work.writes_with(writer)
        try:
            for event in events:
                job_id = event.job_id
                work.has_begun(client, job_id)
                work.check()
                _tell(work.status, request, number, event)
                if event.WhichOneof("event") == "completed":
                    completed = event.completed
                else:
                    _write(work, request, writer, files, event)
        except JobFailed as error:
            raise (_ended(error) if job_id else error) from error.__cause__
        except OSError as error:
            work.abandon()
            raise _no_room(media, error) from error
        except Exception:
            work.abandon()
            raise
        finally:
            work.has_ended()
    if completed is None:
        raise _ended(JobFailed("UNAVAILABLE", ""))
    return _takes(request, part, completed, files), completed.engine


def _ended(error: JobFailed) -> JobFailed:
    if error.kind != "UNAVAILABLE":
        return error
    return JobFailed(
        "Unavailable", "The AceBridge daemon ended in the middle of the work.",
        remedy="Run the action again: it starts the daemon anew.",
    )  # fmt: skip


def _no_room(folder: Path, error: BaseException | None, called: str = "media folder") -> InvalidValue:
    from acebridge.client.atomic_files import unwritable

    cause = error if isinstance(error, OSError) else OSError(0, "no file can be made in it")
    remedy = "Free some space there, or save the project in another place, then run the action again."
    return unwritable(folder, cause, remedy, field=called.replace(" ", "."), called=called)


def _write(work: Work, request: Request, writer: Writer, files: dict[int, Path], event: tasks_pb2.TaskEvent) -> None:
    from acebridge.hosts.jobfolder.outputs import media_name, reserve_file

    kind = event.WhichOneof("event")
    if kind == "started":  # for the second time: audio of takes that were not finished is void
        writer.discard()
    elif kind == "audio_header":
        writer.begin(event.audio_header)
    elif kind == "audio_chunk":
        writer.add(event.audio_chunk)
    elif kind == "take_finished":
        for output in event.take_finished.outputs:
            assert request.media is not None
            name = media_name(request, output.role, event.take_finished.seed)
            path = work.makes(reserve_file(request.media, name))
            files[output.output] = writer.finish(output.output, path)


def _tell(status: Status, request: Request, number: int, event: tasks_pb2.TaskEvent) -> None:
    parts = len(request.parts)

    def told(stage: str, fraction: float, **more: Any) -> None:
        status.tell(stage=_stage(request, number, stage), fraction=(number + fraction) / parts, **more)

    match event.WhichOneof("event"):
        case "queued":
            ahead = event.queued.position
            stage = "waiting" if ahead else "about to start"
            told(stage, 0.0, state="waiting", queue_position=ahead, eta_s=None)
        case "started":
            stage = f"{event.started.engine} on {event.started.device}"
            told(stage, 0.0, state="running", queue_position=None, eta_s=None)
        case "progress":
            last = number == parts - 1
            eta_s = event.progress.eta_s if last and event.progress.HasField("eta_s") else None
            told(event.progress.stage, event.progress.fraction, state="running", queue_position=None, eta_s=eta_s)
        case "completed":
            told("done", 1.0, eta_s=None)


def _takes(request: Request, part: Part, completed: tasks_pb2.Completed, files: Mapping[int, Path]) -> list[TakeResult]:
    from acebridge.contract.fields import values_of
    from acebridge.hosts.jobfolder.outputs import describe_output

    takes: list[TakeResult] = []
    for take in completed.takes:
        facts = values_of(take.metadata)
        outputs = [describe_output(output, files[output.output], request, part, facts) for output in take.outputs]
        takes.append({"take": take.take + 1, "seed": take.seed, "metadata": facts, "outputs": outputs})
    return takes
