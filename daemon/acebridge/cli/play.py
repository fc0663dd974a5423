"""``acebridge play``, and ``--play`` of the commands that make audio: `acebridge listen` for files, in its shortest form."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from acebridge.cli.declare import parse_time
from acebridge.cli.listen import Device, OwnLevels, listen

if TYPE_CHECKING:
    from acebridge.cli.result import Report

Files = Annotated[
    list[str], typer.Argument(help="Audio files; several are takes to compare.", show_default=False, metavar="FILE…")
]
From = Annotated[
    float | None,
    typer.Option(
        "--from", help="Begin at this time: seconds or 1:30.5.", show_default=False, metavar="TIME", parser=parse_time
    ),
]


def play(files: Files, start: From = None, device: Device = "", own_levels: OwnLevels = False) -> None:
    """Play audio files. In a terminal, keys pause, seek and choose: `acebridge listen` has more options."""
    listen(files, start=start, device=device, own_levels=own_levels)


def play_results(report: Report, source: Path | None) -> None:
    """Play the results of a job, with their source to compare; say on standard error why there is no sound.

    Takes are equally loud, stems as loud as they are.
    """
    from acebridge.cli.listening import play_to_end, warn
    from acebridge.hosts.monitor.device import NoSound
    from acebridge.hosts.monitor.load import add_file
    from acebridge.hosts.monitor.player import SOURCE, Player

    outputs = report["outputs"]
    with Player(matches=len({output["role"] for output in outputs}) == 1) as player:
        for output in outputs:
            add_file(player, Path(output["file"]), warn)
        if source is not None:
            add_file(player, source, warn, SOURCE)
        try:
            player.play()
        except NoSound as error:
            warn(str(error))
            return
        play_to_end(player)
