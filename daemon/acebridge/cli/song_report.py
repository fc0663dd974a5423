"""What ``acebridge song`` prints: the sections that are made, the takes to choose from, the table of a song."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

import typer

from acebridge.cli.echo import echo
from acebridge.cli.json_output import print_json
from acebridge.cli.listing import show
from acestep_runtime.errors import printable
from acestep_runtime.song.build import Song
from acestep_runtime.song.plan import SongPlan
from acestep_runtime.song.table import section_rows
from acestep_runtime.values import Json

#: Columns of the table of a song.
_COLUMNS = ("section", "from", "to", "length", "bars", "take", "takes and scores", "engine", "like", "chords")


def report_song(made: Song, plan: Path, folder: Path | None, *, as_json: bool) -> None:
    """Print what is made: the file, or the takes to choose from; warnings of its takes go to standard error."""
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


def show_sections(song: Song, *, as_json: bool) -> None:
    """Print a row for each section of the plan, made or not."""
    made = section_rows(song.plan, song.state)
    if as_json:
        found: dict[str, Json] = {"folder": str(song.folder), "finished": song.is_finished, "sections": made}
        found["missing"] = [section.name for section in song.plan.sections[len(made) :]]
        if song.waiting is not None:
            found["waiting"] = song.plan.sections[song.waiting].name
        print_json(found)
        return
    show(_COLUMNS, [_table_row(song, number) for number in range(len(song.plan.sections))], flexible="takes and scores")


def _table_row(song: Song, number: int) -> tuple[str, ...]:
    plan, section = song.plan, song.plan.sections[number]
    start_s, end_s = section.start / plan.rate_hz, section.stop / plan.rate_hz
    made = song.state.sections[number] if number < len(song.state.sections) else None
    bars = section.bars(plan.rate_hz)
    length = (f"{end_s - start_s:.3f} s", "" if bars is None else f"{round(bars, 2):g}")
    place = (section.name, f"{start_s:.3f}", f"{end_s:.3f}", *length)
    if made is None:
        takes = ("", f"{section.takes} to make", "")
    else:
        scores = (
            f"{n}: {'no score' if take.score is None else f'{take.score:.3f}'}" for n, take in enumerate(made.takes, 1)
        )
        takes = (str(made.chosen or "to choose"), ", ".join(scores), made.engine)
    return (*place, *takes, section.like, section.chords)
