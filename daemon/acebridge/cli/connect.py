"""``acebridge connect`` and ``disconnect``: the daemon on another machine that does neural work for the one of this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from acebridge.cli.json_output import print_json
from acebridge.cli.options import AsJson
from acebridge.cli.trust import Fingerprint, TokenFile, find_daemon
from acebridge.paths import data_folder

if TYPE_CHECKING:
    from acebridge.v1 import daemon_pb2
    from acestep_runtime.values import Json

_SETTING = "remote"


def connect(
    host: Annotated[
        str,
        typer.Argument(
            help="Host, or host:port, of the daemon; without it, say what is connected.", show_default=False
        ),
    ] = "",
    fingerprint: Fingerprint = None,
    token_file: TokenFile = None,
    json: AsJson = False,
) -> None:
    """Have the daemon on another machine do neural work; everything here keeps talking to the daemon of this machine."""
    if not host:
        _show(as_json=json)
        return
    _check_workers()
    address = _address(host)
    _make_trusted(address, fingerprint, token_file)
    problem = problem_with(address)
    _write(address)
    if json:
        print_json(_facts(address, problem))
        return
    typer.echo(f"connected: neural jobs go to {address}")
    if problem:
        typer.echo(f"note: {problem} Neural jobs wait until it works.", err=True)


def disconnect() -> None:
    """Have no other machine do work for the daemon of this machine."""
    from acebridge.client.forwarded import read_notes

    address = _remote_address()
    if not address:
        typer.echo("not connected")
        return
    waiting = len(list(read_notes(data_folder(), address)))
    _write("")
    typer.echo(f"disconnected from {address}")
    if waiting:
        jobs = "1 job is" if waiting == 1 else f"{waiting} jobs are"
        typer.echo(f"note: {jobs} at work there. They begin again here, or fail where models are missing.", err=True)


def _show(*, as_json: bool) -> None:
    address = _remote_address()
    problem = problem_with(address) if address else ""
    if as_json:
        print_json(_facts(address, problem))
    elif not address:
        typer.echo("not connected")
    else:
        typer.echo(f"connected to {address}: {problem or 'it answers'}")


def _facts(address: str, problem: str) -> dict[str, Json]:
    facts: dict[str, Json] = {"connected": bool(address)}
    if address:
        facts |= {"address": address, "up": not problem}
    return {**facts, "problem": problem} if problem else facts


def describe_remote(remote: daemon_pb2.RemoteDaemon) -> str:
    """Return in a line what a daemon says of the one that it is connected to."""
    state = f"version {remote.version}, up" if remote.up else remote.problem or "it has not answered yet"
    return f"{remote.address}: {state}"


def _remote_address() -> str:
    """Return the setting, also where the workers are on a cluster: who disconnects has to get rid of it."""
    from acebridge.config import load_config
    from acebridge.ray_address import LOCAL

    return load_config(workers=LOCAL).remote


def _check_workers() -> None:
    """Raise `InvalidSetting` where the workers are on a cluster: a daemon does not start with both."""
    from acebridge.config import load_config
    from acebridge.errors import InvalidSetting
    from acebridge.ray_address import LOCAL

    workers = load_config(remote="").workers
    if workers != LOCAL:
        raise InvalidSetting(
            f"Setting workers is {workers!r}, and a daemon with workers on a cluster is connected to no other daemon.",
            remedy=f'Set workers to "{LOCAL}" in config.toml first.',
        )


def _address(host: str) -> str:
    """Return the address that the user names. Raises `InvalidValue` for one that is none, or of the daemon of this machine."""
    from acebridge.addresses import is_address, join_address, plain_address
    from acebridge.client.discovery import check_address
    from acebridge.client.own_daemon import read_own_daemon
    from acebridge.config import DEFAULT_PORT
    from acestep_runtime.errors import InvalidValue

    address = host if is_address(host) else join_address(host.removeprefix("[").removesuffix("]"), DEFAULT_PORT)
    check_address(address, "HOST", example="studio.local or studio.local:50710")
    if read_own_daemon(data_folder()).serves_at(address):
        raise InvalidValue("HOST", host, "another machine", remedy="This is the daemon of your own data folder.")
    return plain_address(address)


def _make_trusted(address: str, fingerprint: str | None, token_file: Path | None) -> None:
    """See that there is a certificate and a token for ``address``; ask for what is missing, as `acebridge trust` does."""
    from acebridge.client.known_daemons import find_known, remember
    from acestep_runtime.errors import InvalidValue

    home = data_folder()
    known = find_known(home, address)
    if known is not None and known.token and fingerprint is None and token_file is None:
        return
    daemon = find_daemon(address, fingerprint, token_file)
    if not daemon.token:
        raise InvalidValue(
            "--token-file",
            "missing",
            "a file with the token that `acebridge token new NAME --scope admin` prints on the other machine",
            message=f"There is no token for the daemon at {address}.",
            remedy="Name its file with --token-file, or set ACEBRIDGE_TOKEN.",
        )
    remember(home, address, daemon)


def problem_with(address: str) -> str:
    """Return what keeps the daemon at ``address`` from doing work now; empty for nothing."""
    from acebridge.addresses import split_address
    from acebridge.client.channels import check_certificate, route_to, unknown_daemon
    from acebridge.client.credentials import check_known
    from acebridge.client.known_daemons import find_known
    from acebridge.errors import AceBridgeError

    home = data_folder()
    try:
        known = find_known(home, address)
        if known is None or not known.token:
            raise unknown_daemon(address)
        check_certificate(route_to(address, home))
        check_known(address, known)
    except OSError:
        return f"{split_address(address)[0]} does not answer."
    except AceBridgeError as error:
        return f"{error.message} {error.remedy}".rstrip()
    return ""


def _write(address: str) -> None:
    """Write the setting, and have the daemon take it up. Says what the user has to do, where there is something."""
    import os

    from acebridge.client.restart import restart_idle
    from acebridge.config import VARIABLES
    from acebridge.settings_file import write_setting

    write_setting(data_folder(), _SETTING, address)
    if os.environ.get(VARIABLES[_SETTING]):
        typer.echo(f"note: the environment variable {VARIABLES[_SETTING]} counts more than this.", err=True)
    if not restart_idle():
        typer.echo(
            "note: the daemon is at work; run `acebridge stop` later, the next command starts it again.", err=True
        )
