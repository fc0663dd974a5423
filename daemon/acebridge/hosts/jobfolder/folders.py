"""The folder of job folders: which jobs are pending, and what can go."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acebridge.hosts.jobfolder import PLACED, REQUEST, RESULT, STATUS
from acebridge.hosts.jobfolder.outputs import written_state
from acebridge.hosts.jobfolder.status import read_status
from acestep_runtime.errors import InvalidValue

#: As the scripts name them: date, time, and what makes two of one second differ.
_ID = re.compile(r"\d{8}-\d{6}-[0-9a-z]{4,32}")
_SOURCE = re.compile(r"source-[0-9-]+\.wav")
_UNDER_WAY = ("starting", "waiting", "running")
_ENDED_BADLY = ("failed", "cancelled")
#: A command that has written nothing for so long has ended.
_SILENT_S = 30.0
_KEPT_S = 3600.0
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
    def under_way(self) -> bool:
        """Whether it waits or runs."""
        return self.state in _UNDER_WAY


def job_folders(jobs: Path) -> Iterator[JobFolder]:
    """Yield the jobs in the folder ``jobs``, the oldest first; what is no job folder is left out.

    Raises `InvalidValue` when there is no such folder.
    """
    if not jobs.is_dir():
        raise InvalidValue("JOBS_FOLDER", str(jobs), "a folder that is there, such as AceBridge/jobs in REAPER's own")
    for folder in sorted(jobs.iterdir()):
        is_job = _ID.fullmatch(folder.name) and not folder.is_symlink() and folder.is_dir()
        if is_job and (any((folder / name).is_file() for name in (REQUEST, STATUS)) or _only_read(folder)):
            yield _job(folder)


def _only_read(folder: Path) -> bool:
    """Whether there is nothing but audio that a script had begun to read when it was ended."""
    return all(entry.is_file() and _SOURCE.fullmatch(entry.name) for entry in folder.iterdir())


def _job(folder: Path) -> JobFolder:
    request, status = _object(folder / REQUEST), read_status(folder)
    told = status.get("updated")
    updated = float(told) if isinstance(told, (int, float)) else folder.stat().st_mtime
    age_s = max(0.0, time.time() - updated)
    state = str(status.get("state", "starting"))
    if state in _UNDER_WAY and age_s > _SILENT_S:
        state = "lost"
    return JobFolder(
        folder, str(request.get("title", "")), str(request.get("action", "")), state, str(status.get("stage", "")),
        (folder / PLACED).exists(), age_s,
    )  # fmt: skip


def _object(file: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def pending(jobs: Path) -> list[JobFolder]:
    """Return the jobs that wait or run, and those that are done and whose results are not placed."""
    asked = (job for job in job_folders(jobs) if (job.folder / REQUEST).is_file())  # a doctor's folder has none
    return [job for job in asked if not job.placed and (job.under_way or job.state == "done")]


def clean(jobs: Path, days: float) -> list[Path]:
    """Remove what nobody needs any more; return the folders that went.

    That is: jobs that are placed, failed or cancelled, an hour later; and after ``days`` all that do not run, with the
    audio of results that were never placed.
    """
    gone = []
    for job in job_folders(jobs):
        over = job.placed or job.state in _ENDED_BADLY
        if job.under_way or job.age_s <= (min(_KEPT_S, days * _DAY_S) if over else days * _DAY_S):
            continue
        if not job.placed:
            _remove_audio(job.folder)
        shutil.rmtree(job.folder, ignore_errors=True)
        if not job.folder.exists():
            gone.append(job.folder)
    return gone


def _remove_audio(folder: Path) -> None:
    """Remove the files of a result: those only that lie in its media folder and are still what was written."""
    media = _object(folder / REQUEST).get("media")
    place = media.get("folder") if isinstance(media, dict) else None
    if not isinstance(place, str) or not place:
        return
    for output in _outputs(_object(folder / RESULT)):
        file, written = output.get("file"), output.get("written")
        if isinstance(file, str) and file and Path(file).parent == Path(place):
            with suppress(OSError, ValueError):
                if not Path(file).is_symlink() and written_state(Path(file)) == written:
                    Path(file).unlink()


def _outputs(result: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    levels: list[Any] = [result]
    for key in ("parts", "takes", "outputs"):
        lists = [level.get(key) for level in levels if isinstance(level, dict)]
        levels = [item for found in lists if isinstance(found, list) for item in found]
    yield from (level for level in levels if isinstance(level, dict))
