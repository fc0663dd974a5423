"""Questions to a person at a terminal. Nothing is ever asked in a script."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from acebridge.errors import JobFailed

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
#: How the remedy of an error names a model to download.
_PULL = re.compile(r"`acebridge models pull ([\w.-]+)`")


def confirm(question: str, *, yes: bool) -> bool:
    """Return whether a person says yes. Raises `InvalidValue` where nobody can be asked and ``yes`` was not given."""
    if yes:
        return True
    if not _is_terminal():
        from acestep_runtime.errors import InvalidValue

        message = "Nothing was changed, because there is no terminal to ask in."
        raise InvalidValue("--yes", "not given", "--yes in a script", message=message, remedy="Give --yes.")
    return _ask(question)


def offer_model(run: Callable[[], None], *, can_ask: bool) -> None:
    """Call ``run``; where a model is missing, ask whether to download it, and call it again.

    Asks only if it ``can_ask``, at a terminal, and where the daemon is this machine's. Raises what ``run`` and the download
    raise.
    """
    try:
        run()
    except JobFailed as error:
        found = _PULL.search(error.remedy)
        if found is None or not can_ask or "ACEBRIDGE_ADDRESS" in os.environ or not _is_terminal():
            raise
        if not _ask(_question(error.message, found[1])):
            raise
    else:
        return
    from acebridge.cli.models import download

    download(found[1])
    run()


def _question(message: str, name: str) -> str:
    from acestep_runtime.weights.catalogue import RELEASES, download_bytes, full_name

    release = RELEASES.get(full_name(name))
    size = "" if release is None else f", about {download_bytes(release) / 1e9:.1f} GB"
    return f"{message} Download {name} now{size}?"


def _ask(question: str) -> bool:
    """Return the answer to a question; Ctrl-C, and an end of the input, end the command."""
    try:
        return typer.confirm(question, err=True)
    except typer.Abort:
        raise KeyboardInterrupt from None


def _is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()
