"""``acebridge trust``: which daemons on other machines may be talked to, and with which token."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, Optional

import typer

from acebridge.cli import listing
from acebridge.cli.json_output import print_json
from acebridge.cli.options import AsJson
from acebridge.paths import data_folder

if TYPE_CHECKING:
    from acebridge.client.known_daemons import KnownDaemon

#: How the commands that trust a daemon are told what they would ask for.
Fingerprint = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(help="What `acebridge token show` says there; then nothing is asked.", show_default=False),
]
TokenFile = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(help="File that holds the token; else ACEBRIDGE_TOKEN counts, or it is asked.", show_default=False),
]


def trust(
    address: Annotated[str, typer.Argument(help="host:port of the daemon.", show_default=False)] = "",
    fingerprint: Fingerprint = None,
    token_file: TokenFile = None,
    show: Annotated[bool, typer.Option("--list", help="List the daemons that are trusted.")] = False,
    forget: Annotated[bool, typer.Option("--forget", help="Trust this one no more.")] = False,
    json: AsJson = False,
) -> None:
    """Trust the daemon on another machine, and note a token for it. Compare its fingerprint on that machine first."""
    from acebridge.client import known_daemons
    from acebridge.client.discovery import check_address

    home = data_folder()
    if show:
        _list(known_daemons.read_known(home), as_json=json)
        return
    check_address(address, "ADDRESS", example="studio.local:50710")
    if forget:
        known_daemons.forget(home, address)
        typer.echo(f"forgot {address}")
        return
    daemon = find_daemon(address, fingerprint, token_file)
    known_daemons.remember(home, address, daemon)
    if json:
        print_json(_facts(address, daemon))
        return
    typer.echo(f"trusted {address} with the certificate {daemon.fingerprint}")
    if not daemon.token:
        typer.echo("No token is noted for it: calls need ACEBRIDGE_TOKEN.", err=True)


def find_daemon(address: str, fingerprint: str | None, token_file: Path | None) -> KnownDaemon:
    """Return the daemon as the user wants it to be known, who is asked for what is missing.

    Raises what keeps it from being trusted.
    """
    from acebridge.certificates import fingerprint_of, parse_fingerprint
    from acebridge.client.channels import check_usable, fetch_certificate
    from acebridge.client.credentials import check_known
    from acebridge.client.known_daemons import KnownDaemon, find_known
    from acebridge.errors import Unauthenticated, Unavailable

    wanted = None if fingerprint is None else parse_fingerprint(fingerprint)
    try:
        certificate = fetch_certificate(address)
    except OSError as error:
        raise Unavailable(
            f"Nothing answers at {address}: {error.strerror or error}.",
            remedy="Start the daemon on its machine with `acebridge serve`, and let its firewall pass the port.",
        ) from error
    check_usable(address, certificate)
    found = fingerprint_of(certificate)
    known = find_known(data_folder(), address)
    if wanted is None:
        _ask(address, found, is_known=known is not None)
    elif wanted != found:
        raise Unauthenticated(
            f"The daemon at {address} has the certificate {found}, not {wanted}.",
            remedy="Look again on its machine with `acebridge token show`; if it prints the latter, somebody stands between.",
        )
    before = known.token if known is not None and known.fingerprint == found else ""
    daemon = KnownDaemon(certificate, _read_token(token_file) or before)
    if daemon.token:
        check_known(address, daemon)
    return daemon


def _ask(address: str, found: str, *, is_known: bool) -> None:
    """Ask whether a fingerprint is the right one; ``is_known`` says that one is trusted at this address already.

    Raises `InvalidValue` where nobody can answer.
    """
    from acestep_runtime.errors import InvalidValue

    if not sys.stdin.isatty():
        raise InvalidValue(
            "--fingerprint",
            "missing",
            "the fingerprint that `acebridge token show` prints on the other machine",
            message=f"Nobody is here to say whether {found} is the certificate of the daemon at {address}.",
            remedy=f"If it is, add `--fingerprint {found}`.",
        )
    typer.echo(f"The daemon at {address} has the certificate\n  {found}", err=True)
    typer.echo("Does `acebridge token show` print the same on its machine? [y/N] ", err=True, nl=False)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        _leave(address, is_known=is_known)


def _leave(address: str, *, is_known: bool) -> NoReturn:
    from acebridge.errors import ErrorReason, JobFailed

    if is_known:
        raise JobFailed(
            ErrorReason.CANCELLED,
            f"Nothing is changed: the certificate that you trusted at {address} before stays trusted.",
            remedy=f"To trust it no more, run `acebridge trust {address} --forget`.",
        )
    raise JobFailed(ErrorReason.CANCELLED, f"The daemon at {address} is not trusted, and nothing is noted.")


def _read_token(file: Path | None) -> str:
    """Return the token from a file, the environment or the keyboard; empty for none. Raises `InvalidValue`."""
    import os

    from acebridge.client.credentials import parse_token
    from acebridge.paths import TOKEN_VARIABLE

    if file is not None:
        return parse_token(file.read_text("utf-8", "replace"), "--token-file", required=True)
    if text := os.environ.get(TOKEN_VARIABLE, ""):
        return parse_token(text, TOKEN_VARIABLE)
    if not sys.stdin.isatty():
        return ""
    prompt = "Token, from `acebridge token new NAME --scope admin` there; it is not shown: "
    try:
        typed = getpass.getpass(prompt, sys.stderr)
    except EOFError:
        typed = ""
    return parse_token(typed, "the token")


def _facts(address: str, daemon: KnownDaemon) -> dict[str, str | bool]:
    return {"address": address, "certificate": daemon.fingerprint, "token": bool(daemon.token)}


def _list(known: dict[str, KnownDaemon], *, as_json: bool) -> None:
    facts = [_facts(address, daemon) for address, daemon in known.items()]
    if as_json:
        print_json(facts)
        return
    rows = ((str(each["address"]), str(each["certificate"]), "yes" if each["token"] else "no") for each in facts)
    listing.show(("address", "certificate", "token"), rows)
