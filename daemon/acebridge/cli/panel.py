"""``acebridge panel``: the panel in the browser, and the JSON edge that it and other programs call."""

from __future__ import annotations

from typing import Annotated

import typer

from acebridge.cli.options import Address, NoAutostart

panel = typer.Typer(help="Open the panel in the browser: see docs/panel.md.", invoke_without_command=True)
Port = Annotated[
    int | None,
    typer.Option(min=0, max=65535, help="Port on this machine, 0 for any free one (50780).", show_default=False),
]


@panel.callback()
def open_panel(
    context: typer.Context,
    port: Port = None,
    no_open: Annotated[bool, typer.Option("--no-open", help="Open no browser; print the address alone.")] = False,
    address: Address = None,
    no_autostart: NoAutostart = False,
) -> None:
    """Open the panel in the browser. Where nothing serves it yet, serve it until Ctrl-C."""
    if context.invoked_subcommand is not None:
        return
    from acebridge.cli.panel_run import open_or_serve

    open_or_serve(port, is_opening=not no_open, address=address, autostart=not no_autostart)


@panel.command("serve")
def serve_panel(
    port: Port = None,
    address: Address = None,
    no_autostart: NoAutostart = False,
    with_parent: Annotated[bool, typer.Option("--with-parent", hidden=True)] = False,
) -> None:
    """Serve the panel and the JSON edge until Ctrl-C, without a browser. Settings are in the table http of config.toml."""
    from acebridge.cli.panel_run import serve

    serve(port, address=address, autostart=not no_autostart, with_parent=with_parent)
