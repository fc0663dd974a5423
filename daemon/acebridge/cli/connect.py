"""``acebridge connect`` and ``disconnect``: the daemon on another machine that does neural work for the one of this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from acebridge.cli.json_output import print_json
from acebridge.cli.options import AsJson
from acebridge.cli.trust import Fingerprint, TokenFile, find_daemon
from acebridge.client.remote_daemon import cancel_work, problem_with
from acebridge.paths import data_folder

if TYPE_CHECKING:
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
    problem, before = problem_with(address), _remote_address()
    is_new = _write(address, before)
    if json:
        print_json(_facts(address, problem))
        return
    typer.echo(f"{'connected' if is_new else 'connected already'}: neural jobs go to {address}")
    if problem:
        typer.echo(f"note: {problem} Neural jobs wait until it works.", err=True)


def disconnect() -> None:
    """Have no other machine do work for the daemon of this machine; jobs at work there are cancelled, and begin again here."""
    address = _remote_address()
    if not address:
        typer.echo("not connected")
        return
    _write("", address)
    typer.echo(f"disconnected from {address}")


def _count_work(address: str) -> int:
    """Return how many jobs at ``address`` do work for jobs here."""
    from acebridge.client.forwarded import read_notes

    return len(list(read_notes(data_folder(), address)))


def _cancel_work(address: str, count: int) -> None:
    """Cancel the ``count`` jobs at ``address`` that do work for jobs here, and say what becomes of them."""
    left, why = cancel_work(address) if count else (0, "")
    if count > left:
        typer.echo(
            f"note: {_jobs(count - left)} cancelled there. What still waits for it begins again, or fails where its model"
            " is missing.",
            err=True,
        )
    if left:
        typer.echo(
            f"note: {_jobs(left)} still at work there: {why} After `acebridge connect {address}` the daemon cancels there what"
            " no job here waits for.",
            err=True,
        )


def _jobs(count: int) -> str:
    return "1 job is" if count == 1 else f"{count} jobs are"


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


def _write(address: str, before: str) -> bool:
    """Write the setting, and have the daemon take it up. Says what the user has to do, where there is something.

    Returns whether the setting is new, for the file or for the daemon; one that has it already goes on. A daemon that follows
    jobs at the address ``before`` would go on with them, so it starts again although it is at work; its own jobs go on after
    that. Jobs there are cancelled while it is stopped: once it runs, it notes where it sends them now.
    """
    import os

    from acebridge.client.restart import restart_own
    from acebridge.config import VARIABLES
    from acebridge.settings_file import write_setting

    write_setting(data_folder(), _SETTING, address)
    if os.environ.get(VARIABLES[_SETTING]):
        typer.echo(f"note: the environment variable {VARIABLES[_SETTING]} counts more than this.", err=True)
    count = _count_work(before) if before not in ("", address) else 0
    if not count and _is_taken_up(address):
        return address != before
    if not restart_own(only_if_idle=not count, meanwhile=lambda: _cancel_work(before, count)):
        typer.echo(
            "note: the daemon is at work; run `acebridge stop` later, the next command starts it again.", err=True
        )
    return True


def _is_taken_up(address: str) -> bool:
    """Return whether the user's own daemon is connected to ``address``, or will be: it reads the setting when it starts."""
    from acebridge.addresses import plain_address
    from acebridge.client.restart import get_own_status

    status = get_own_status()
    known = "" if status is None else status.remote.address
    return status is None or (plain_address(known) if known else "") == address
