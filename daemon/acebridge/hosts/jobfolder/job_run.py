"""Running the parts of a job at the daemon, one after the other, and writing their audio into the media folder."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acebridge.client.follow import JobSink, follow
from acebridge.client.wav_writer import WavWriter
from acebridge.errors import AceBridgeError, ConnectionLost, JobFailed, reason_of
from acebridge.hosts.jobfolder import VERSION
from acebridge.hosts.jobfolder.daemon import Daemon, daemon_ended
from acebridge.hosts.jobfolder.request import AudioFile, Mix, Part, Request, mix_file, unreadable
from acebridge.hosts.jobfolder.status import Status
from acestep_runtime.errors import AceStepError, Cancelled, InvalidValue

if TYPE_CHECKING:
    from pydantic import JsonValue

    from acebridge.client.client import Client
    from acebridge.contract.tasks import TaskRequest
    from acebridge.hosts.jobfolder.documents import PartResult, RankedTake, ResultFile, StatusFile, TakeResult
    from acebridge.hosts.jobfolder.widen import SentSource
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
        self._made: set[Path] = set()
        self._writer: WavWriter | None = None

    @property
    def cancelled(self) -> bool:
        """Whether it was cancelled."""
        return self._cancelled

    def check(self) -> None:
        """Raise `Cancelled` once it is cancelled."""
        if self._cancelled:
            raise Cancelled

    def job_started(self, client: Client, job_id: str) -> None:
        """Note the job that is under way at the daemon. Raises `Cancelled` when that came too late."""
        with self._lock:
            if (client, job_id) == (self._client, self._job_id):
                return
            self._client, self._job_id = client, job_id
            if self._cancelled:
                self._cancel_job()
        self.check()
        self.status.tell(job_id=job_id)

    def job_ended(self) -> None:
        """Note that no job is under way."""
        with self._lock:
            self._job_id = ""

    def cancel(self) -> None:
        """Cancel what is under way, and all that would come after it."""
        with self._lock:
            if not self._cancelled:
                self._cancelled = True
                self._cancel_job()

    def cancel_remote(self) -> None:
        """Cancel the job at the daemon, because its results cannot be kept."""
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

    def track_writer(self, writer: WavWriter) -> None:
        """Note the writer whose unfinished files `undo` removes."""
        self._writer = writer

    def track_file(self, file: Path) -> Path:
        """Note a file that `undo` removes."""
        self._made.add(file)
        return file

    def remove_file(self, file: Path) -> None:
        """Remove a file, and forget it: another job may take its name now."""
        with suppress(OSError):
            file.unlink()
        self._made.discard(file)

    def undo(self) -> None:
        """Remove everything that was written."""
        if self._writer is not None:
            self._writer.discard()
        for file in [*self._made]:
            self.remove_file(file)


def check_media(folder: Path) -> None:
    """Raise `InvalidValue` unless files can be made in the media folder."""
    from acebridge.atomic_files import check_writable

    try:
        check_writable(folder)
    except InvalidValue as error:
        raise no_room(folder, error.__cause__) from error


def perform_all(work: Work, request: Request, address: str | None, autostart: bool) -> ResultFile:
    """Run every part; return the content of ``result.json``.

    Raises what the daemon and the request are to blame for, with the label of the part when there are several.
    """
    from acebridge.hosts.jobfolder.fields import check_parts, message_of
    from acebridge.hosts.jobfolder.recipes import use_recipes

    request = use_recipes(request)
    check_parts(request)
    if request.media is not None:
        check_media(request.media)
    began = time.monotonic()
    engine = ""
    warnings: list[str] = []
    done: list[PartResult] = []

    def warn(text: str) -> None:
        warnings.append(text)
        work.status.log(f"warning: {text}")  # before anything is sent

    with ExitStack() as stack:
        daemon = Daemon(stack, address or request.address, autostart, warn)
        for number, part in enumerate(request.parts):
            work.check()
            work.status.tell(part=number, stage=_stage(request, number, "sending"))
            metadata = {} if part.fill_from is None else done[part.fill_from]["takes"][0]["metadata"]
            with _label_errors(request, part):
                message = message_of(request, number, metadata)
                source = None if part.source is None else _file(number, part.source, work.status.folder)
                result, engine = _run_part(work, daemon, request, number, message, source)
            done.append(result)
            warnings += [warning for take in result["takes"] for warning in _warnings(take["metadata"])]
    return {
        "version": VERSION,
        "id": request.id,
        "engine": engine,
        "total_s": round(time.monotonic() - began, 3),
        "warnings": list(dict.fromkeys(warnings)),
        "parts": done,
    }


def _warnings(metadata: Mapping[str, JsonValue]) -> list[str]:
    warnings = metadata.get("warnings")
    return [str(warning) for warning in warnings] if isinstance(warnings, list) else []


@contextmanager
def _label_errors(request: Request, part: Part) -> Iterator[None]:
    """Say which part it is that failed, when there are several."""
    try:
        yield
    except Cancelled:
        raise
    except (AceStepError, AceBridgeError) as raised:
        error = daemon_ended() if isinstance(raised, ConnectionLost) else raised
        if len(request.parts) > 1 and part.label:
            error = JobFailed(reason_of(error), f"{part.label}: {error.message}", remedy=error.remedy)
        if error is raised:
            raise
        raise error from raised


def _stage(request: Request, number: int, stage: str) -> str:
    label = request.parts[number].label
    return f"{label}: {stage}" if label and len(request.parts) > 1 else stage


def _file(number: int, source: AudioFile | Mix, folder: Path) -> AudioFile:
    """Return the file that a source stands for, made first if it is a mix."""
    if isinstance(source, AudioFile):
        return source
    from acebridge.hosts.jobfolder.mixdown import write_mix

    try:
        return AudioFile(write_mix(source, mix_file(folder, number)))
    except OSError as error:
        raise no_room(folder, error, "job folder") from error


def _narrow(message: TaskRequest, source: AudioFile) -> SentSource | None:
    """Have a repaint of a whole file return only what changes; return the source to put that into, if it is one."""
    from acebridge.hosts.jobfolder.widen import SentSource
    from acebridge.v1 import tasks_pb2

    if not isinstance(message, tasks_pb2.RepaintRequest) or message.scope == tasks_pb2.SCOPE_REGION:
        return None
    with suppress(OSError):  # sending it says better what is wrong
        message.scope = tasks_pb2.SCOPE_REGION
        return SentSource.of(source)
    return None


def _send_audio(client: Client, part: Part, number: int, source: AudioFile | None, message: Any) -> None:
    """Put the audio of a part into its message; the daemon gets what it has not."""
    from acebridge.hosts.jobfolder.recipes import add_parents

    if source is not None:
        message.source.CopyFrom(_upload(client, number, source))
    add_parents(client, part, message)


def _upload(client: Client, number: int, source: AudioFile) -> audio_pb2.AudioInput:
    try:
        sent = client.upload(source.file)
    except OSError as error:
        raise unreadable(f"parts[{number}].source.file", source.file, error) from error
    if source.start_s is not None:
        sent.region.start_s = source.start_s
    if source.end_s is not None:
        sent.region.end_s = source.end_s
    return sent


def _run_part(
    work: Work, daemon: Daemon, request: Request, number: int, message: TaskRequest, source: AudioFile | None
) -> tuple[PartResult, str]:
    """Send a part and run it while its status is kept up to date and its audio is written; return its result and its engine.

    By the key of the message its job goes on at a daemon that is back; what it had made is written once more.
    """
    part = request.parts[number]
    sent = None if source is None else _narrow(message, source)
    message.submission.idempotency_key = message.submission.idempotency_key or secrets.token_hex(16)

    def make(client: Client) -> PartFiles:
        _send_audio(client, part, number, source, message)
        work.check()
        status = PartStatus(work, client, request, number)
        return _write_part(work, request, client.submit_request(message), status, sent)

    try:
        files = daemon.run(make, work.check, work.status)
    finally:
        work.job_ended()
    completed = files.completed
    assert completed is not None
    takes = describe_takes(request, part, completed, files.files, work.status.folder)
    result: PartResult = {"task": part.task, "label": part.label, "takes": takes}
    if completed.ranking:
        result["ranking"] = _ranking(completed)
    return result, completed.engine


def _write_part(
    work: Work, request: Request, events: Iterator[tasks_pb2.TaskEvent], status: PartStatus, sent: SentSource | None
) -> PartFiles:
    """Follow a job to its end and write its audio. Where it fails, or the daemon goes away, no file is left."""
    media = request.media or work.status.folder
    with PartFiles(work.track_file, request, media) as files:
        work.track_writer(files)
        target: JobSink = files
        if sent is not None:
            from acebridge.hosts.jobfolder.widen import WideningSink

            target = WideningSink(sent, files)
        try:
            follow(events, status, target)
            return files
        except JobFailed:
            for file in files.files.values():
                work.remove_file(file)
            raise
        except OSError as error:
            work.cancel_remote()
            raise no_room(media, error) from error
        except Exception:
            work.cancel_remote()
            raise


def no_room(folder: Path, error: BaseException | None, called: str = "media folder") -> InvalidValue:
    """Return the sentence about a folder that cannot be written."""
    from acebridge.atomic_files import unwritable

    cause = error if isinstance(error, OSError) else OSError(0, "no file can be made in it")
    remedy = "Free some space there, or save the project in another place, then run the action again."
    return unwritable(folder, cause, remedy, field=called.replace(" ", "."), called=called)


class PartStatus(JobSink):
    """Keeps the status up to date while a part runs, and stops it when it is cancelled."""

    def __init__(self, work: Work, client: Client, request: Request, number: int) -> None:
        self._work, self._client, self._request, self._number = work, client, request, number

    def on_event(self, event: tasks_pb2.TaskEvent) -> None:
        """Note the job. Raises `Cancelled`."""
        self._work.job_started(self._client, event.job_id)
        self._work.check()

    def on_queued(self, queued: tasks_pb2.Queued) -> None:
        """Tell its place in the queue."""
        stage = "waiting" if queued.position else "about to start"
        stage = f"waiting: {queued.reason}" if queued.reason else stage
        self._tell(stage, 0.0, {"state": "waiting", "position": queued.position, "eta_s": None})

    def on_started(self, started: tasks_pb2.Started) -> None:
        """Tell which engine works, and where."""
        stage = f"{started.engine} on {started.device}"
        self._tell(stage, 0.0, {"state": "running", "position": None, "eta_s": None})

    def on_progress(self, progress: tasks_pb2.Progress) -> None:
        """Tell the stage, and in the last part how long it will take."""
        last = self._number == len(self._request.parts) - 1
        eta_s = progress.eta_s if last and progress.HasField("eta_s") else None
        self._tell(progress.stage, progress.fraction, {"state": "running", "position": None, "eta_s": eta_s})

    def on_completed(self, _: tasks_pb2.Completed) -> None:
        """Tell that the part is done."""
        self._tell("done", 1.0, {"eta_s": None})

    def _tell(self, stage: str, fraction: float, more: StatusFile) -> None:
        more["stage"] = _stage(self._request, self._number, stage)
        more["fraction"] = (self._number + fraction) / len(self._request.parts)
        self._work.status.tell(**more)


class PartFiles(WavWriter):
    """Writes the audio of a part into the media folder, under names that are free there; ``note_file`` gets each of them."""

    def __init__(self, note_file: Callable[[Path], Path], request: Request, media: Path) -> None:
        super().__init__(media, lambda *_: media / "AceBridge.wav")  # the name is chosen when the take is kept
        self.completed: tasks_pb2.Completed | None = None
        self._note_file, self._request = note_file, request

    def name_take(self, take: tasks_pb2.TakeFinished) -> None:
        """Give the files of a take that is kept names that are free."""
        from acebridge.hosts.jobfolder.outputs import media_name, reserve_file

        for output in take.outputs:
            name = media_name(self._request, output.role, take.seed)
            path = self._note_file(reserve_file(self.folder, name))
            self.files[output.output] = self.rename(output.output, path)

    def on_completed(self, completed: tasks_pb2.Completed) -> None:
        """Name the files of the takes that were chosen; keep the description of the takes."""
        super().on_completed(completed)
        self.completed = completed


def _ranking(completed: tasks_pb2.Completed) -> list[RankedTake]:
    rows: list[RankedTake] = []
    for each in completed.ranking:
        row: RankedTake = {"take": each.take, "seed": each.seed, "chosen": each.chosen}
        if each.HasField("score"):
            row["score"] = each.score
        if each.note:
            row["note"] = each.note
        rows.append(row)
    return rows


def describe_takes(
    request: Request, part: Part, completed: tasks_pb2.Completed, files: Mapping[int, Path], job: Path
) -> list[TakeResult]:
    """Return what ``result.json`` in the folder ``job`` says about the takes of a part, whose outputs lie in ``files``."""
    from acebridge.contract.metadata import metadata_values
    from acebridge.hosts.jobfolder.outputs import describe_output

    takes: list[TakeResult] = []
    for take in completed.takes:
        metadata = metadata_values(take.metadata)
        outputs = [
            describe_output(output, files[output.output], request, part, metadata, job) for output in take.outputs
        ]
        takes.append({"take": take.take, "seed": take.seed, "metadata": metadata, "outputs": outputs})
    return takes
