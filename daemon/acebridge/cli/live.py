"""``acebridge live``: actions in Ableton Live. The bridge goes into Live once, the program runs while one works."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from acebridge.cli.options import Address, AsJson, Engine, NoAutostart
from acebridge.hosts.live.package import DEFAULT_URL, check_package

Bridge = Annotated[str, typer.Option("--bridge", metavar="URL", help="Where the bridge in Live answers.")]

live = typer.Typer(help="Serve Ableton Live: see docs/live.md.", no_args_is_help=True)


@live.command()
def install(
    to: Annotated[
        Optional[Path],  # noqa: UP045 - typer reads it at run time
        typer.Option(
            "--to", metavar="FOLDER", help="Folder for the file; default: in the data folder.", show_default=False
        ),
    ] = None,
) -> None:
    """Write the bridge that Live loads, and say how to add it in Live."""
    from acebridge.hosts.live.install import STEPS, write_bridge
    from acebridge.paths import data_folder
    from acestep_runtime.errors import printable

    typer.echo(printable(f"wrote {write_bridge(to or data_folder() / 'live')}", 1000))
    for step in STEPS:
        typer.echo(step)


@live.command()
def run(
    bridge: Bridge = DEFAULT_URL,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Fail when Live does not answer, instead of waiting.")
    ] = False,
    engine: Engine = None,
    address: Address = None,
    no_autostart: NoAutostart = False,
) -> None:
    """Serve the actions in Live's menus until Ctrl-C. Waits for Live, and connects again when it comes back."""
    check_package()
    from acebridge.hosts.live.extension import Service
    from acebridge.hosts.live.run import serve

    service = Service(engine or "auto", address, not no_autostart)
    serve(bridge, service, say=typer.echo, wait=not no_wait)


@live.command()
def doctor(bridge: Bridge = DEFAULT_URL, json: AsJson = False, address: Address = None) -> None:
    """Check the installation, the package and the bridge in Live, and say how to fix what is wrong."""
    from acebridge.cli import doctor
    from acebridge.hosts.live.doctor import examine

    doctor.report([*doctor.examine(address), *examine(url=bridge)], as_json=json)
