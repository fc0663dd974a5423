"""``acebridge again`` and ``acebridge jobs again``: making a result again, by the recipe in its file."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from acebridge.cli.options import Address, AsJson, Bits, Encoding, NoAutostart, Out, Seed, Takes
from acebridge.client.connection import connect

if TYPE_CHECKING:
    from acebridge.cli.files import FileKind
    from acebridge.cli.result import Report
    from acebridge.client.client import Client
    from acebridge.v1 import audio_pb2
    from acestep_runtime.recipes import Parent, Recipe

#: What stands before the samples of a file is shorter.
_HEAD_BYTES = 1 << 20
_LOSSLESS = {".wav", ".flac"}


def again(
    file: Annotated[Path, typer.Argument(help="A file that AceBridge has made.", show_default=False)],
    sources: Annotated[
        list[Path] | None,
        typer.Argument(help="Files that it was made from, if the daemon has them no longer.", show_default=False),
    ] = None,
    seed: Seed = None,
    takes: Takes = None,
    encoding: Encoding = None,
    bits: Bits = None,
    out: Out = None,
    json: AsJson = False,
    address: Address = None,
    no_autostart: NoAutostart = False,
) -> None:
    """Make a file again by the recipe in it: the same, or with another --seed, or more --takes."""
    from acebridge.cli.files import FileKind
    from acebridge.client.parents import read_recipe

    kind = FileKind.choose(out, None if encoding is None else encoding.value, bits)
    recipe = read_recipe(file)
    with connect(address, autostart=not no_autostart) as client:
        report = _make(client, recipe, file, sources or [], seed or [], takes, kind, out, as_json=json)
    if not (sources or seed or takes):
        _compare(file, recipe, report)


def again_by_job(
    client: Client, job_id: str, seed: Sequence[int], takes: int | None, out: str | None, *, as_json: bool
) -> None:
    """Make the first take of a job again, by the recipe in its file."""
    from io import BytesIO

    from acebridge.cli.files import FileKind
    from acebridge.client.parents import no_recipe
    from acebridge.errors import ErrorReason, JobFailed
    from acebridge.v1 import jobs_pb2
    from acestep_runtime.audio.tags.names import names_in_wave
    from acestep_runtime.audio.tags.riff import read_chunks
    from acestep_runtime.recipes import parse_recipe

    job = client.call(client.jobs.GetJob, jobs_pb2.GetJobRequest(job_id=job_id))
    assets = [output.asset_id for take in job.takes for output in take.outputs]
    name = f"job {job_id[:8]}"
    if not assets:
        raise JobFailed(ErrorReason.CONFLICT, f"{name.capitalize()} has no finished take that holds audio.")
    head = b""
    for piece in client.download(assets[0]):
        head += piece
        if len(head) >= _HEAD_BYTES:
            break
    text = names_in_wave(read_chunks(BytesIO(head))).get("recipe", "")
    if not text:
        raise no_recipe(name)
    file = Path(f"{job_id[:8]}.wav")
    _make(client, parse_recipe(text, name), file, [], seed, takes, FileKind.choose(out), out, as_json=as_json)


def _make(
    client: Client,
    recipe: Recipe,
    file: Path,
    given: Sequence[Path],
    seeds: Sequence[int],
    takes: int | None,
    kind: FileKind,
    out: str | None,
    *,
    as_json: bool,
) -> Report:
    """Run the task of a recipe, write its files and return the report; without ``out`` they are named after ``file``."""
    from acebridge.cli.files import Destination, ResultFiles
    from acebridge.cli.perform import follow_job
    from acebridge.cli.result import Result
    from acebridge.client.client import request_of
    from acebridge.client.parents import request_fields
    from acestep_runtime.tasks import TASKS

    began, task = time.monotonic(), TASKS[recipe.task]
    tracks = recipe.fields.get("tracks")
    many = task.returns_several(len(tracks) if isinstance(tracks, (list, tuple)) else 0)
    destination = Destination.choose(out, source=file, task="again", many=many, kind=kind)
    inputs = {parent.field: _find(client, parent, file, given, len(recipe.parents)) for parent in recipe.parents}
    fields = request_fields(recipe, seeds or [recipe.seed], takes)
    if kind.encoding is not None:
        output = fields["output"]
        fields["output"] = {**(output if isinstance(output, dict) else {}), "encoding": kind.encoding}
    submission = {"engine": recipe.engine}
    request = request_of(recipe.task, fields, inputs.get("source"), inputs.get("reference"), submission)
    with ResultFiles(destination, client.download) as files:
        return follow_job(client.submit_request(request), Result(began, files), client, title="again", as_json=as_json)


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


def _find(client: Client, parent: Parent, file: Path, given: Sequence[Path], count: int) -> audio_pb2.AudioInput:
    """Return a parent of ``file``; the only file that was given stands for the only one, with a warning if it is another."""
    from acebridge.client.parents import as_parent, find_parent, missing_parent

    found = find_parent(client, parent, (*given, file.parent / parent.name))
    if found is not None:
        return found
    if len(given) == count == 1:
        typer.echo(
            f"warning: {given[0].name} is not the {parent.name} that it was made from: the result differs.", err=True
        )
        return as_parent(client.upload(given[0]), parent)
    raise missing_parent(parent, file.name, f"Give that file behind it: `acebridge again {file.name} {parent.name}`.")
