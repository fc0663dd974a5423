"""Commands that work on the data folder itself: ``backup``, ``restore``, ``repair``. They need no daemon."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from acebridge.cli.echo import echo
from acebridge.cli.exit_codes import FAILED
from acebridge.cli.json_output import print_json
from acebridge.cli.listing import bytes_text
from acebridge.cli.options import AsJson
from acebridge.paths import data_folder


def _warn(text: str) -> None:
    typer.echo(f"acebridge: {text}", err=True)


def backup(
    file: Annotated[Path, typer.Argument(help="File to write, such as songs.tar.", show_default=False)],
    json: AsJson = False,
) -> None:
    """Write all jobs, stored audio and settings into one tar file. The daemon may run meanwhile."""
    from acebridge.store.backup import back_up

    made = back_up(data_folder(), file)
    if json:
        print_json({"file": str(file), **asdict(made)})
    else:
        echo(f"{file}: {made.files} audio files, {bytes_text(made.size_bytes)}")
    if lost := [*made.damaged, *made.missing]:
        _warn(f"{len(lost)} stored files are damaged or missing, {lost[0][:12]}… first. Run `acebridge repair`.")
        raise typer.Exit(FAILED)


def restore(
    file: Annotated[Path, typer.Argument(help="File that `acebridge backup` has written.", show_default=False)],
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace data that are there; they move into a folder beside.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Bring a backup back into the data folder. Stop the daemon first."""
    from acebridge.store.restore import restore as bring_back

    folder = data_folder()
    done = bring_back(file, folder, overwrite=overwrite)
    if json:
        print_json({"folder": str(folder), **asdict(done)})
    else:
        echo(f"{folder}: {done.files} audio files")
        if done.before:
            echo(f"what was there is in {done.before}")
    if done.damaged:
        _warn(f"{done.damaged} files in {file} are damaged and were left out. Take another backup for them.")
        raise typer.Exit(FAILED)


def repair(json: AsJson = False) -> None:
    """Read all stored audio and make the list of it good again. Nothing is deleted. Stop the daemon first."""
    from acebridge.store.repair import repair as make_good

    folder = data_folder()
    done = make_good(folder)
    if json:
        print_json({"folder": str(folder), **asdict(done)})
        return
    echo(f"{folder}: {done.files} audio files, {done.jobs} jobs")
    if done.damaged:
        echo(f"{done.damaged} damaged or unknown files were moved to {folder / 'quarantine'}")
    if done.missing:
        echo(f"{done.missing} audio files are missing")
    if done.database:
        echo(f"the damaged database is {done.database}")
