"""``acebridge mcp``: tasks as tools for programs that chat, by the Model Context Protocol."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Optional

import typer

from acebridge.cli.options import Address, NoAutostart


def mcp(
    http: Annotated[
        bool, typer.Option("--http", help="Serve on a port of this machine instead of standard input and output.")
    ] = False,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Port of --http, 0 for any free one (50790).", show_default=False),
    ] = None,
    results: Annotated[
        Optional[Path],  # noqa: UP045 - typer reads it at run time
        typer.Option(
            "--results", metavar="FOLDER", help="Folder for results without a source (results, in the data folder).",
            show_default=False,
        ),
    ] = None,
    tools: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--tools", metavar="NAMES", help="Offer these tools alone, with commas between: models read all of them.",
            show_default=False,
        ),
    ] = None,
    address: Address = None,
    no_autostart: NoAutostart = False,
) -> None:  # fmt: skip
    """Serve the Model Context Protocol: tasks, jobs and audio as tools of a program that chats. See docs/mcp.md."""
    from acebridge.hosts.mcp.package import check_package
    from acestep_runtime.errors import InvalidValue

    check_package()
    if port is not None and not http:
        raise InvalidValue("--port", port, "nothing without --http", remedy="Add --http, or leave the port out.")

    from acebridge.client.result_files import RESULTS_FOLDER
    from acebridge.hosts.mcp.access import Access
    from acebridge.paths import data_folder

    try:
        folder = (data_folder() / RESULTS_FOLDER if results is None else results.expanduser()).absolute()
    except RuntimeError:
        raise InvalidValue("--results", str(results), "the path of a folder") from None
    names = [name for name in (tools or "").replace(" ", "").split(",") if name]
    access = Access(address, folder, autostart=not no_autostart)
    if http:
        import asyncio

        from acebridge.hosts.mcp.http import DEFAULT_PORT, serve_http

        def say(where: str) -> None:
            typer.echo(f"serving MCP at {where}")

        asyncio.run(serve_http(access, DEFAULT_PORT if port is None else port, say, names))
        return

    import anyio

    from acebridge.hosts.mcp.stdio import serve_stdio

    if sys.stdin.isatty():
        typer.echo("A program that chats starts this command and writes to it; docs/mcp.md says how.", err=True)
    anyio.run(serve_stdio, access, names)
