"""``acebridge reaper``: what the scripts of REAPER start, and what keeps their folders in order."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from daemon.cli.manage import Address, NoAutostart

reaper = typer.Typer(help="Serve the scripts of REAPER.", no_args_is_help=True)
JobFolder = Annotated[str, typer.Argument(help="Job folder, as a path or a file: URL.", show_default=False)]


@reaper.command()
def run(folder: JobFolder, address: Address = None, no_autostart: NoAutostart = False) -> None:
    """Perform the request in a job folder; status.json there tells how it goes, result.json what came of it."""
    from daemon.reaper.places import folder_of
    from daemon.reaper.run import run

    result = run(Path(folder_of(folder)), address=address, autostart=not no_autostart)
    for output in (output for part in result["parts"] for take in part["takes"] for output in take["outputs"]):
        typer.echo(output["file"])
