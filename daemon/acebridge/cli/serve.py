"""``acebridge serve``: the daemon itself. The one command that loads the server."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Optional

import typer


def serve(
    host: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            help="Address to listen at (127.0.0.1); one beyond loopback lets other machines in, with TLS.",
            show_default=False,
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(help="Port, 0 for any free one (50710, or a free one when that is taken).", show_default=False),
    ] = None,
    root: Annotated[
        Optional[list[Path]],  # noqa: UP045
        typer.Option(help="Folder whose files requests may name by path; repeat for more.", show_default=False),
    ] = None,
    device: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(help="Device to compute on, such as cuda:0; repeat for more (all GPUs).", show_default=False),
    ] = None,
    home: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Data folder (ACEBRIDGE_HOME, else the platform's own place).", show_default=False),
    ] = None,
    log_level: Annotated[Optional[str], typer.Option(help="debug, info, warning or error.", show_default=False)] = None,  # noqa: UP045
) -> None:
    """Run the daemon in this terminal until Ctrl-C."""
    # Before gRPC is loaded: its core would print a line about each bad header that anybody sends.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    from acebridge.client.command_path import record
    from acebridge.config import load_config
    from acebridge.server import app

    if home is not None:
        os.environ["ACEBRIDGE_HOME"] = str(home)  # workers inherit it
    record()
    folders, devices = tuple(root) if root else None, tuple(device) if device else None
    app.serve(load_config(host=host, port=port, roots=folders, devices=devices, log_level=log_level))
