"""Placing finished audio in a project that is open in a host: copied into its media folder, and sent through the inbox."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

from acebridge.atomic_files import replace, unwritable
from acebridge.errors import Conflict, TimedOut
from acebridge.file_names import short_stem
from acebridge.hosts.jobfolder import VERSION
from acebridge.hosts.jobfolder.inbox import Answer, Placement, tidy
from acebridge.hosts.jobfolder.presence import OpenProject, choose_project
from acestep_runtime.errors import InvalidValue, UnreadableAudio, printable
from acestep_runtime.temporary_files import temporary_path

if TYPE_CHECKING:
    from pydantic import JsonValue

    from acebridge.client.client import Client
    from acebridge.hosts.jobfolder.inbox_documents import PositionEntry
    from acestep_runtime.recipes import Recipe

_AUDIO = {".wav", ".flac", ".aif", ".aiff", ".ogg", ".opus", ".mp3", ".w64", ".caf"}
_FADE_S = 0.005


@dataclass
class Content:
    """What is to be placed: the content of ``result.json``, a title, a folder for its tracks, and the files that were made."""

    result: dict[str, object]
    title: str
    folder: str = ""
    made: list[Path] = field(default_factory=list)

    def remove_files(self) -> None:
        """Remove the files that were made for it."""
        for file in self.made:
            with suppress(OSError):
                file.unlink()


#: Writes what is to be placed into a media folder, and describes it; the second folder is that of the placement.
Source = Callable[[Path, Path], Content]


@dataclass(frozen=True)
class PlaceReport:
    """How placing ended, in which project, and the files in its media folder."""

    answer: Answer
    project: OpenProject
    files: Sequence[Path]

    def check(self) -> None:
        """Raise `Conflict` where the host refused, with what it says."""
        if self.answer.state == "refused":
            raise Conflict(printable(self.answer.message, 400), remedy=printable(self.answer.remedy, 200))

    def sentence(self, host: str) -> str:
        """Return what ``host`` says of it, or that it waits there."""
        waits = f"It lies in the inbox of {host}, for {self.project.name}."
        return printable(self.answer.message, 400) if self.answer.message else waits


def place(
    inbox: Path,
    source: Source,
    *,
    host: str,
    start: str,
    project: str | None = None,
    at: PositionEntry | None = None,
    as_take: bool = False,
    wait_s: float = 30.0,
) -> PlaceReport:
    """Place audio in an open project, by default the one that is shown, at ``at``, by default its edit cursor.

    ``start`` says how to have somebody watch in ``host``. ``wait_s`` is how long to wait for the answer, in seconds; 0 leaves
    it in the inbox. What was refused, or taken back because nobody took it, leaves no file. Raises what `choose_project`,
    `Placement` and ``source`` raise, and `TimedOut` when nobody took it in time.
    """
    tidy(inbox)
    chosen = choose_project(inbox, project, host, start=start)
    placement = Placement(inbox, chosen)
    content: Content | None = None
    try:
        content = source(chosen.media, placement.folder)
        placement.send(
            content.result, at or {"kind": "cursor"}, title=content.title, as_take=as_take, folder=content.folder
        )
    except BaseException:
        placement.discard()
        if content is not None:
            content.remove_files()
        raise
    if wait_s <= 0:
        return PlaceReport(placement.answer(), chosen, content.made)
    answer = placement.wait(wait_s)
    if answer.state == "sent":
        if placement.withdraw():
            content.remove_files()
            raise TimedOut(
                f"{host} did not take it within {wait_s:g} s.",
                remedy=f"Close the dialogs of {host}, then try again. {start}",
            )
        answer = placement.wait(wait_s)
    if answer.is_final:
        placement.discard()
    if answer.state == "refused":
        content.remove_files()
    return PlaceReport(answer, chosen, content.made)


def files_source(files: Sequence[Path]) -> Source:
    """Return a source of audio files, each for a track of its own; those in a folder are stems, in a folder of tracks."""

    def write(media: Path, _: Path) -> Content:
        folders = [file for file in files if file.is_dir()]
        found = [entry for file in files for entry in (_stems(file) if file.is_dir() else [file])]
        title = " · ".join(file.resolve().stem for file in files) if len(files) <= 3 else f"{len(files)} files"
        content = Content({}, title, folders[0].resolve().name if len(folders) == len(files) == 1 else "")
        parts = []
        try:
            for file in found:
                parts.append(_copy(file, media, content))  # noqa: PERF401 - what was copied before a failure is removed
        except BaseException:
            content.remove_files()
            raise
        content.result = {
            "version": VERSION, "id": "", "engine": "", "total_s": 0.0, "warnings": [], "parts": parts,
        }  # fmt: skip
        return content

    return write


def _stems(folder: Path) -> list[Path]:
    held = sorted(path for path in folder.iterdir() if path.suffix.lower() in _AUDIO and not path.name.startswith("."))
    if not held:
        raise InvalidValue("files", printable(str(folder)), "a folder that holds audio files")
    return held


def _copy(file: Path, media: Path, content: Content) -> dict[str, object]:
    """Copy a file into the media folder; return its part of the result."""
    from acebridge.colours import TRACK_COLOURS
    from acebridge.hosts.jobfolder.outputs import file_state, one_line
    from acebridge.role_names import ROLE_NAMES
    from acestep_runtime.audio import decode

    facts = decode.measure(file, field="files")
    recipe = _recipe(file)
    try:
        media.mkdir(parents=True, exist_ok=True)
        copied = _copy_file(file, media)
    except OSError as error:
        raise unwritable(media, error, "Free some space there.", field="media", called="media folder") from error
    content.made.append(copied)
    role = recipe.role if recipe and recipe.role in TRACK_COLOURS else file.stem.lower()
    role = role if role in TRACK_COLOURS else "mix"
    output = {
        "file": str(copied), "role": role, "name": ROLE_NAMES.get(role) or one_line(file.stem) or "AceBridge",
        "colour": TRACK_COLOURS.get(role, ""), "sample_rate": facts.sample_rate, "channels": facts.channels,
        "frames": facts.frames, "start_frame": 0, "position_s": 0.0, "length_s": facts.frames / facts.sample_rate,
        "fade_in_s": _FADE_S, "fade_out_s": _FADE_S, "written": file_state(copied), "seal": "", "asset_id": "",
    }  # fmt: skip
    take: dict[str, object] = {"take": 1, "metadata": {}, "outputs": [output]}
    if recipe is not None:
        take["seed"] = recipe.seed
    return {"task": recipe.task if recipe else "", "label": one_line(file.stem), "takes": [take]}


def _copy_file(file: Path, media: Path) -> Path:
    """Copy a file under a name that is free in the media folder; it gets it when it is whole."""
    number, stem, suffix = 1, short_stem(file), file.suffix
    while True:
        path = media / (f"{stem}{suffix}" if number == 1 else f"{stem} ({number}){suffix}")
        try:
            path.open("xb").close()
            break
        except FileExistsError:
            number += 1
    unfinished = temporary_path(path)
    try:
        shutil.copyfile(file, unfinished)
        replace(unfinished, path)
    except BaseException:
        for left in (unfinished, path):
            with suppress(OSError):
                left.unlink()
        raise
    return path


def _recipe(file: Path) -> Recipe | None:
    """Return the recipe in a file that AceBridge has made; ``None`` of any other."""
    from acebridge.client.parents import read_recipe

    with suppress(InvalidValue, UnreadableAudio):
        return read_recipe(file)
    return None


def job_source(client: Client, job_id: str, title: str) -> Source:
    """Return a source of what a job of the daemon makes or has made: takes of one track, or stems in a folder of tracks."""
    from acebridge.client.follow import follow
    from acebridge.contract.fields import fields_of
    from acebridge.contract.tasks import method_of, unwrap
    from acebridge.hosts.jobfolder.job_run import PartFiles, describe_takes
    from acebridge.hosts.jobfolder.request import Part, Request
    from acebridge.v1 import jobs_pb2
    from acestep_runtime.tasks import TASKS

    job = client.call(client.jobs.GetJob, jobs_pb2.GetJobRequest(job_id=job_id))
    asked = unwrap(job.request)
    task = method_of(asked).task
    if TASKS[task].kind != "audio":
        raise InvalidValue(
            "job", job.id[:12], "a job that makes audio", message=f"Job {job.id[:12]} is {task}, which makes no audio."
        )
    part = Part(task, fields=cast("Mapping[str, JsonValue]", fields_of(asked)))
    request = Request(job.id, "", task, title or task, job.engine, None, None, "float32", (part,))

    def write(media: Path, folder: Path) -> Content:
        content = Content({}, title or task)

        def note(file: Path) -> Path:
            content.made.append(file)
            return file

        began = time.monotonic()
        try:
            with PartFiles(note, request, media) as files:
                completed = follow(client.watch(job.id), files)
            takes = describe_takes(request, part, completed, files.files, folder)
        except OSError as error:
            content.remove_files()
            raise unwritable(media, error, "Free some space there.", field="media", called="media folder") from error
        except BaseException:
            content.remove_files()
            raise
        roles = {output["role"] for take in takes for output in take["outputs"]}
        content.folder = content.title if len(roles) > 1 else ""
        content.result = {
            "version": VERSION, "id": job.id, "engine": completed.engine, "total_s": round(time.monotonic() - began, 3),
            "warnings": [], "parts": [{"task": task, "label": "", "takes": takes}],
        }  # fmt: skip
        return content

    return write
