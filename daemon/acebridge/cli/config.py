"""``acebridge config``: the settings in force, and the file that they are in."""

from __future__ import annotations

import json as json_text
import os
from typing import TYPE_CHECKING

import typer

from acebridge.cli import listing
from acebridge.cli.json_output import print_json
from acebridge.cli.options import AsJson
from acebridge.paths import ADDRESS_FILE, CONFIG_FILE, data_folder

if TYPE_CHECKING:
    from acestep_runtime.values import Json

config = typer.Typer(help="Show the settings and where they come from.", no_args_is_help=True)


@config.command("show")
def show_config(json: AsJson = False) -> None:
    """Show every setting, its value and where it comes from. A running daemon uses the settings that it started with."""
    from acebridge.config import load_settings

    settings = load_settings()
    values: dict[str, Json] = settings.config.model_dump(mode="json")
    origins = {**dict.fromkeys(values, "default"), **settings.origins}
    if os.environ.get("ACEBRIDGE_HOME"):
        origins["data_dir"] = "the environment variable ACEBRIDGE_HOME"
    if json:
        print_json({name: {"value": value, "from": origins[name]} for name, value in values.items()})
        return
    rows = ((name, _text(value), origins[name]) for name, value in values.items())
    listing.show(("setting", "value", "from"), rows)
    if _is_newer_than_daemon():
        typer.echo(
            "note: The running daemon was started before the file was changed. Run `acebridge stop`; the next command starts"
            " one with these settings.",
            err=True,
        )


def _is_newer_than_daemon() -> bool:
    """Return whether the settings file was changed since the daemon of this data folder was started."""
    from acebridge.client.own_daemon import read_own_daemon

    home = data_folder()
    try:
        changed = (home / CONFIG_FILE).stat().st_mtime_ns > (home / ADDRESS_FILE).stat().st_mtime_ns
    except OSError:  # one of them is not there
        return False
    return changed and read_own_daemon(home).is_running


@config.command("path")
def show_path() -> None:
    """Print the path of the settings file, which may not exist yet. Changes take effect when the daemon starts."""
    typer.echo(str(data_folder() / CONFIG_FILE))


def _text(value: Json) -> str:
    """Return a value as `config.toml` has it; "not set" for none."""
    return "not set" if value is None else json_text.dumps(value, ensure_ascii=False)
