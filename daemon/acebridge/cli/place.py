"""``acebridge place``: a finished job, or audio files, into the project that is open in a DAW."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from acebridge.cli.echo import echo
from acebridge.cli.json_output import print_json
from acebridge.cli.options import Address, AsJson, NoAutostart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from acebridge.hosts.jobfolder.placing import PlaceReport, Source
    from acebridge.hosts.registry import Inbox

What = Annotated[
    list[str],
    typer.Argument(
        help="Id of a job, or a unique prefix; or audio files, each for a track. A folder is a set of stems.",
        show_default=False,
        metavar="JOB|FILE…",
    ),
]
Host = Annotated[str, typer.Option("--host", help="The DAW: reaper or ardour.")]
InboxFolder = Annotated[
    Path | None, typer.Option("--inbox", help="Inbox of a DAW that is installed elsewhere.", show_default=False)
]
Project = Annotated[
    str | None,
    typer.Option("--project", help="Open project, by name or file. Default: the one shown.", show_default=False),
]
At = Annotated[
    str,
    typer.Option(
        "--at", metavar="PLACE", help="Where its source begins: seconds, 1:30.5, bar 17, cursor or selection."
    ),
]
AsTake = Annotated[
    bool, typer.Option("--as-take", help="Onto the selected item, if that is at the same place and as long.")
]
Wait = Annotated[
    float, typer.Option("--wait", min=0, help="Seconds to wait until it is placed; 0 leaves it in the inbox.")
]


def place(
    what: What,
    host: Host = "reaper",
    project: Project = None,
    at: At = "cursor",
    as_take: AsTake = False,
    wait: Wait = 30.0,
    inbox: InboxFolder = None,
    json: AsJson = False,
    address: Address = None,
    no_autostart: NoAutostart = False,
) -> None:
    """Place a finished job, or audio files, on tracks of the project that is open in a DAW."""
    from acebridge.client.connection import check_own_machine, connect
    from acebridge.hosts.jobfolder.places import parse_place
    from acebridge.hosts.jobfolder.placing import files_source, job_source

    target, folder = _inbox(host, inbox)
    position = parse_place(at)

    def run(source: Source) -> PlaceReport:
        from acebridge.hosts.jobfolder.placing import place

        return place(
            folder, source, host=target.name, start=target.start, project=project, at=position, as_take=as_take, wait_s=wait
        )  # fmt: skip

    files = _files(what)
    if files:
        placed = run(files_source(files))
    else:
        from acebridge.cli import listing
        from acebridge.cli.request_words import title_of
        from acebridge.v1 import jobs_pb2

        with connect(address, autostart=not no_autostart) as client:
            check_own_machine(client)
            job_id = listing.whole_job_id(client, what[0])
            job = client.call(client.jobs.GetJob, jobs_pb2.GetJobRequest(job_id=job_id))
            placed = run(job_source(client, job.id, title_of(job)))
    _report(placed, target.name, as_json=json)


def _inbox(host: str, given: Path | None) -> tuple[Inbox, Path]:
    from acebridge.hosts.registry import INBOXES
    from acestep_runtime.errors import InvalidValue

    if host not in INBOXES:
        raise InvalidValue("--host", host, ", ".join(INBOXES))
    folder = given or INBOXES[host].folder()
    if folder is None:
        raise InvalidValue(
            "--inbox", "", "the folder AceBridge/inbox, in Ardour acebridge/inbox, of the DAW's own folder"
        )
    return INBOXES[host], folder.absolute()


def _files(what: Sequence[str]) -> list[Path]:
    """Return what is named as files; nothing for the id of a job. Raises `InvalidValue` for anything else."""
    from acestep_runtime.errors import InvalidValue, printable

    files = [Path(each) for each in what if Path(each).exists()]
    if files and len(files) == len(what):
        return files
    missing = next(each for each in what if not Path(each).exists())
    if len(what) > 1 or not re.fullmatch(r"[0-9a-fA-F]{1,32}", missing):
        raise InvalidValue(
            "JOB|FILE", printable(missing), "the id of one job, or audio files that are there",
            remedy="`acebridge jobs` lists the ids.",
        )  # fmt: skip
    return []


def _report(placed: PlaceReport, host: str, *, as_json: bool) -> None:
    """Print what became of it. Raises `Conflict` for a refusal."""
    placed.check()
    answer = placed.answer
    if as_json:
        print_json(
            {
                "state": answer.state,
                "message": answer.message,
                "project": placed.project.name,
                "position_s": answer.position_s,
                "files": [str(file) for file in placed.files],
            }
        )
        return
    echo(placed.sentence(host))
