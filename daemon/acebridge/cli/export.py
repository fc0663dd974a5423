"""``acebridge export``: a project for a DAW, from the results of jobs, from a song of sections, or from files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from acebridge.cli.options import Address, Bpm, NoAutostart

if TYPE_CHECKING:
    from collections.abc import Sequence

_JOB = re.compile("[0-9a-f]{1,32}")
_MEDIA = "audio"

What = Annotated[
    list[str],
    typer.Argument(
        metavar="JOBS|SONG|FILES",
        help="Jobs, each by its id or a unique prefix; or the plan or folder of a song from sections; or audio files, each"
        " a track; a folder is a folder of tracks.",
        show_default=False,
    ),
]
Out = Annotated[
    Path,
    typer.Option(
        "--out",
        "-o",
        help="Project to write: .dawproject, .rpp (REAPER) or .aaf (Pro Tools and others).",
        show_default=False,
    ),
]
TimeSignature = Annotated[
    str | None,
    typer.Option(
        "--time-signature", help="Meter, such as 3/4 or 6/8. Default: that of the music, or 4/4.", show_default=False
    ),
]
Title = Annotated[
    str | None, typer.Option("--title", help="Title of the project. Default: its name.", show_default=False)
]


def export(
    what: What,
    out: Out,
    bpm: Bpm = None,
    time_signature: TimeSignature = None,
    title: Title = None,
    address: Address = None,
    no_autostart: NoAutostart = False,
) -> None:
    """Write a project for a DAW: tracks with names and colours, items on exact frames, takes, tempo and markers."""
    from acebridge.cli.echo import echo
    from acebridge.cli.files import check_no_input
    from acebridge.project_files import arrange_files, arrange_song, check_target, find_song, write_project

    check_target(out)
    name, paths = title or out.stem, [Path(each) for each in what]
    if _are_jobs(what):
        notes = _export_jobs(what, out, name, bpm, time_signature, address, autostart=not no_autostart)
    else:
        check_no_input("--out", out, paths)
        song = next(filter(None, map(find_song, paths)), None)
        if song is None:
            arrangement, notes = arrange_files(paths, title=name, bpm=bpm, meter=time_signature)
        else:
            _check_alone(paths, song)
            arrangement, notes = arrange_song(song, title=title or "", bpm=bpm, meter=time_signature)
        notes += write_project(arrangement, out)
    for note in notes:
        typer.echo(f"warning: {note}", err=True)
    echo(f"{out}  (project)")


def _are_jobs(what: Sequence[str]) -> bool:
    """Return whether these are jobs, and not files. Raises `InvalidValue` where some are and others are not."""
    from acestep_runtime.errors import InvalidValue, printable

    jobs = [each for each in what if _JOB.fullmatch(each) and not Path(each).exists()]
    if jobs and len(jobs) < len(what):
        other = printable(next(each for each in what if each not in jobs), 200)
        raise InvalidValue(
            "JOBS|SONG|FILES", jobs[0], "jobs alone, or files alone",
            message=f"{jobs[0]} is a job, or a file that is not there, and {other} is no job: a project holds jobs or files.",
            remedy="Write a project for each, or give all of them as files.",
        )  # fmt: skip
    return bool(jobs)


def _check_alone(paths: Sequence[Path], song: Path) -> None:
    """Raise `InvalidValue` where something else is given beside a song."""
    from acestep_runtime.errors import InvalidValue, printable

    if len(paths) > 1:
        shown = printable(str(song), 200)
        raise InvalidValue(
            "JOBS|SONG|FILES", shown, "one song alone",
            message=f"{shown} is a song from sections: a project holds one song and nothing else.",
            remedy=f"Leave the others out, or give {printable(str(song / 'song.wav'), 200)} as a file.",
        )  # fmt: skip


def _check_folder_name(folder: Path) -> None:
    """Raise `InvalidValue` for a folder of audio that a REAPER project cannot name."""
    from acebridge.project_files.reaper import can_name
    from acestep_runtime.errors import InvalidValue, printable

    if not can_name(folder.name):
        shown = printable(folder.name, 200)
        raise InvalidValue(
            "--out", shown, "a name in one line of UTF-8, without one of each of \" ' `",
            message=f"A REAPER project cannot name the folder {shown}.",
            remedy="Choose another name with -o, or write another kind of project.",
        )  # fmt: skip


def _export_jobs(
    given: Sequence[str],
    out: Path,
    title: str,
    bpm: float | None,
    meter: str | None,
    address: str | None,
    *,
    autostart: bool,
) -> list[str]:
    """Fetch the audio of jobs and write their project. What the project holds itself is fetched into a temporary folder."""
    import tempfile
    from contextlib import ExitStack

    from acebridge.atomic_files import TEMPORARY_REMEDY
    from acebridge.cli.listing import whole_job_id
    from acebridge.client.asset_folder import fetch_assets
    from acebridge.client.connection import connect
    from acebridge.project_files import arrange_jobs, write_project
    from acebridge.project_files.from_job import job_files
    from acebridge.v1 import jobs_pb2
    from acestep_runtime.errors import InvalidValue

    is_beside = out.suffix.lower() == ".rpp"
    folder = out.with_name(f"{out.stem} {_MEDIA}")
    if is_beside:
        _check_folder_name(folder)
    with ExitStack() as stack:
        client = stack.enter_context(connect(address, autostart=autostart))
        ids = dict.fromkeys(whole_job_id(client, each) for each in given)  # each once
        jobs = [client.call(client.jobs.GetJob, jobs_pb2.GetJobRequest(job_id=job_id)) for job_id in ids]
        wanted: dict[str, str] = {}
        for job in jobs:
            wanted = job_files(job) | wanted
        if not is_beside:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="acebridge-")))
        try:
            files = fetch_assets(client, wanted, folder)
        except InvalidValue as error:
            if not is_beside:
                error.remedy = TEMPORARY_REMEDY
            raise
        arrangement, notes = arrange_jobs(jobs, files, title=title, bpm=bpm, meter=meter)
        return notes + write_project(arrangement, out, files)
