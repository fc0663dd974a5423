"""The folder of job folders: which jobs are pending, and what can go."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from acebridge.errors import ErrorReason, JobFailed
from acebridge.hosts.jobfolder import PLACED, REQUEST, RESULT, STATUS, VERSION
from acebridge.hosts.jobfolder.json_files import read_object
from acebridge.hosts.jobfolder.outputs import file_state
from acebridge.hosts.jobfolder.seal import is_sealed
from acebridge.hosts.jobfolder.status import read_status
from acestep_runtime.errors import InvalidValue
from acestep_runtime.temporary_files import remove_stale

if TYPE_CHECKING:
    from pydantic import JsonValue

#: As the scripts name them: date, time, and what makes two of one second differ.
_ID = re.compile(r"\d{8}-\d{6}-[0-9a-z]{4,32}")
_SOURCE = re.compile(r"source-[0-9-]+\.wav")
_ACTIVE = ("starting", "waiting", "running")
_WITHOUT_RESULT = ("failed", "cancelled")
#: A command that has written nothing for so long has ended.
_SILENT_S = 30.0
#: How long a job stays that is placed, failed or cancelled.
_KEEP_S = 3600.0
_DAY_S = 86400.0


@dataclass(frozen=True)
class JobFolder:
    """A job as its folder shows it. ``state`` is that of ``status.json``, or ``lost`` when its command has gone."""

    folder: Path
    title: str
    action: str
    state: str
    stage: str
    placed: bool
    age_s: float

    @property
    def active(self) -> bool:
        """Whether it waits or runs."""
        return self.state in _ACTIVE


def job_folders(jobs: Path) -> Iterator[JobFolder]:
    """Yield the jobs in the folder ``jobs``, the oldest first; what is no job folder is left out.

    Raises `InvalidValue` when there is no such folder.
    """
    if not jobs.is_dir():
        raise InvalidValue("JOBS_FOLDER", str(jobs), "a folder of job folders that is there")
    for folder in sorted(jobs.iterdir()):
        is_job = _ID.fullmatch(folder.name) and not folder.is_symlink() and folder.is_dir()
        with suppress(FileNotFoundError):  # its script removes it just now
            if is_job and (any((folder / name).is_file() for name in (REQUEST, STATUS)) or _has_only_sources(folder)):
                yield _job(folder)


def _has_only_sources(folder: Path) -> bool:
    """Whether there is nothing but audio that a script had begun to read when it was ended."""
    return all(entry.is_file() and _SOURCE.fullmatch(entry.name) for entry in folder.iterdir())


def _job(folder: Path) -> JobFolder:
    request, status = read_object(folder / REQUEST), read_status(folder)
    age_s = time.time() - _change_time(folder, status)
    state = _text(status, "state", "starting")
    if state in _ACTIVE and abs(age_s) > _SILENT_S:  # a time to come says that the clock was set, not that it works
        state = "lost"
    return JobFolder(
        folder,
        title=_text(request, "title"),
        action=_text(request, "action"),
        state=state,
        stage=_text(status, "stage"),
        placed=(folder / PLACED).exists(),
        age_s=max(0.0, age_s),
    )


def _change_time(folder: Path, status: Mapping[str, JsonValue]) -> float:
    """Return when a job was at work last, in seconds since 1970: as its status says, else when its folder was changed."""
    updated = status.get("update_time")
    if isinstance(updated, (int, float)) and 0 <= updated <= time.time():
        return float(updated)
    return folder.stat().st_mtime


def _text(content: Mapping[str, JsonValue], key: str, default: str = "") -> str:
    """Return what a key holds as text that can be printed: JSON may hold halves of letters."""
    return str(content.get(key, default)).encode("utf-8", "replace").decode("utf-8")


def pending(jobs: Path) -> list[JobFolder]:
    """Return the jobs that wait or run, and those that are done and whose results are not placed."""
    requested = (job for job in job_folders(jobs) if (job.folder / REQUEST).is_file())  # a doctor's folder has none
    return [job for job in requested if not job.placed and (job.active or job.state == "done")]


def refuse_version(result: Mapping[str, object], title: str) -> JobFailed | None:
    """Return the error for a result of another version of the protocol: nobody here knows where its audio belongs."""
    if result.get("version") == VERSION:
        return None
    return JobFailed(
        ErrorReason.INVALID_VALUE,
        f"The result of {title} is of version {result.get('version')}, this AceBridge knows {VERSION}; it is kept.",
        remedy="Update AceBridge, then place it.",
    )


def clean(jobs: Path, days: float) -> list[Path]:
    """Remove what nobody needs any more; return the folders that were removed.

    That is: jobs that are placed, failed or cancelled, and empty folders, an hour later; and after ``days`` all that do not
    run, with the audio of results that were never placed. A folder that holds audio of its own result stays: that may be on
    tracks. What commands that were killed left unfinished in the media folders goes too.
    """
    removed = []
    for job in job_folders(jobs):
        media = _media_folder(job.folder)
        if media is not None:
            remove_stale(media)
        over = job.placed or job.state in _WITHOUT_RESULT or _is_empty(job.folder)
        if job.active or job.age_s <= (min(_KEEP_S, days * _DAY_S) if over else days * _DAY_S):
            continue
        if not job.placed:
            _remove_audio(job.folder)
        if _holds_output(job.folder):
            continue
        shutil.rmtree(job.folder, ignore_errors=True)
        if not job.folder.exists():
            removed.append(job.folder)
    return removed


def _is_empty(folder: Path) -> bool:
    """Whether nothing is in a job's folder: a script that sends nothing empties it, and on Windows cannot remove it."""
    with suppress(FileNotFoundError):
        return not any(folder.iterdir())
    return False


def _media_folder(folder: Path) -> Path | None:
    """Return the folder for audio that the request in a job folder names; ``None`` without one."""
    media = read_object(folder / REQUEST).get("media")
    place = media.get("folder") if isinstance(media, dict) else None
    return Path(place) if isinstance(place, str) and place else None


def _remove_audio(folder: Path) -> None:
    """Remove the files of a result that the command made in its media folder, as long as they are what it wrote."""
    place = _media_folder(folder)
    if place is None:
        return
    for output in _outputs(read_object(folder / RESULT)):
        file, written = output.get("file"), output.get("written")
        if isinstance(file, str) and file and Path(file).parent == place:
            with suppress(OSError, ValueError):
                is_as_written = not Path(file).is_symlink() and file_state(Path(file)) == written
                if is_as_written and is_sealed(output.get("seal"), folder, Path(file), written):
                    Path(file).unlink()


def _holds_output(folder: Path) -> bool:
    """Return whether a file of a result lies in the job folder itself."""
    for output in _outputs(read_object(folder / RESULT)):
        file = output.get("file")
        if isinstance(file, str) and file:
            with suppress(OSError, ValueError, RuntimeError):  # no name that a file can have, or a loop of links
                if Path(file).resolve().is_relative_to(folder.resolve()) and Path(file).is_file():
                    return True
    return False


def _outputs(result: Mapping[str, JsonValue]) -> Iterator[Mapping[str, JsonValue]]:
    """Yield every output of a result, whatever else stands there: anybody may have written to it."""
    levels: list[Mapping[str, JsonValue]] = [result]
    for key in ("parts", "takes", "outputs"):
        lists = (level.get(key) for level in levels)
        levels = [item for found in lists if isinstance(found, list) for item in found if isinstance(item, dict)]
    yield from levels
