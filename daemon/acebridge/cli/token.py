"""``acebridge token``: the daemon's own token, and further ones for other programs, each with what it may do."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Annotated

import typer

from acebridge.cli import listing
from acebridge.cli.json_output import print_json
from acebridge.cli.options import AsJson
from acebridge.paths import data_folder
from acebridge.tokens import NamedToken, Scope

if TYPE_CHECKING:
    from acestep_runtime.values import Json

Name = Annotated[str, typer.Argument(help="Name of the token.", show_default=False)]

token = typer.Typer(
    help="Make, list and revoke tokens for other programs. `acebridge` itself needs none of these.",
    no_args_is_help=True,
)


@token.command("new")
def new_token(
    name: Annotated[str, typer.Argument(help="Name to list and revoke it by.", show_default=False)],
    scope: Annotated[
        list[Scope],
        typer.Option(
            help="submit: make music and follow it; read: list and fetch everything; admin: all, also delete and stop."
            " Repeat for more."
        ),
    ] = [Scope.SUBMIT],  # noqa: B006 - typer copies it
    json: AsJson = False,
) -> None:
    """Make a token and print it, this once. It counts at once, and until it is revoked."""
    from acebridge.audit import AuditLog
    from acebridge.tokens import add_token

    made = add_token(data_folder(), name, scope)
    AuditLog(data_folder()).note("token made", name=name, scopes=", ".join(each.value for each in scope))
    if json:
        print_json({"name": name, "scopes": [each.value for each in scope], "token": made})
        return
    typer.echo(made)
    typer.echo("It is not shown again. Other programs read it from ACEBRIDGE_TOKEN.", err=True)


@token.command("show")
def show_token(
    name: Annotated[str, typer.Argument(help="Name of a token.", show_default="the daemon's own")] = "",
    json: AsJson = False,
) -> None:
    """Print the daemon's own token, or what is known of another one. Each start of the daemon makes a new own one.

    Where the daemon serves other machines, the fingerprint of its certificate too, to standard error.
    """
    from acebridge.certificates import fingerprint_of
    from acebridge.client.own_daemon import read_own_daemon, read_token
    from acebridge.errors import Unavailable
    from acebridge.tokens import find_token, read_tokens

    if name:
        found = find_token(read_tokens(data_folder()), name)
        if json:
            print_json(_facts(found))
        else:
            _show([found])
        return
    own = read_token(data_folder())
    if not own:
        raise Unavailable("There is no token yet: no daemon has run.", remedy="Start one with `acebridge serve`.")
    certificate = read_own_daemon(data_folder()).certificate
    fingerprint = fingerprint_of(certificate) if certificate else ""
    if json:
        print_json({"token": own, "certificate": fingerprint} if fingerprint else {"token": own})
        return
    typer.echo(own)
    if fingerprint:
        typer.echo(f"certificate: {fingerprint}", err=True)


@token.command("list")
def list_tokens(json: AsJson = False) -> None:
    """List the tokens that were made, oldest first. Of the token itself only a hash is kept."""
    from acebridge.tokens import read_tokens

    found = read_tokens(data_folder())
    if json:
        print_json([_facts(each) for each in found])
    else:
        _show(found)


@token.command("revoke")
def revoke_token(name: Name) -> None:
    """Forget a token: a running daemon refuses it from the next call on, and ends the calls that it began."""
    from acebridge.audit import AuditLog
    from acebridge.tokens import revoke_token

    revoke_token(data_folder(), name)
    AuditLog(data_folder()).note("token revoked", name=name)
    typer.echo(f"revoked {name}")


def _facts(known: NamedToken) -> dict[str, Json]:
    return {"name": known.name, "scopes": [each.value for each in known.scopes], "created": _time(known)}


def _show(tokens: list[NamedToken]) -> None:
    rows = ((each.name, ", ".join(scope.value for scope in each.scopes), _time(each)) for each in tokens)
    listing.show(("name", "scopes", "created"), rows)


def _time(known: NamedToken) -> str:
    return datetime.fromtimestamp(known.created, timezone.utc).isoformat(timespec="seconds")
