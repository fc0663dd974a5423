"""Projects for DAWs from a job, as one file to download each."""

from __future__ import annotations

import secrets
import shutil
import tempfile
import threading
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from acebridge.atomic_files import TEMPORARY_REMEDY
from acebridge.client.asset_folder import fetch_assets
from acebridge.file_names import short_stem
from acebridge.project_files import arrange_jobs, write_project
from acebridge.project_files.from_job import job_files
from acebridge.v1 import jobs_pb2
from acestep_runtime.errors import InvalidValue, printable

if TYPE_CHECKING:
    from acebridge.client.client import Client

#: Format → the ending of its file. A project of REAPER names files beside it, so it comes in an archive.
FORMATS = {"dawproject": ".dawproject", "rpp": ".zip", "aaf": ".aaf"}
#: How long an exported project can be downloaded, in seconds, and how many are kept.
LIFE_S, MOST = 3600.0, 20


@dataclass(frozen=True)
class Export:
    """A file to download: where it is, its name, until when, and what did not fit into the format."""

    file: Path
    name: str
    expires_s: float
    notes: tuple[str, ...]


class Exports:
    """The projects that were written last, by a word that nobody can guess; they go with this program."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._held: dict[str, Export] = {}
        self._lock = threading.Lock()

    def write(self, client: Client, job_id: str, form: str) -> tuple[str, Export]:
        """Write the project of a job; return the word that finds it. Raises `InvalidValue`, and what the client raises."""
        if form not in FORMATS:
            raise InvalidValue("format", printable(form), ", ".join(FORMATS))
        job = client.call(client.jobs.GetJob, jobs_pb2.GetJobRequest(job_id=job_id))
        word = secrets.token_urlsafe(32)
        with self._lock:
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix="acebridge-exports-"))
            folder = self._folder / word
        folder.mkdir()
        title = _title(job)
        try:
            file, notes = _write(client, job, title, form, folder)
        except InvalidValue as error:
            shutil.rmtree(folder, ignore_errors=True)
            error.remedy = error.remedy or TEMPORARY_REMEDY
            raise
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        export = Export(file, file.name, time.time() + LIFE_S, tuple(notes))
        with self._lock:
            self._held[word] = export
            self._forget()
        return word, export

    def find(self, word: str) -> Export | None:
        """Return what was written under a word; ``None`` when it is gone."""
        with self._lock:
            self._forget()
            return self._held.get(word)

    def close(self) -> None:
        """Remove all files."""
        with self._lock:
            self._held.clear()
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)
                self._folder = None

    def _forget(self) -> None:
        now = time.time()
        old = [word for word, export in self._held.items() if export.expires_s < now]
        old += list(self._held)[: max(0, len(self._held) - len(old) - MOST)]
        for word in old:
            export = self._held.pop(word, None)
            if export is not None:
                shutil.rmtree(export.file.parent, ignore_errors=True)


def _title(job: jobs_pb2.Job) -> str:
    """Return the name of a project: that of the source, else the beginning of the caption, else that of the task."""
    wanted: Mapping[str, str] = job_files(job)
    outputs = {output.asset_id for take in job.takes for output in take.outputs}
    source = next((name for asset_id, name in wanted.items() if asset_id not in outputs), "")
    stem = short_stem(Path(source)) if source else ""
    return f"{stem} AceBridge" if stem else f"AceBridge {job.id[:8]}"


def _write(client: Client, job: jobs_pb2.Job, title: str, form: str, folder: Path) -> tuple[Path, list[str]]:
    """Write the one file of a project into ``folder``; what it is made from goes."""
    work = folder / "work"
    work.mkdir()
    is_archive = form == "rpp"
    media = work / f"{title} audio"
    files = fetch_assets(client, job_files(job), media)
    arrangement, notes = arrange_jobs([job], files, title=title, bpm=None, meter=None)
    project = work / f"{title}.{form}"
    notes = notes + write_project(arrangement, project, files)
    target = folder / f"{title}{FORMATS[form]}"
    if is_archive:
        with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
            for path in (project, *sorted(media.iterdir())):
                if path.is_file() and not path.name.startswith("."):
                    archive.write(path, path.relative_to(work))
    else:
        project.rename(target)
    shutil.rmtree(work, ignore_errors=True)
    return target, notes
