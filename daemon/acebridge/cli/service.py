"""``acebridge service``: have the system start the daemon at every log-in."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from acebridge.cli.json_output import print_json
from acebridge.cli.options import AsJson
from acebridge.paths import data_folder

if TYPE_CHECKING:
    from acebridge.system_service.base import Program

service = typer.Typer(
    help="Have the system start the daemon at log-in and after a failure: systemd, launchd or the Task Scheduler.",
    no_args_is_help=True,
)


def _program() -> Program:
    from acebridge.client.command_path import WINDOWLESS_NAME, background_command, own_command
    from acebridge.system_service.base import Program

    words, command = background_command(), own_command()
    if command is not None and not words[0].endswith(WINDOWLESS_NAME):
        words = (str(command),)
    folder = data_folder()
    return Program((*words, "serve", "--home", str(folder)), folder)


@service.command("install")
def install_service(
    show: Annotated[
        bool, typer.Option("--print", help="Print the file of the service; write and start nothing.")
    ] = False,
    system: Annotated[
        str, typer.Option("--system", help="With --print: of linux, darwin or win32.", show_default="this one")
    ] = "",
) -> None:
    """Install and start the service; it replaces a running daemon. Run this again after an update or a move."""
    from acebridge.config import load_settings
    from acebridge.errors import Conflict
    from acebridge.system_service.install import check_program, install
    from acebridge.system_service.registry import service_of

    wanted, program = service_of(system), _program()
    if show:
        typer.echo(wanted.text(program), nl=False)
        return
    if system not in ("", sys.platform):
        raise Conflict(f"--system {system} is not this system.", remedy="Use it with --print only.")
    check_program(wanted)
    settings = load_settings()  # a wrong one is said now, not by a service that does not start
    for name, origin in settings.origins.items():
        if origin.startswith("the environment"):
            typer.echo(f"warning: {name} comes from {origin}, which the service does not see.", err=True)
    _stop_running_daemon()
    file = install(wanted, program)
    typer.echo(f"The {wanted.name} {file} runs `acebridge serve` now and at every log-in.")


@service.command("uninstall")
def uninstall_service() -> None:
    """Stop the service and remove it. Settings, audio and models stay."""
    from acebridge.system_service.install import uninstall
    from acebridge.system_service.registry import service_of

    wanted = service_of()
    file = uninstall(wanted, data_folder())
    typer.echo(f"removed {file}" if file else f"There is no {wanted.name}.")


@service.command("status")
def show_service(json: AsJson = False) -> None:
    """Show whether the service is installed and active, and whether a daemon answers."""
    from acebridge.client import discovery
    from acebridge.client.own_daemon import address_in
    from acebridge.system_service.install import is_active
    from acebridge.system_service.registry import service_of

    wanted, home = service_of(), data_folder()
    file = wanted.file(home)
    installed, address = file.exists(), address_in(home)
    active, answers = installed and is_active(wanted), discovery.serves(address, home)
    if json:
        print_json({"service": wanted.name, "file": str(file), "installed": installed, "active": active,
                    "address": address if answers else ""})  # fmt: skip
        return
    typer.echo(
        f"{wanted.name}: {'installed' if installed else 'not installed'}, {'active' if active else 'not active'}"
    )
    typer.echo(f"file: {file}")
    typer.echo(f"daemon: {f'answers at {address}' if answers else 'does not answer'}")


def _stop_running_daemon() -> None:
    """Stop the user's own daemon, whose folder the service needs. Raises `Conflict` when it is at work."""
    from acebridge.client import discovery
    from acebridge.client.client import Client
    from acebridge.client.own_daemon import address_in
    from acebridge.client.restart import stop_daemon
    from acebridge.errors import Conflict, ErrorReason, JobFailed

    address = address_in(data_folder())
    if not discovery.serves(address, data_folder()):
        return
    with Client(address) as client:
        try:
            stop_daemon(client, data_folder(), only_if_idle=True)
        except JobFailed as refused:
            if refused.kind is not ErrorReason.CONFLICT:
                raise
            raise Conflict(
                "The daemon that runs now is at work.",
                remedy="Wait for its jobs, or stop it with `acebridge stop`; they go on with the service.",
            ) from refused
