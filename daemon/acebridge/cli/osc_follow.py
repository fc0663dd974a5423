"""``acebridge osc follow``: what is selected in a DAW fills the session of the OSC bridge."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Daw = Annotated[str, typer.Argument(metavar="DAW", help="The DAW: reaper or ardour.", show_default=False)]


def follow(
    daw_name: Daw,
    daw: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Where the DAW listens (REAPER 8000, Ardour 3819).", show_default=False),
    ] = None,
    listen: Annotated[
        int | None,
        typer.Option(
            min=1, max=65535, help="Port that the DAW sends to (REAPER 9000, Ardour 50712).", show_default=False
        ),
    ] = None,
    bridge: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT", help="Where the bridge listens (that of this data folder).", show_default=False
        ),
    ] = None,
    resources: Annotated[
        Path | None,
        typer.Option(help="Resource folder of a portable REAPER.", show_default=False),
    ] = None,
) -> None:
    """Fill the OSC session from a DAW's range, tempo, track and clip until Ctrl-C: see docs/osc.md."""
    import signal
    from threading import Event

    from acebridge.hosts.osc.surfaces.run import follow
    from acebridge.hosts.reaper.paths import resource_folder

    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    follow(
        daw_name,
        daw=daw,
        bridge=bridge,
        listen=listen,
        resources=resources or resource_folder(),
        say=_say,
        is_stopping=stop.is_set,
    )


def _say(words: str) -> None:
    from acestep_runtime.errors import printable

    typer.echo(printable(words, 1000))
