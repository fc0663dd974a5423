"""``acebridge song``: a song from a plan of sections, made one after the other, and the choice of takes by ear."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from acebridge.cli.options import Address, AsJson, NoAutostart

if TYPE_CHECKING:
    from acebridge.client.client import Client
    from acestep_runtime.guide.request import Order
    from acestep_runtime.guide.runners import Batch
    from acestep_runtime.song.build import Song
    from acestep_runtime.song.plan import SongPlan
    from acestep_runtime.values import CancelToken, Json


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
    take: Annotated[int, typer.Argument(help="Number of the take, from 1.", show_default=False)],
    folder: Folder = None,
    json: AsJson = False,
    address: Address = None,
    no_autostart: NoAutostart = False,
) -> None:
    """Choose a take of a section and go on. Sections after it are made again where another one was chosen before."""
    _build(plan, folder, address, choice=(section, take), as_json=json, autostart=not no_autostart)


def _build(
    plan: Path,
    folder: Path | None,
    address: str | None,
    *,
    pick: str | None = None,
    begin_again: str | None = None,
    choice: tuple[str, int] | None = None,
    as_json: bool,
    autostart: bool,
) -> None:
    from acebridge.cli.exit_codes import UserInterrupt
    from acebridge.cli.perform import ProgressLine
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
                parsed, place, _Runner(client), pick=pick, begin_again=begin_again, choice=choice, report=report
            )
        except KeyboardInterrupt:
            remedy = f"`acebridge song {shlex.quote(str(plan))}` goes on with it."
            raise UserInterrupt("The song stops here; what is made stays.", remedy=remedy) from None
    _report(made, plan, folder, as_json=as_json)


class _Runner:
    """Runs the orders of sections at a daemon."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def run(self, order: Order, folder: Path, cancel: CancelToken, report: Callable[[str, float], None]) -> Batch:
        """See `acestep_runtime.song.build.SectionRunner`."""
        from acebridge.client.api_runner import run_order

        return run_order(self._client, order, folder, cancel, report)


def _report(made: Song, plan: Path, folder: Path | None, *, as_json: bool) -> None:
    """Print what is made: the file, or the takes to choose from; warnings of its takes go to standard error."""
    from acebridge.cli.echo import echo
    from acebridge.cli.json_output import print_json
    from acestep_runtime.errors import printable
    from acestep_runtime.song.table import section_rows

    rows = section_rows(made.plan, made.state)
    warnings = (text for section in made.state.sections for take in section.takes for text in take.warnings)
    for warning in dict.fromkeys(warnings):
        typer.echo(f"warning: {printable(warning, 1000)}", err=True)
    waiting = "" if made.waiting is None else made.plan.sections[made.waiting].name
    if as_json:
        found: dict[str, Json] = {"folder": str(made.folder), "sections": rows}
        if made.is_finished:
            found["file"] = str(made.file)
        if waiting:
            found["waiting"] = waiting
        print_json(found)
        return
    for row in rows:
        typer.echo(_section_line(made.plan, row))
    if made.waiting is not None:
        echo(_choice_lines(made, waiting, plan, folder))
    if made.is_finished:
        length_s = made.plan.sections[-1].stop / made.plan.rate_hz
        echo(f"{made.file}  ({length_s:.2f} s, {len(rows)} sections)")


def _section_line(plan: SongPlan, row: Mapping[str, Json]) -> str:
    """Return a line on a section: its place in the song, and the take that was chosen."""
    begin, end = (f"{row[name]:.3f}" for name in ("start_s", "end_s"))
    takes = row["takes"]
    assert isinstance(takes, list)
    chosen = f"take {row['take']} of {len(takes)}, seed {row['seed']}" if row["take"] else f"{len(takes)} takes"
    width = max(len(section.name) for section in plan.sections)
    return f"{row['name']!s:{width}}  {begin:>8} to {end:>8} s  {chosen}, {row['engine']}"


def _choice_lines(made: Song, name: str, plan: Path, folder: Path | None) -> str:
    """Return the takes of the section that waits for a choice, and how to choose."""
    lines = [f"Listen to the takes of {name}, then choose one:"]
    for number, take in enumerate(made.state.sections[-1].takes, 1):
        score = "no score" if take.score is None else f"score {take.score:.3f}"
        lines.append(f"  {number}  {score}  {made.folder / take.file}")
    words = [
        "acebridge",
        "song",
        "choose",
        str(plan),
        name,
        "1",
        *(() if folder is None else ("--folder", str(folder))),
    ]
    lines.append(f"`{shlex.join(words)}` chooses the first and goes on.")
    return "\n".join(lines)
