"""``acebridge host``: what the scripts of a DAW start, and what keeps their job folders in order; ``acebridge reaper`` is the
same for the scripts of REAPER."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from acebridge.cli.json_output import print_json
from acebridge.cli.options import Address, AsJson, NoAutostart

if TYPE_CHECKING:
    from acebridge.hosts.jobfolder.documents import DoctorFile

JobFolder = Annotated[str, typer.Argument(help="Job folder, as a path or a file: URL.", show_default=False)]
JobsFolder = Annotated[str, typer.Argument(help="Folder of job folders, a path or a file: URL.", show_default=False)]
DoctorFolder = Annotated[str | None, typer.Argument(help="Job folder that gets the findings.", show_default=False)]
InstallName = Annotated[str, typer.Argument(help="The DAW: ardour.", show_default=False)]
HostName = Annotated[str, typer.Option("--host", help="Also run the checks of this host, such as reaper.")]


def _path(text: str) -> Path:
    from acebridge.hosts.jobfolder.urls import folder_of

    return Path(folder_of(text)).absolute()


def record_command() -> None:
    """Note where this command is, for the next script that looks for it."""
    from acebridge.client.command_path import record

    record()


def run(folder: JobFolder, address: Address = None, no_autostart: NoAutostart = False) -> None:
    """Run the request in a job folder. status.json shows its progress, result.json its result."""
    from acebridge.hosts.jobfolder.run import run_named

    run_named(folder, address=address, autostart=not no_autostart)


def pending(jobs_folder: JobsFolder, json: AsJson = False) -> None:
    """List waiting and running jobs, and results that are not on a track yet."""
    from acebridge.hosts.jobfolder.folders import pending
    from acestep_runtime.errors import printable

    jobs = pending(_path(jobs_folder))
    if json:
        rows = ({"id": job.folder.name, **job.__dict__, "folder": str(job.folder)} for job in jobs)
        print_json([{**row, "age_s": round(row["age_s"], 1)} for row in rows])
        return
    for job in jobs:
        typer.echo(printable(f"{job.folder.name}  {job.state}  {job.title or job.action}", 300))


def clean(
    jobs_folder: JobsFolder,
    days: Annotated[
        float, typer.Option("--days", min=0, help="Days after which every job that does not run is removed.")
    ] = 7,
) -> None:
    """Remove jobs that were placed, failed or cancelled over an hour ago, and old jobs with audio that was never placed."""
    from acebridge.hosts.jobfolder.folders import clean

    for folder in clean(_path(jobs_folder), days):
        typer.echo(f"removed {folder.name}")


def doctor(
    folder: DoctorFolder = None, host: HostName = "generic", json: AsJson = False, address: Address = None
) -> None:
    """Check the installation and what the scripts need, and say how to fix what is wrong."""
    from acebridge.cli import doctor
    from acebridge.health_check import Finding
    from acebridge.hosts.jobfolder import VERSION
    from acebridge.hosts.jobfolder.run import supervise
    from acebridge.hosts.registry import HOSTS
    from acebridge.version import VERSION as COMMAND_VERSION
    from acestep_runtime.errors import InvalidValue

    if host not in HOSTS:
        raise InvalidValue("--host", host, ", ".join(HOSTS))
    job = None if folder is None else _path(folder)

    def examine() -> DoctorFile:
        findings = [*doctor.examine(address), *HOSTS[host](job)]
        return {
            "version": VERSION,
            "command_version": COMMAND_VERSION,
            "findings": [{"about": f.about, "ok": f.ok, "says": f.says, "remedy": f.remedy} for f in findings],
        }

    result = examine() if job is None else supervise(job, lambda _: examine())
    doctor.report([Finding(**finding) for finding in result["findings"]], as_json=json)


def reaper_doctor(folder: DoctorFolder = None, json: AsJson = False, address: Address = None) -> None:
    """Check the installation, REAPER's folder and the scripts in it, and say how to fix what is wrong."""
    doctor(folder, "reaper", json, address)


def install(
    name: InstallName,
    port: Annotated[int, typer.Option("--port", help="Port that `acebridge osc follow` listens at.")] = 50712,
) -> None:
    """Put the scripts of AceBridge into a DAW's folder, and say what to click there."""
    from acebridge.hosts.ardour.install import INSTALL_STEPS, install

    _check_installable(name)
    _show("wrote", install(port), INSTALL_STEPS)


def uninstall(name: InstallName) -> None:
    """Remove the scripts of AceBridge from a DAW's folder."""
    from acebridge.hosts.ardour.install import UNINSTALL_STEPS, uninstall

    _check_installable(name)
    _show("removed", uninstall(), UNINSTALL_STEPS)


def _check_installable(name: str) -> None:
    from acestep_runtime.errors import InvalidValue

    if name != "ardour":
        remedy = (
            "For REAPER, install the scripts with ReaPack, or copy them into the folder Scripts of its resource folder."
        )
        raise InvalidValue("NAME", name, "ardour", remedy=remedy)


def _show(verb: str, files: Sequence[Path], steps: Sequence[str]) -> None:
    from acestep_runtime.errors import printable

    for file in files:
        typer.echo(printable(f"{verb} {file}", 1000))
    for step in steps:
        typer.echo(step)


def _group(about: str, doctor: Callable[..., None]) -> typer.Typer:
    """Return the commands of a host."""
    group = typer.Typer(help=about, no_args_is_help=True, callback=record_command)
    for command in (run, pending, clean):
        group.command()(command)
    group.command("doctor")(doctor)
    return group


host = _group("Serve the scripts of any DAW through job folders.", doctor)
for command in (install, uninstall):
    host.command()(command)
reaper = _group("Serve the scripts of REAPER.", reaper_doctor)
