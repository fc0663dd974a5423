"""One task from a selection in Pro Tools to clips on its tracks. The daemon's part goes through a job folder."""

from __future__ import annotations

import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import filelock

from acebridge.errors import ErrorReason, JobFailed, reason_of
from acebridge.hosts.jobfolder import REQUEST, RESULT, VERSION
from acebridge.hosts.jobfolder.folders import clean, pending, refuse_version
from acebridge.hosts.jobfolder.json_files import read_object, write_json
from acebridge.hosts.jobfolder.run import run as run_job
from acebridge.hosts.jobfolder.status import read_status
from acebridge.hosts.protools.bounce import bounce
from acebridge.hosts.protools.connection import ProTools
from acebridge.hosts.protools.faults import AGAIN
from acebridge.hosts.protools.place import Place, PlacedClip, place
from acebridge.hosts.protools.session import (
    Session,
    Span,
    Track,
    read_session,
    read_span,
    read_tracks,
    working_tracks,
)
from acebridge.hosts.protools.tempo import read_music
from acebridge.private_files import FILE_MODE, make_private_folder
from acestep_runtime.tasks import TASKS

if TYPE_CHECKING:
    from pydantic import JsonValue

    from acebridge.hosts.jobfolder.documents import ResultFile

#: What `acebridge protools` offers: its name there → task.
OFFERED = {
    **{name: name for name in ("repaint", "cover", "lego", "complete", "extract", "understand")},
    "generate": "text2music",
}
#: Tasks whose one output can stand in place of its source.
_REPLACING = ("repaint", "cover")
#: As long as a song that nobody has said the length of.
_DEFAULT_S = 30.0
_LOOK_S = 0.2
_KEEP_DAYS = 7.0
#: How long another command may bounce.
_PATIENCE_S = 300.0
Show = Callable[[str, float], None]


@dataclass(frozen=True)
class Order:
    """A task, the fields of its request, and whether the clip goes ``onto`` the selected track instead of a new one."""

    task: str
    fields: Mapping[str, JsonValue] = field(default_factory=dict)
    engine: str = "auto"
    onto: bool = False

    @property
    def takes(self) -> int:
        """How many takes it asks for."""
        takes = _mapping(self.fields.get("output")).get("takes")
        return takes if isinstance(takes, int) else 1


@dataclass(frozen=True)
class Outcome:
    """What the job returned, and where its clips are now."""

    result: ResultFile
    clips: list[PlacedClip]


def perform(
    pro: ProTools, order: Order, *, jobs: Path, address: str | None, autostart: bool, show: Show = lambda *_: None
) -> Outcome:
    """Run a task on what is selected; ``jobs`` is the folder of job folders, ``show`` gets stage and fraction.

    Raises one sentence for whatever goes wrong. Before the daemon has worked nothing is left; after that the result is kept,
    for `place_pending`.
    """
    session = read_session(pro)
    make_private_folder(jobs)
    clean(jobs, _KEEP_DAYS)
    job = _make_folder(jobs)
    with _remove_on_failure(job, session.media):
        with _one_at_a_time(jobs):
            at = _write_request(pro, order, session, job, show)
        with _show_progress(job, show):
            result = run_job(job, address=address, autostart=autostart)
    with _one_at_a_time(jobs):
        clips = _place(pro, session, result, at, job)
    shutil.rmtree(job, ignore_errors=True)  # its bounces are large
    return Outcome(result, clips)


def _write_request(pro: ProTools, order: Order, session: Session, job: Path, show: Show) -> Place:
    """Bounce what is selected, and write the request about it; return where its result belongs."""
    span, rate_hz = read_span(pro), session.rate_hz
    tracks = working_tracks(read_tracks(pro)) if TASKS[order.task].has("source") else []
    _check(order, span, tracks)
    at, part = Place(span.start), {"task": order.task, "position_s": span.start / rate_hz}
    if tracks:
        show("Pro Tools bounces", 0.0)
        source = _around(order, span, rate_hz)
        files, frames = bounce(pro, tracks, source, span.stop - source.start, session, job, with_mix=not order.onto)
        at = Place(source.start, tracks[-1].name, tracks[0].id if order.onto else "")
        part |= _source_of(files, frames, source.start / rate_hz)
    fields = {**order.fields, **_fields(order, span, at.start, rate_hz)}
    if order.task == "text2music":
        fields["music"] = {**read_music(pro, span.start, rate_hz), **_mapping(fields.get("music"))}
    write_json(job / REQUEST, _request(pro, order, session, at, {**part, "fields": fields}, tracks))
    return at


@contextmanager
def _one_at_a_time(jobs: Path) -> Iterator[None]:
    """Let no other command bounce or place meanwhile: a bounce changes the selection, and names of tracks are taken once."""
    lock = filelock.FileLock(jobs.parent / "lock", mode=FILE_MODE)
    try:
        lock.acquire(timeout=_PATIENCE_S)
    except filelock.Timeout:
        message = "Another command of AceBridge works in Pro Tools."
        raise JobFailed(ErrorReason.BUSY, message, remedy=f"Wait for it, {AGAIN}") from None
    try:
        yield
    finally:
        lock.release()


def place_pending(pro: ProTools, jobs: Path) -> list[PlacedClip]:
    """Place the results for the open session that are on no track yet, as after a lost connection; return their clips."""
    if not jobs.is_dir():
        return []
    with _one_at_a_time(jobs):
        return _place_pending(pro, read_session(pro), jobs)


def _place_pending(pro: ProTools, session: Session, jobs: Path) -> list[PlacedClip]:
    clips: list[PlacedClip] = []
    refusal: JobFailed | None = None
    for waiting in pending(jobs):
        wanted = read_object(waiting.folder / REQUEST).get("place")
        result: Any = read_object(waiting.folder / RESULT)
        if (
            waiting.state == "done"
            and isinstance(wanted, dict)
            and wanted.get("session") == str(session.file)
            and result
        ):
            if (error := refuse_version(result, waiting.title)) is not None:
                refusal = error
                continue
            at = Place(int(str(wanted["start"])), str(wanted["after"]), str(wanted["onto"]))
            clips += place(pro, result, at, waiting.folder)
            shutil.rmtree(waiting.folder, ignore_errors=True)
    if refusal is not None:
        raise refusal
    return clips


def _place(pro: ProTools, session: Session, result: ResultFile, at: Place, job: Path) -> list[PlacedClip]:
    try:
        if read_session(pro).file != session.file:
            message = f"Another session than {session.name} is open in Pro Tools now."
            raise JobFailed(ErrorReason.CONFLICT, message, remedy=f"Open {session.name}, {AGAIN}")
        return place(pro, result, at, job)
    except JobFailed as error:
        first = error.remedy.removesuffix(AGAIN).rstrip(", .")
        remedy = f"{first}; then run `acebridge protools place`, which puts the result on tracks."
        raise JobFailed(error.kind, error.message, remedy=remedy) from error


def _check(order: Order, span: Span, tracks: list[Track]) -> None:
    """Raise `JobFailed` for a selection that the task cannot work on."""
    if tracks and not span:
        remedy = "Select a range on the time line, then run it again."
        raise JobFailed(ErrorReason.INVALID_VALUE, "Nothing is selected in Pro Tools.", remedy=remedy)
    if order.onto and (order.task not in _REPLACING or len(tracks) != 1 or order.takes != 1):
        remedy = "Select one track and ask for one take, or leave out --replace."
        message = f"--replace is for one take of {' or '.join(_REPLACING)} on one track; {len(tracks)} are selected."
        raise JobFailed(ErrorReason.INVALID_VALUE, message, remedy=remedy)


def _around(order: Order, span: Span, rate_hz: int) -> Span:
    """Return the range to bounce: the selection, with context where the task changes a part of what it hears."""
    if not TASKS[order.task].has("start_s"):
        return span
    given = order.fields.get("context_s")
    context_s: float = given if isinstance(given, (int, float)) else getattr(TASKS[order.task], "context_s")  # noqa: B009
    context = round(context_s * rate_hz)
    return Span(max(0, span.start - context), span.stop + context)


def _source_of(files: list[Path], frames: int, position_s: float) -> dict[str, Any]:
    mix = [{"file": str(file), "frames": frames} for file in files]
    return {"source": {"mix": mix, "frames": frames}, "position_s": position_s}


def _fields(order: Order, span: Span, start: int, rate_hz: int) -> dict[str, Any]:
    """Return the fields that the selection says, where the order does not."""
    task = TASKS[order.task]
    fields: dict[str, Any] = {}
    if task.has("start_s"):
        fields |= {"start_s": (span.start - start) / rate_hz, "end_s": (span.stop - start) / rate_hz, "scope": "region"}
    if order.task == "text2music":
        fields["output"] = {"sample_rate": rate_hz, **_mapping(order.fields.get("output"))}
        if "duration_s" not in order.fields:
            fields["duration_s"] = len(span) / rate_hz if span else _DEFAULT_S
    return fields


def _mapping(value: JsonValue) -> Mapping[str, JsonValue]:
    return value if isinstance(value, dict) else {}


def _request(
    pro: ProTools, order: Order, session: Session, at: Place, part: Mapping[str, Any], tracks: list[Track]
) -> dict[str, Any]:
    title = next(name for name, task in OFFERED.items() if task == order.task).capitalize()
    where = f"{title} {tracks[0].name}" if tracks else title
    return {
        "version": VERSION,
        "host": {"name": "Pro Tools", "version": ".".join(map(str, pro.version)), "project": str(session.file)},
        "action": order.task,
        "title": where,
        "create_time": time.time(),
        "engine": order.engine,
        "media": {"folder": str(session.media), "format": "float32"},
        "parts": [part],
        "place": {"session": str(session.file), **asdict(at)},
    }


def _make_folder(jobs: Path) -> Path:
    folder = jobs / f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(4)}"
    folder.mkdir(0o700)
    return folder


@contextmanager
def _remove_on_failure(job: Path, media: Path) -> Iterator[None]:
    """Remove a job folder whose work has failed, unless a report needs its log, and a media folder that is empty."""
    try:
        yield
    except BaseException as error:
        if not isinstance(error, Exception) or reason_of(error) is not ErrorReason.ENGINE_FAILURE:
            shutil.rmtree(job, ignore_errors=True)
        with suppress(OSError):
            media.rmdir()
        raise


@contextmanager
def _show_progress(job: Path, show: Show) -> Iterator[None]:
    """Show how the job goes, from a thread of its own: the job needs this one for Ctrl-C."""
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(_LOOK_S):
            status = read_status(job)
            stage, fraction = status.get("stage"), status.get("fraction")
            if isinstance(stage, str) and isinstance(fraction, (int, float)):
                with suppress(OSError):  # nobody reads the terminal any more
                    show(stage, float(fraction))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
