"""All commands, their options and their help."""

from __future__ import annotations

from typing import Annotated

import typer

from acebridge.cli import host, tasks, text_tasks
from acebridge.cli.again import again
from acebridge.cli.assets import assets
from acebridge.cli.compare import compare
from acebridge.cli.config import config
from acebridge.cli.connect import connect, disconnect
from acebridge.cli.daemon import demo, doctor, status, stop
from acebridge.cli.export import export
from acebridge.cli.finish import finish
from acebridge.cli.help import show_help
from acebridge.cli.info import info
from acebridge.cli.jobs import jobs
from acebridge.cli.listen import listen
from acebridge.cli.live import live
from acebridge.cli.logs import logs
from acebridge.cli.maintain import backup, repair, restore
from acebridge.cli.mcp import mcp
from acebridge.cli.models import models
from acebridge.cli.osc import osc
from acebridge.cli.panel import panel
from acebridge.cli.place import place
from acebridge.cli.play import play
from acebridge.cli.plugin import plugin
from acebridge.cli.protools import protools
from acebridge.cli.prune import prune
from acebridge.cli.serve import serve
from acebridge.cli.service import service
from acebridge.cli.song import song
from acebridge.cli.token import token
from acebridge.cli.trust import trust

app = typer.Typer(
    name="acebridge",
    help="AI music inside the DAW: repaint bars, extract stems, add layers. Start with `acebridge demo`.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from acebridge.version import VERSION

        typer.echo(f"acebridge {VERSION}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    pass


#: The commands of tasks by name.
TASK_COMMANDS = {command.name: command for command in (*tasks.COMMANDS, *text_tasks.COMMANDS)}
for task_command in TASK_COMMANDS.values():
    task_command.add_to(app)
for task_like in (listen, play, compare, again, finish, place, info, export):
    app.command(rich_help_panel="Tasks")(task_like)
app.add_typer(song, name="song", rich_help_panel="Tasks")
for command in (serve, status, stop, trust, connect, disconnect, demo, doctor, logs, prune, backup, restore, repair):
    app.command(rich_help_panel="Daemon")(command)
for name, group in (
    ("models", models),
    ("jobs", jobs),
    ("assets", assets),
    ("config", config),
    ("token", token),
    ("service", service),
    ("osc", osc),
    ("panel", panel),
    ("plugin", plugin),
    ("protools", protools),
    ("live", live),
):
    app.add_typer(group, name=name, rich_help_panel="Daemon")
app.command(rich_help_panel="Daemon")(mcp)
app.add_typer(host.host, name="host", rich_help_panel="Daemon")
app.add_typer(host.reaper, name="reaper", rich_help_panel="Daemon")
app.command("help", rich_help_panel="Daemon")(show_help)
