"""``acebridge help``: the same as ``--help``."""

from __future__ import annotations

from typing import Annotated, Optional

import typer


def show_help(
    words: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Argument(metavar="COMMAND", help="The command, such as jobs watch.", show_default=False),
    ] = None,
) -> None:
    """Show the help of a command."""
    from acebridge.cli.app import app

    app([*(words or ()), "--help"], prog_name="acebridge")
