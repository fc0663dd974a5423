"""``acebridge reaper``: what the scripts of REAPER start, and what keeps their folders in order."""

from __future__ import annotations

from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from acebridge.cli.options import Address, AsJson, NoAutostart

if TYPE_CHECKING:
    from collections.abc import Mapping

    from acebridge.hosts.jobfolder.job_run import Work

reaper = typer.Typer(help="Serve the scripts of REAPER.", no_args_is_help=True)
JobFolder = Annotated[str, typer.Argument(help="Job folder, as a path or a file: URL.", show_default=False)]
JobsFolder = Annotated[str, typer.Argument(help="Folder of job folders, a path or a file: URL.", show_default=False)]


@reaper.callback()
def note_command() -> None:
    """Serve the scripts of REAPER."""
    from acebridge.client.command_path import record

    record()


def _path(text: str) -> Path:
    from acebridge.hosts.jobfolder.urls import folder_of

    return Path(folder_of(text)).absolute()


@reaper.command()
def run(folder: JobFolder, address: Address = None, no_autostart: NoAutostart = False) -> None:
    """Perform the request in a job folder; status.json there tells how it goes, result.json what came of it."""
    from acebridge.hosts.jobfolder.run import run_named

    run_named(folder, address=address, autostart=not no_autostart)


@reaper.command()
def pending(jobs_folder: JobsFolder, json: AsJson = False) -> None:
    """List the jobs that wait or run, and the results that are on no track yet."""
    from acebridge.hosts.jobfolder.folders import pending

    jobs = pending(_path(jobs_folder))
    if json:
        rows = ({"id": job.folder.name, **job.__dict__, "folder": str(job.folder)} for job in jobs)
        typer.echo(dumps([{**row, "age_s": round(row["age_s"], 1)} for row in rows], ensure_ascii=False))
        return
    for job in jobs:
        typer.echo(f"{job.folder.name}  {job.state}  {job.title or job.action}")


@reaper.command()
def clean(
    jobs_folder: JobsFolder,
    days: Annotated[float, typer.Option("--days", min=0, help="Days after which all that do not run go.")] = 7,
) -> None:
    """Remove jobs that were placed, failed or cancelled over an hour ago, and old ones with the audio never placed."""
    from acebridge.hosts.jobfolder.folders import clean

    for folder in clean(_path(jobs_folder), days):
        typer.echo(f"removed {folder.name}")


@reaper.command()
def doctor(
    folder: Annotated[str | None, typer.Argument(help="Job folder that gets the findings.", show_default=False)] = None,
    json: AsJson = False,
    address: Address = None,
) -> None:
    """Check the installation, REAPER's folder and the scripts in it, and say what to do about what is wrong."""
    from acebridge.cli.doctor import examine, report
    from acebridge.hosts.jobfolder import VERSION
    from acebridge.hosts.reaper import doctor as of_reaper

    job = None if folder is None else _path(folder)

    def work(_: Work | None) -> Mapping[str, Any]:
        findings = [*examine(address), *of_reaper.examine(job)]
        return {"version": VERSION, "findings": [finding.__dict__ for finding in findings]}

    if job is None:
        result = work(None)
    else:
        from acebridge.hosts.jobfolder.run import supervise

        result = supervise(job, work)
    from acebridge.health_check import Finding

    report([Finding(**finding) for finding in result["findings"]], as_json=json)
