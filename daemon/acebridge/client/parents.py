"""What a recipe needs to be used again: the request's fields, and the audio that a result was made from, by its content."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from acebridge.errors import ErrorReason, JobFailed
from acebridge.v1 import assets_pb2, audio_pb2
from acestep_runtime.errors import InvalidValue, printable

if TYPE_CHECKING:
    from acebridge.client.client import Client
    from acestep_runtime.recipes import Parent, Recipe
    from acestep_runtime.values import Json


def read_recipe(file: Path) -> Recipe:
    """Return the recipe in a file. Raises `InvalidValue` where there is none, and `UnreadableAudio` for what is not audio."""
    from acestep_runtime.audio.tags.describe import describe_file
    from acestep_runtime.recipes import parse_recipe

    _, text = describe_file(file)
    if not text:
        raise no_recipe(file.name)
    return parse_recipe(text, file.name)


def no_recipe(name: str) -> InvalidValue:
    """Return the error for what has no recipe."""
    return InvalidValue(
        "file", name, "a file that AceBridge has made, with its recipe",
        message=f"{printable(name)} holds no recipe, so nobody knows how it was made.",
        remedy="Only results of AceBridge have one, unless the setting recipes is off.",
    )  # fmt: skip


def request_fields(
    recipe: Recipe, seeds: Sequence[int] | None = None, takes: int | None = None, *, variation: float | None = None
) -> dict[str, Json]:
    """Return the fields of the request that makes a recipe again, as it was or with these seeds; none of them are new ones.

    With a ``variation`` it varies the recipe's take by that amount.
    """
    from acestep_runtime.units import END

    fields = recipe.task_fields(seeds, takes) if variation is None else recipe.variation_fields(variation, takes)
    if fields.get("end_s") == END:  # the end of the source, which the wire leaves out
        del fields["end_s"]
    if recipe.model:
        sampling = fields.get("sampling")
        fields["sampling"] = {"model": recipe.model, **(sampling if isinstance(sampling, dict) else {})}
    return fields


def find_parent(client: Client, parent: Parent, files: Iterable[Path]) -> audio_pb2.AudioInput | None:
    """Return a parent as the daemon has it, else one of ``files`` with its content; ``None`` where neither is there."""
    found = _in_store(client, parent) or _from_file(client, parent, files)
    return None if found is None else as_parent(found, parent)


def as_parent(audio: audio_pb2.AudioInput, parent: Parent) -> audio_pb2.AudioInput:
    """Return audio with the name and the region of a parent."""
    audio.name = parent.name
    if parent.start_s:
        audio.region.start_s = parent.start_s
    if parent.end_s is not None:
        audio.region.end_s = parent.end_s
    return audio


def missing_parent(parent: Parent, made: str, remedy: str) -> InvalidValue:
    """Return the error for a parent that is nowhere; ``made`` is the name of what was made from it."""
    name = printable(parent.name) or "a file"
    message = f"{printable(made)} was made from {name} (SHA-256 {parent.sha256}), which the daemon does not have."
    return InvalidValue(parent.field, name, "audio that is still there", message=message, remedy=remedy)


def _in_store(client: Client, parent: Parent) -> audio_pb2.AudioInput | None:
    try:
        client.call(client.assets.GetAsset, assets_pb2.GetAssetRequest(asset_id=parent.sha256))
    except JobFailed as error:
        if error.kind is not ErrorReason.NOT_FOUND:
            raise
        return None
    return audio_pb2.AudioInput(asset_id=parent.sha256)


def _from_file(client: Client, parent: Parent, files: Iterable[Path]) -> audio_pb2.AudioInput | None:
    from acestep_runtime.file_hashes import hash_file

    for path in files:
        if path.is_file() and hash_file(path) == parent.sha256:
            return client.upload(path)
    return None
