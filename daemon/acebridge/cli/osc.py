"""``acebridge osc``: Open Sound Control for controllers, DAWs and show programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from acebridge.cli.options import Address, NoAutostart
from acebridge.cli.osc_follow import follow

osc = typer.Typer(help="Serve Open Sound Control: see docs/osc.md.", no_args_is_help=True)
osc.command()(follow)


@osc.command("serve")
def serve_osc(
    host: Annotated[Optional[str], typer.Option(help="Address to listen at (127.0.0.1).", show_default=False)] = None,  # noqa: UP045
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Port of UDP and TCP, 0 for any free one (50711).", show_default=False),
    ] = None,
    address: Address = None,
    no_autostart: NoAutostart = False,
    with_parent: Annotated[bool, typer.Option("--with-parent", hidden=True)] = False,
) -> None:
    """Serve OSC over UDP and TCP until Ctrl-C. Settings are in the table osc of config.toml."""
    import asyncio

    from acebridge.config import OscSettings, load_config
    from acebridge.hosts.osc.serve import run_until_signal

    config = load_config()
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = OscSettings.model_validate({**(config.osc or OscSettings()).model_dump(), **given})

    def say(where: str) -> None:
        typer.echo(f"serving OSC at {where}, UDP and TCP")

    asyncio.run(
        run_until_signal(
            config, settings, address=address, autostart=not no_autostart, with_parent=with_parent, ready=say
        )
    )


@osc.command("layout")
def write_layout(
    file: Annotated[Path, typer.Argument(help="File to write, such as acebridge.json.", show_default=False)],
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port of the bridge (50711).")] = None,
) -> None:
    """Write a session for Open Stage Control: a field for each value, a button for each task."""
    from acebridge.atomic_files import write_whole
    from acebridge.config import DEFAULT_OSC_PORT
    from acebridge.hosts.osc.layout import layout_text

    write_whole(file, [layout_text(DEFAULT_OSC_PORT if port is None else port).encode()])
    typer.echo(str(file))
