"""``acebridge host run``: from a job folder's request to its result, whatever happens."""

from __future__ import annotations

import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from acebridge.client.command_path import record
from acebridge.errors import AceBridgeError, ErrorReason, JobFailed, reason_of
from acebridge.hosts.jobfolder import CANCEL, LOG, READYING, RESULT
from acebridge.hosts.jobfolder.job_run import Work, perform_all
from acebridge.hosts.jobfolder.json_files import write_json
from acebridge.hosts.jobfolder.lock import lock_folder
from acebridge.hosts.jobfolder.prewarm import wait_for_request
from acebridge.hosts.jobfolder.request import read_request
from acebridge.hosts.jobfolder.status import Status
from acebridge.hosts.jobfolder.trust import check_address, check_folder
from acebridge.hosts.jobfolder.urls import folder_of
from acestep_runtime.errors import AceStepError, Cancelled, InvalidValue

if TYPE_CHECKING:
    from acebridge.hosts.jobfolder.documents import ResultFile, State

T = TypeVar("T", bound=Mapping[str, object])
_LOOK_S = 0.05
#: Seconds that cancelled work has to end.
_GRACE_S = 1.0


def run_named(folder: str, *, address: str | None = None, autostart: bool = True) -> ResultFile | None:
    """Do as `run`, for a folder named by its path or a ``file:`` URL; ``None`` when the script gives up before it asks."""
    path = Path(folder_of(folder)).absolute()
    check_folder(path)
    with _without_hangup():
        if (path / READYING).exists() and not wait_for_request(path):
            return None
        return run(path, address=address, autostart=autostart)


@contextmanager
def _without_hangup() -> Iterator[None]:
    """Go on when the terminal closes that the host was started from: its script waits for the result."""
    if not hasattr(signal, "SIGHUP") or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


def run(folder: Path, *, address: str | None = None, autostart: bool = True) -> ResultFile:
    """Perform the request in a job folder and return its result, which is in ``result.json`` then.

    Raises what went wrong, after ``status.json`` has told it; `JobFailed` with the reason ``CANCELLED`` when it was cancelled.
    """

    def work(work: Work) -> ResultFile:
        record()
        request = read_request(folder)
        if address is None:  # else the request's does not count
            check_address(request.address)
        work.status.tell(parts=len(request.parts), host=request.host)
        if request.song is not None:
            from acebridge.hosts.jobfolder.song_run import perform_song

            return perform_song(work, request, address, autostart)
        tasks = ", ".join(part.task for part in request.parts)
        work.status.log(f"{request.id}: {tasks}{f', for {request.host}' if request.host else ''}")
        return perform_all(work, request, address, autostart)

    return supervise(folder, work)


def supervise(folder: Path, work: Callable[[Work], T]) -> T:
    """Do ``work`` while ``status.json`` is kept up to date and ``cancel`` is looked for; write what it returns as result.

    Raises as `run` does, what `check_folder` raises, and `Conflict` when another command works on it.
    """
    check_folder(folder)
    with lock_folder(folder) as release:
        return _supervise(folder, work, release)


def _supervise(folder: Path, work: Callable[[Work], T], release: Callable[[], None]) -> T:
    """Do as `supervise` in a folder that is locked; ``release`` it before the final status."""
    status = Status(folder)
    _remove_result(folder)  # of an earlier run
    job = Work(status)
    results: list[T] = []
    errors: list[BaseException] = []
    ended = threading.Event()  # Thread.join, interrupted by a signal, may take a thread for ended that runs

    def run_work() -> None:
        try:
            results.append(work(job))
        except BaseException as error:
            errors.append(error)
        finally:
            ended.set()

    try:
        threading.Thread(target=run_work, daemon=True).start()
        _poll(job, ended)
        if job.cancelled:
            raise Cancelled
        if errors:
            raise errors[0]
        write_json(folder / RESULT, results[0])
        release()
        with _ignore_removal(folder):
            status.log("done")
            # The last that is written: the script may remove the folder.
            status.end(state="done", stage="done", fraction=1.0)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):  # the second one: there is no more waiting
            job.cancel()
        if not ended.is_set():
            job.leave()
            ended.wait(_GRACE_S)
        job.undo()
        _remove_result(folder)
        release()
        raise _report_failure(status, error) from error
    return results[0]


def _remove_result(folder: Path) -> None:
    with suppress(OSError):
        (folder / RESULT).unlink()


@contextmanager
def _ignore_removal(folder: Path) -> Iterator[None]:
    """Go on where the script that has its result has removed the folder already: there is nobody left to tell."""
    try:
        yield
    except InvalidValue:
        if folder.exists():
            raise


def _poll(job: Work, ended: threading.Event) -> None:
    """Return when the work has ended; when it is cancelled and does not end, somewhat later."""
    cancelled_at: float | None = None
    while not ended.is_set():
        try:
            ended.wait(_LOOK_S)
            if cancelled_at is None and (job.status.folder / CANCEL).exists():
                job.status.log("asked to cancel")
                cancelled_at = _cancel(job)
            job.status.beat()
        except KeyboardInterrupt:
            cancelled_at = _cancel(job)
        if cancelled_at is not None and time.monotonic() - cancelled_at > _GRACE_S:
            return


def _cancel(job: Work) -> float:
    job.status.tell(stage="cancelling")
    job.cancel()
    return time.monotonic()


def _report_failure(status: Status, error: BaseException) -> Exception:
    """Write how it failed; return the error that says so in a sentence."""
    if isinstance(error, (Cancelled, KeyboardInterrupt)):
        error = JobFailed(ErrorReason.CANCELLED, "The job was cancelled.")
    if not isinstance(error, (AceStepError, AceBridgeError)):
        status.log("".join(traceback.format_exception(error)).rstrip())
        error = JobFailed(
            ErrorReason.ENGINE_FAILURE,
            f"AceBridge failed in an unexpected way: {type(error).__name__}.",
            remedy=f"Please report it, with the file {status.folder / LOG}.",
        )
    kind = reason_of(error)
    state: State = "cancelled" if kind is ErrorReason.CANCELLED else "failed"
    status.log(f"{state}: {error}")
    try:
        status.end(state=state, stage=state, message=error.message, remedy=error.remedy, reason=kind)
    except InvalidValue as unwritten:  # not even that: what went wrong first is what matters
        status.log(str(unwritten))
    return error
