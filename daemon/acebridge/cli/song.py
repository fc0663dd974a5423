"""``acebridge song``: a song from a plan of sections, made one after the other, and the choice of takes by ear."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from acebridge.cli.options import Address, AsJson, NoAutostart

if TYPE_CHECKING:
    from acebridge.client.client import Client
    from acestep_runtime.guide.request import Order
    from acestep_runtime.guide.runners import Batch
    from acestep_runtime.values import CancelToken


class PickName(str, Enum):
    """How takes are chosen."""

    score = "score"
    ear = "ear"


song = typer.Typer(no_args_is_help=True, help="Make a song from a plan of sections: `acebridge song plan.toml`.")
Plan = Annotated[Path, typer.Argument(help="Plan of the song, a TOML file: see docs/song.md.", show_default=False)]
Folder = Annotated[
    Path | None,
    typer.Option(
        "--folder", help="Folder of the song; default: beside the plan, its name with .song.", show_default=False
    ),
]


@song.command()
def make(
    plan: Plan,
    pick: Annotated[
        PickName | None,
        typer.Option("--pick", help="How takes are chosen; with ear it stops after each section.", show_default=False),
    ] = None,
    begin_again: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="Make this section and those after it again, with new seeds.",
            metavar="SECTION",
            show_default=False,
        ),
    ] = None,
    folder: Folder = None,
    json: AsJson = False,
    address: Address = None,
    no_autostart: NoAutostart = False,
) -> None:
    """Make what is missing of a song. After an interruption the same command goes on where it was."""
    how = None if pick is None else pick.value
    _build(plan, folder, address, pick=how, begin_again=begin_again, as_json=json, autostart=not no_autostart)


@song.command()
def choose(
    plan: Plan,
    section: Annotated[str, typer.Argument(help="Name of a section that is made.", show_default=False)],
    take: Annotated[
        int | None,
        typer.Argument(help="Number of the take, from 1; default: the one with the best score.", show_default=False),
    ] = None,
    folder: Folder = None,
    json: AsJson = False,
    address: Address = None,
    no_autostart: NoAutostart = False,
) -> None:
    """Choose a take of a section and go on. Sections after it are made again where another one was chosen before."""
    _build(plan, folder, address, choice=(section, take), as_json=json, autostart=not no_autostart)


@song.command()
def like(
    plan: Plan,
    section: Annotated[str, typer.Argument(help="Name of the section that is to change.", show_default=False)],
    model: Annotated[str, typer.Argument(help="Name of the earlier section it is to be like.", show_default=False)],
    strength: Annotated[
        float | None,
        typer.Option(
            "--strength",
            min=0,
            max=1,
            help="How much of that comes back: 0 only its sound, 1 nearly all.",
            show_default=False,
        ),
    ] = None,
    folder: Folder = None,
    json: AsJson = False,
    address: Address = None,
    no_autostart: NoAutostart = False,
) -> None:
    """Write into the plan that a section is like an earlier one, and make it and those after it."""
    from acestep_runtime.song.api import write_like

    write_like(plan, section, model, folder, strength)
    _build(plan, folder, address, renew=section, as_json=json, autostart=not no_autostart)


@song.command("show")
def show_song(plan: Plan, folder: Folder = None, json: AsJson = False) -> None:
    """Show the sections of a song: where they lie, how long they are, their takes with scores. Nothing is made."""
    from acebridge.cli.song_report import show_sections
    from acestep_runtime.song.api import read_any
    from acestep_runtime.song.build import read_song

    parsed, place = read_any(plan, folder)
    show_sections(read_song(parsed, place), as_json=json)


def _build(
    plan: Path,
    folder: Path | None,
    address: str | None,
    *,
    pick: str | None = None,
    begin_again: str | None = None,
    choice: tuple[str, int | None] | None = None,
    renew: str | None = None,
    as_json: bool,
    autostart: bool,
) -> None:
    from acebridge.cli.exit_codes import UserInterrupt
    from acebridge.cli.perform import ProgressLine
    from acebridge.cli.song_report import report_song
    from acebridge.client.connection import connect
    from acestep_runtime.song.api import read_any
    from acestep_runtime.song.build import build_song

    parsed, place = read_any(plan, folder)
    with (
        connect(address, autostart=autostart) as client,
        ProgressLine(parsed.title, shown=not as_json) as line,
    ):

        def report(number: int, stage: str, fraction: float) -> None:
            line.tell(f"{parsed.sections[number].name}: {stage}", fraction)

        try:
            made = build_song(
                parsed, place, _Runner(client), pick=pick, begin_again=begin_again, choice=choice, renew=renew,
                report=report,
            )  # fmt: skip
        except KeyboardInterrupt:
            remedy = f"`acebridge song {shlex.quote(str(plan))}` goes on with it."
            raise UserInterrupt("The song stops here; what is made stays.", remedy=remedy) from None
    report_song(made, plan, folder, as_json=as_json)


class _Runner:
    """Runs the orders of sections at a daemon."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def run(self, order: Order, folder: Path, cancel: CancelToken, report: Callable[[str, float], None]) -> Batch:
        """See `acestep_runtime.song.build.SectionRunner`."""
        from acebridge.client.api_runner import run_order

        return run_order(self._client, order, folder, cancel, report)
