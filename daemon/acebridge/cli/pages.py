"""Pages to listen to what a command made: ``--html`` of the commands that make audio, and what `acebridge compare` shares."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from acebridge.atomic_files import check_writable
from acebridge.cli.echo import echo
from acebridge.cli.files import Destination, check_no_input, free_name
from acebridge.cli.take_words import seed_words, take_parts
from acestep_runtime.errors import AceStepError, InvalidValue, printable

if TYPE_CHECKING:
    from pydantic import JsonValue

    from acebridge.cli.result import OutputReport, Report
    from acebridge.contract.fields import Fields
    from acebridge.pages.compare import Take

_SUFFIXES = (".html", ".htm")
#: What a task's outputs are called, as far as they are no whole songs; those of the others are tracks.
_PARTS = {"extract": "Stems", "lego": "Layers"}
#: Tasks whose tracks are heard with the source.
_LAYERS = ("lego", "complete")


@dataclass(frozen=True)
class ResultPage:
    """The page of a job's results: its file, and the source that they are compared with."""

    path: Path
    source: Path | None


def choose_page(name: str | None, destination: Destination | None, *inputs: Path | None) -> ResultPage | None:
    """Return the page that ``--html`` asks for; ``None`` for none. An empty name is one beside the results.

    ``inputs`` are the source, first, and all else that the command reads. Raises `InvalidValue` for a name that does not end
    in .html, for an input, and for a folder that cannot be written.
    """
    if name is None or destination is None:
        return None
    if name:
        path = check_page("--html", Path(name), [path for path in inputs if path is not None])
    elif destination.is_folder:
        path = free_name(destination.path / f"{destination.path.resolve().name}.html")
    else:
        path = free_name(destination.path.with_suffix(".html"))
    return ResultPage(path, inputs[0] if inputs else None)


def write_page(
    page: ResultPage | None, report: Report, task: str, title: str, fields: Fields | None = None, *, as_json: bool
) -> None:
    """Write the page, if there is to be one, and print its name; say on standard error why it could not be.

    ``fields`` are those of the request, as far as they are known.
    """
    from acebridge.pages.compare import Comparison, write_comparison

    if page is None or not report["outputs"]:
        return
    fields = fields or {}
    takes = _takes(report, page.source, task, fields)
    layers = frozenset(take.parts for take in takes if take.parts) if task in _LAYERS else frozenset()
    name = page.source.stem if page.source is not None else Path(report["outputs"][0]["file"]).stem
    title = f"{title.capitalize()}: {printable(name, 100)}"
    try:
        say_folder(write_comparison(page.path, Comparison(title, takes, _caption(fields), with_source=layers)))
    except AceStepError as error:  # the results are there all the same
        typer.echo(f"warning: There is no page: {error}", err=True)
        return
    if not as_json:
        echo(f"{page.path}  (page)")


def check_page(option: str, page: Path, inputs: Sequence[Path]) -> Path:
    """Return the file of a page. Raises `InvalidValue` as `choose_page` does."""
    if page.suffix.lower() not in _SUFFIXES:
        raise InvalidValue(option, printable(os.fspath(page)), "a name that ends in .html")
    check_no_input(option, page, inputs)
    check_writable(page.parent)
    return page


def say_folder(folder: Path | None) -> None:
    """Say that audio lies beside a page."""
    if folder is not None:
        typer.echo(
            f"note: The audio is large, so it is in {printable(str(folder), 200)}; keep that beside the page.", err=True
        )


def _caption(fields: Fields) -> str:
    music = fields.get("music")
    return str(music.get("caption", "")) if isinstance(music, Mapping) else ""


def _takes(report: Report, source: Path | None, task: str, fields: Fields) -> list[Take]:
    from acebridge.pages.compare import Take

    region = _region(task, fields)
    takes = [] if source is None else [Take(source, "Source", is_source=True, region=region)]
    numbers = list(dict.fromkeys(output["take"] for output in report["outputs"]))
    for output in report["outputs"]:
        place = numbers.index(output["take"])
        metadata = report["metadata"]
        facts = [] if place >= len(metadata) else take_facts(metadata[place], output["seed"], _caption(fields))
        parts = _PARTS.get(task, "Tracks") + (f" of take {place + 1}" if len(numbers) > 1 else "")
        takes.append(_take(output, f"Take {place + 1}" if len(numbers) > 1 else "Take", parts, facts, region))
    return takes


def _take(
    output: OutputReport, name: str, parts: str, facts: Sequence[str], region: tuple[float, float] | None
) -> Take:
    from acebridge.pages.compare import MIX, Take

    role = output["role"]
    is_mix = role == MIX
    return Take(
        Path(output["file"]),
        name if is_mix else role.replace("_", " ").capitalize(),
        role,
        "" if is_mix else parts,
        output["start_frame"] / output["sample_rate"],
        facts=facts if is_mix else [f"seed {output['seed']}"],
        region=region if is_mix else None,
    )


def _region(task: str, fields: Fields) -> tuple[float, float] | None:
    """Return the stretch of the song that a repaint replaces, if it has both ends."""
    start_s, end_s = fields.get("start_s"), fields.get("end_s")
    if task != "repaint" or not isinstance(start_s, (int, float)) or not isinstance(end_s, (int, float)):
        return None
    return (start_s, end_s) if 0 <= start_s < end_s else None


def take_facts(facts: Mapping[str, JsonValue], seed: int, caption: str) -> list[str]:
    """Return what is known of a take in short texts: tempo, key, meter, scores, seed, and its caption if that is its own."""
    own = str(facts.get("caption") or "")
    captions = [printable(own, 300)] if own and own != caption else []
    return [*take_parts(facts, meter=True), seed_words(seed, facts), *captions]
