"""``acebridge info``: what a file is, what it says beside its samples, and how it was made. Needs no daemon."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from acebridge.cli.echo import echo
from acebridge.cli.json_output import print_json
from acebridge.cli.options import AsJson

if TYPE_CHECKING:
    from acestep_runtime.recipes import Recipe
    from acestep_runtime.values import Json

_CHANNELS = {1: "mono", 2: "stereo"}
_MAX_LINE = 200


def info(
    file: Annotated[Path, typer.Argument(help="Audio file.", show_default=False)],
    json: AsJson = False,
) -> None:
    """Show what a file holds and says, and how AceBridge made it."""
    import json as json_module

    from acestep_runtime.audio.tags.describe import describe_file
    from acestep_runtime.errors import InvalidValue
    from acestep_runtime.recipes import parse_recipe

    facts, text = describe_file(file)
    recipe, fault = None, ""
    if text:
        try:
            recipe = parse_recipe(text, file.name)
        except InvalidValue as error:
            fault = str(error)
    if fault:
        typer.echo(f"warning: {fault}", err=True)
    if json:
        made = {} if recipe is None else {"recipe": json_module.loads(recipe.to_json())}
        print_json({**facts, **made})
        return
    for line in _file_lines(facts):
        echo(line)
    if recipe is not None:
        for line in (*_recipe_lines(recipe), f"  `acebridge again {shlex.quote(str(file))}` makes it again."):
            echo(line)


def _file_lines(facts: Mapping[str, Json]) -> Iterator[str]:
    from acestep_runtime.errors import printable

    kind = " ".join(str(facts[name]) for name in ("format", "encoding") if name in facts)
    channels = facts["channels"]
    how_many = _CHANNELS.get(channels, f"{channels} channels") if isinstance(channels, int) else ""
    length = f"{_clock(facts['duration_s'])} ({facts['frames']} frames)"
    yield f"{facts['file']}: {kind}, {facts['sample_rate']} Hz, {how_many}, {length}"
    if "promised_duration_s" in facts:
        yield f"  it was cut off: its header promises {_clock(facts['promised_duration_s'])}"
    for fault in _items(facts.get("faults")):
        yield f"  it {fault}"
    for name, value in _object(facts.get("tags")).items():
        yield f"  {name}: {printable(str(value), _MAX_LINE)}"
    broadcast = _object(facts.get("broadcast"))
    if broadcast:
        yield f"  begins at {_clock(broadcast['time_reference_s'])} (time reference {broadcast['time_reference']})"
        for name in ("description", "originator"):
            if name in broadcast:
                yield f"  {name}: {printable(str(broadcast[name]), _MAX_LINE)}"
    for marker in map(_object, _items(facts.get("markers"))):
        label = printable(str(marker.get("label", "")), _MAX_LINE)
        yield f"  marker at {_clock(marker['time_s'])}{f': {label}' if label else ''}"
    for loop in map(_object, _items(facts.get("loops"))):
        yield f"  loop from {_clock(loop['start_s'])} to {_clock(loop['end_s'])}"


def _recipe_lines(recipe: Recipe) -> Iterator[str]:
    from acebridge.cli.request_words import field_lines
    from acestep_runtime.errors import printable
    from acestep_runtime.recipes import describe

    version = f" {recipe.made_by}" if recipe.made_by else ""
    yield f"  made by AceBridge{version}: {printable(describe(recipe), _MAX_LINE)}"
    if recipe.model:
        yield f"  model: {printable(recipe.model)}"
    for line in field_lines(recipe.fields):
        yield f"  {printable(line.expandtabs(1), _MAX_LINE)}"
    for parent in recipe.parents:
        yield f"  {parent.field}: {printable(parent.name)} (SHA-256 {parent.sha256})"


def _clock(value: Json) -> str:
    """Return seconds as minutes and seconds, with hours where there are some."""
    from acestep_runtime.units import seconds_to_clock

    hours, minutes, seconds, ms = seconds_to_clock(value if isinstance(value, (int, float)) else 0)
    head = f"{hours}:{minutes:02}" if hours else f"{minutes}"
    return f"{head}:{seconds:02}.{ms:03}"


def _object(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, Mapping) else {}


def _items(value: Json) -> list[Json]:
    return list(value) if isinstance(value, (list, tuple)) else []
