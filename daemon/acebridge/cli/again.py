"""``acebridge again`` and ``acebridge jobs again``: making a file again by its recipe, and a job by its request."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from acebridge.cli.listing import SHORT
from acebridge.cli.options import Address, AsJson, Bits, Encoding, NoAutostart, Out, Seed, Takes, Variation
from acebridge.client.connection import connect
from acestep_runtime.errors import printable

if TYPE_CHECKING:
    from acebridge.cli.files import FileKind
    from acebridge.cli.result import Report
    from acebridge.client.client import Client
    from acebridge.contract.tasks import TaskRequest
    from acebridge.v1 import audio_pb2, jobs_pb2
    from acestep_runtime.recipes import Parent, Recipe

_LOSSLESS = {".wav", ".flac"}
Sources = Annotated[
    list[Path] | None,
    typer.Argument(help="Files that it was made from, if the daemon has them no longer.", show_default=False),
]


def again(
    file: Annotated[Path, typer.Argument(help="A file that AceBridge has made.", show_default=False)],
    sources: Sources = None,
    seed: Seed = None,
    takes: Takes = None,
    variation: Variation = None,
    encoding: Encoding = None,
    bits: Bits = None,
    out: Out = None,
    json: AsJson = False,
    address: Address = None,
    no_autostart: NoAutostart = False,
) -> None:
    """Make a file again by the recipe in it: the same, with another --seed or more --takes, or like it with --variation."""
    from acebridge.cli.files import FileKind
    from acebridge.client.parents import read_recipe

    kind = FileKind.choose(out, None if encoding is None else encoding.value, bits)
    recipe, change = read_recipe(file), Change.check(seed, takes, variation)
    with connect(address, autostart=not no_autostart) as client:
        report = _make(client, recipe, file, sources or [], change, kind, out, as_json=json)
    if not sources and change == Change():
        _compare(file, recipe, report)


class Change(NamedTuple):
    """What is to be otherwise than it was: the seeds, the number of takes, or a variation of a take, by its number."""

    seeds: Sequence[int] = ()
    takes: int | None = None
    variation: float | None = None
    take: int | None = None

    @classmethod
    def check(
        cls, seeds: Sequence[int] | None, takes: int | None, variation: float | None, take: int | None = None
    ) -> Change:
        """Return it. Raises `InvalidValue` for a seed beside a variation, which keeps it, and for a take without one."""
        from acestep_runtime.errors import InvalidValue

        if seeds and variation is not None:
            raise InvalidValue(
                "--seed", seeds[0], "nothing beside --variation, which keeps the seed", remedy="Leave out one."
            )
        if take is not None and variation is None:
            raise InvalidValue(
                "--take", take, "nothing without --variation", remedy="Say how far to go, such as --variation 0.3."
            )
        return cls(seeds or (), takes, variation, take)


def repeat_request(client: Client, job: jobs_pb2.Job, given: Sequence[Path], change: Change) -> TaskRequest:
    """Return the request that makes a job again; sources that the daemon has no longer are among the ``given`` files."""
    from acebridge.client.client import request_of
    from acebridge.client.repeats import find_request, parents_of, repeat_fields, variation_fields
    from acebridge.contract.tasks import method_of

    asked = find_request(job)
    if change.variation is None:
        fields = repeat_fields(job, change.seeds, change.takes)
    else:
        fields = variation_fields(job, change.take, change.variation, change.takes)
    submission = fields.pop("submission", None)
    made = Repetition(f"Job {job.id[:SHORT]}", f"acebridge jobs again {job.id[:SHORT]}", Path())
    inputs = find_inputs(client, parents_of(asked), made, given)
    return request_of(
        method_of(asked).task,
        fields,
        inputs.get("source"),
        inputs.get("reference"),
        submission if isinstance(submission, Mapping) else None,
    )


def _make(
    client: Client,
    recipe: Recipe,
    file: Path,
    given: Sequence[Path],
    change: Change,
    kind: FileKind,
    out: str | None,
    *,
    as_json: bool,
) -> Report:
    """Run the task of a recipe, write its files and return the report; without ``out`` they are named after ``file``."""
    from acebridge.cli.files import Destination, ResultFiles
    from acebridge.cli.perform import follow_job
    from acebridge.cli.result import Result
    from acebridge.cli.same import note_same
    from acebridge.client.client import request_of
    from acebridge.client.parents import request_fields
    from acestep_runtime.tasks import TASKS

    began, task = time.monotonic(), TASKS[recipe.task]
    tracks = recipe.fields.get("tracks")
    many = task.returns_several(len(tracks) if isinstance(tracks, (list, tuple)) else 0)
    destination = Destination.choose(out, source=file, task="again", many=many, kind=kind)
    made = Repetition(file.name, f"acebridge again {shlex.quote(str(file))}", file.parent)
    inputs = find_inputs(client, recipe.parents, made, given)
    fields = request_fields(recipe, change.seeds or None, change.takes, variation=change.variation)
    if kind.encoding is not None:
        output = fields["output"]
        fields["output"] = {**(output if isinstance(output, dict) else {}), "encoding": kind.encoding}
    submission = {"engine": recipe.engine}
    request = request_of(recipe.task, fields, inputs.get("source"), inputs.get("reference"), submission)
    with ResultFiles(destination, client.download) as files:
        events = note_same(client, request, client.submit_request(request))
        return follow_job(events, Result(began, files), client, title="again", as_json=as_json)


def _compare(file: Path, recipe: Recipe, report: Report) -> None:
    """Say when ``file`` does not hold what its recipe makes. What a lossy format kept cannot be told from an edit."""
    from acestep_runtime.audio.same import sound_same

    made = [Path(output["file"]) for output in report["outputs"] if output["role"] == recipe.role]
    if made and {made[0].suffix.lower(), file.suffix.lower()} <= _LOSSLESS and not sound_same(file, made[0]):
        typer.echo(
            f"warning: {made[0]} is what the recipe in {file} makes, but {file.name} sounds otherwise: it was changed after it"
            " was made, or another version of AceBridge made it.",
            err=True,
        )


class Repetition(NamedTuple):
    """What is made again, as messages name it; the command that does it, and the folder where its sources may lie."""

    name: str
    command: str
    folder: Path


def find_inputs(
    client: Client, parents: Sequence[Parent], made: Repetition, given: Sequence[Path]
) -> dict[str, audio_pb2.AudioInput]:
    """Return the audio that something was made from, by the field of its task.

    The only file that was given stands for the only one, with a warning if it is another. Raises `InvalidValue` for audio
    that is nowhere.
    """
    return {parent.field: _find(client, parent, made, given, only=len(parents) == 1) for parent in parents}


def _find(
    client: Client, parent: Parent, made: Repetition, given: Sequence[Path], *, only: bool
) -> audio_pb2.AudioInput:
    from acebridge.client.parents import as_parent, find_parent, missing_parent

    beside = [made.folder / parent.name] if parent.name else []
    found = find_parent(client, parent, (*given, *beside))
    if found is not None:
        return found
    if len(given) == 1 and only:
        name = printable(parent.name) or "the file"
        typer.echo(f"warning: {printable(given[0].name)} is not {name} as it was used: the result differs.", err=True)
        return as_parent(client.upload(given[0]), parent)
    file = shlex.quote(printable(parent.name) or "FILE")
    raise missing_parent(parent, made.name, f"Give that file behind it: `{made.command} {file}`.")
