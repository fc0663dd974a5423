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
    from acebridge.client.client import Client
    from acebridge.v1 import audio_pb2
    from acestep_runtime.recipes import Parent, Recipe

#: A recipe, and what else stands before the samples of a file, is shorter.
_HEAD_BYTES = 1 << 20


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
    from acestep_runtime.audio.tags.describe import describe_file
    from acestep_runtime.recipes import parse_recipe

    kind = FileKind.choose(out, None if encoding is None else encoding.value, bits)
    _, text = describe_file(file)
    if not text:
        raise _no_recipe(file.name)
    recipe = parse_recipe(text, file.name)
    with connect(address, autostart=not no_autostart) as client:
        _make(client, recipe, file, sources or [], seed or [], takes, kind, out, as_json=json)


def again_by_job(
    client: Client, job_id: str, seed: Sequence[int], takes: int | None, out: str | None, *, as_json: bool
) -> None:
    """Make the first take of a job again, by the recipe in its file."""
    from io import BytesIO

    from acebridge.cli.files import FileKind
    from acebridge.v1 import jobs_pb2
    from acestep_runtime.audio.tags.names import names_in_wave
    from acestep_runtime.audio.tags.riff import read_chunks
    from acestep_runtime.recipes import parse_recipe

    job = client.call(client.jobs.GetJob, jobs_pb2.GetJobRequest(job_id=job_id))
    assets = [output.asset_id for take in job.takes for output in take.outputs]
    head = b""
    for piece in client.download(assets[0]) if assets else ():
        head += piece
        if len(head) >= _HEAD_BYTES:
            break
    name = f"job {job_id[:8]}"
    text = names_in_wave(read_chunks(BytesIO(head))).get("recipe", "")
    if not text:
        raise _no_recipe(name)
    file = Path(f"{job_id[:8]}.wav")
    _make(client, parse_recipe(text, name), file, [], seed, takes, FileKind.choose(out), out, as_json=as_json)


def _no_recipe(name: str) -> Exception:
    from acestep_runtime.errors import InvalidValue

    return InvalidValue(
        "file", name, "a file that AceBridge has made, with its recipe",
        message=f"{name} holds no recipe, so nobody knows how it was made.",
        remedy="Only results of AceBridge have one, unless the setting recipes is off.",
    )  # fmt: skip


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
) -> None:
    from acebridge.cli.files import Destination, ResultFiles
    from acebridge.cli.perform import follow_job
    from acebridge.cli.result import Result
    from acebridge.client.client import request_of
    from acestep_runtime.tasks import TASKS

    began, task = time.monotonic(), TASKS[recipe.task]
    inputs = {parent.field: _find(client, parent, file, given, len(recipe.parents)) for parent in recipe.parents}
    tracks = recipe.fields.get("tracks")
    many = task.returns_several(len(tracks) if isinstance(tracks, (list, tuple)) else 0)
    destination = Destination.choose(out, source=file, task="again", many=many, kind=kind)
    request = request_of(
        recipe.task, request_fields(recipe, seeds, takes, kind.encoding), inputs.get("source"), inputs.get("reference"),
        {"engine": recipe.engine},
    )  # fmt: skip
    with ResultFiles(destination, client.download) as files:
        follow_job(client.submit_request(request), Result(began, files), client, title="again", as_json=as_json)


def request_fields(recipe: Recipe, seeds: Sequence[int], takes: int | None, encoding: str | None) -> dict[str, object]:
    """Return the fields of the request that makes a recipe again: with its seed, unless others are given."""
    from acestep_runtime.units import END

    fields = recipe.task_fields(list(seeds) or [recipe.seed], takes)
    if fields.get("end_s") == END:
        del fields["end_s"]
    if recipe.model:
        sampling = fields.get("sampling")
        fields["sampling"] = {"model": recipe.model, **(sampling if isinstance(sampling, dict) else {})}
    if encoding is not None:
        output = fields["output"]
        fields["output"] = {**(output if isinstance(output, dict) else {}), "encoding": encoding}
    return dict(fields)


def _find(client: Client, parent: Parent, file: Path, given: Sequence[Path], count: int) -> audio_pb2.AudioInput:
    """Return a parent as the daemon has it, else from a file with its content; the only one given may be another."""
    found = _stored(client, parent) or _from_file(client, parent, file, given)
    if found is None and len(given) == count == 1:
        typer.echo(
            f"warning: {given[0].name} is not the {parent.name} that it was made from: the result differs.", err=True
        )
        found = client.upload(given[0])
    if found is None:
        from acestep_runtime.errors import InvalidValue, printable

        name = printable(parent.name)
        raise InvalidValue(
            parent.field, name, "audio that is still there",
            message=f"{file.name} was made from {name} (SHA-256 {parent.sha256}), which the daemon does not have.",
            remedy=f"Give that file behind it: `acebridge again {file.name} {name}`.",
        )  # fmt: skip
    found.name = parent.name
    if parent.start_s:
        found.region.start_s = parent.start_s
    if parent.end_s is not None:
        found.region.end_s = parent.end_s
    return found


def _stored(client: Client, parent: Parent) -> audio_pb2.AudioInput | None:
    from acebridge.errors import ErrorReason, JobFailed
    from acebridge.v1 import assets_pb2, audio_pb2

    try:
        client.call(client.assets.GetAsset, assets_pb2.GetAssetRequest(asset_id=parent.sha256))
    except JobFailed as error:
        if error.kind is not ErrorReason.NOT_FOUND:
            raise
        return None
    return audio_pb2.AudioInput(asset_id=parent.sha256)


def _from_file(client: Client, parent: Parent, file: Path, given: Sequence[Path]) -> audio_pb2.AudioInput | None:
    """Return a file with the content of a parent, among those given and beside the result."""
    from acestep_runtime.recipes import hash_file

    for path in (*given, file.parent / parent.name):
        if path.is_file() and hash_file(path) == parent.sha256:
            return client.upload(path)
    return None
