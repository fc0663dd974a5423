"""``acebridge export``: a project for a DAW, from the results of a job or from files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from acebridge.cli.options import Address, NoAutostart

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from acebridge.client.client import Client
    from acebridge.v1 import jobs_pb2

_JOB = re.compile("[0-9a-f]{1,32}")
_MEDIA = "audio"

What = Annotated[
    list[str],
    typer.Argument(
        metavar="JOB|FILES",
        help="A job, by its id or a unique prefix; or audio files, each a track; a folder is a folder of tracks.",
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
Bpm = Annotated[float | None, typer.Option("--bpm", help="Tempo. Default: that of the music.", show_default=False)]
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
    from acebridge.project_files import arrange_files, write_project, writer_for

    writer_for(out)
    name = title or out.stem
    if len(what) == 1 and _JOB.fullmatch(what[0]) and not Path(what[0]).exists():
        notes = _export_job(what[0], out, name, bpm, time_signature, address, autostart=not no_autostart)
    else:
        paths = [Path(each) for each in what]
        check_no_input("--out", out, paths)
        arrangement, notes = arrange_files(paths, title=name, bpm=bpm, meter=time_signature)
        notes += write_project(arrangement, out)
    for note in notes:
        typer.echo(f"warning: {note}", err=True)
    echo(f"{out}  (project)")


def _export_job(
    given: str, out: Path, title: str, bpm: float | None, meter: str | None, address: str | None, *, autostart: bool
) -> list[str]:
    """Fetch a job's audio and write its project. What the project holds itself is fetched into a temporary folder."""
    import tempfile
    from contextlib import ExitStack

    from acebridge.cli.listing import whole_job_id
    from acebridge.client.connection import connect
    from acebridge.project_files import arrange_job, write_project
    from acebridge.v1 import jobs_pb2

    with ExitStack() as stack:
        client = stack.enter_context(connect(address, autostart=autostart))
        job_id = whole_job_id(client, given)
        job = client.call(client.jobs.GetJob, jobs_pb2.GetJobRequest(job_id=job_id))
        if out.suffix.lower() == ".rpp":
            folder = out.with_name(f"{out.stem} {_MEDIA}")
        else:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="acebridge-")))
        files = _fetch(client, job, folder)
        arrangement, notes = arrange_job(job, files, title=title, bpm=bpm, meter=meter)
        return notes + write_project(arrangement, out, files)


def _fetch(client: Client, job: jobs_pb2.Job, folder: Path) -> Mapping[str, Path]:
    """Download the assets that the project of a job needs into ``folder``; a file that is there already is kept."""
    from acebridge.atomic_files import check_writable, write_whole
    from acebridge.project_files.from_job import job_files

    wanted = job_files(job)
    check_writable(folder)
    files: dict[str, Path] = {}
    for asset_id, name in wanted.items():
        path = _name_for(folder, name, asset_id, taken=list(files.values()))
        if not path.exists():
            write_whole(path, client.download(asset_id))
        files[asset_id] = path
    return files


def _name_for(folder: Path, name: str, asset_id: str, taken: Sequence[Path]) -> Path:
    """Return the file for an asset: one that holds it already, else one with a name that is still free."""
    import itertools

    from acestep_runtime.file_hashes import hash_file

    whole = Path(name)
    names = (name if number == 1 else f"{whole.stem} ({number}){whole.suffix}" for number in itertools.count(1))
    for path in (folder / each for each in names):
        if path not in taken and (not path.exists() or (path.is_file() and hash_file(path) == asset_id)):
            return path
    raise AssertionError("there is always another number")
