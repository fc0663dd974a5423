"""Parts that are to be done again as the recipe in a file says."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from acebridge.contract.fields import merge_fields
from acebridge.hosts.jobfolder.request import Part, Request

if TYPE_CHECKING:
    from acebridge.client.client import Client
    from acebridge.contract.tasks import TaskRequest


def use_recipes(request: Request) -> Request:
    """Return a request whose parts all have their tasks. Raises `InvalidValue` for a file without a recipe."""
    if all(part.again is None for part in request.parts):
        return request
    return dataclasses.replace(request, parts=tuple(map(_use_recipe, request.parts)))


def _use_recipe(part: Part) -> Part:
    if part.again is None:
        return part
    from acebridge.client.parents import read_recipe, request_fields

    recipe = read_recipe(part.again)
    fields: dict[str, Any] = dict(request_fields(recipe, [], variation=part.variation))
    tracks = fields.get("tracks")
    if isinstance(tracks, (list, tuple)) and recipe.role in tracks:
        fields["tracks"] = [recipe.role]  # only the one that the file holds
    fields["submission"] = {"engine": recipe.engine}
    return dataclasses.replace(part, task=recipe.task, fields=merge_fields(fields, part.fields), parents=recipe.parents)


def add_parents(client: Client, part: Part, message: TaskRequest) -> None:
    """Put the audio that a recipe names into its request. Raises `InvalidValue` for what is nowhere."""
    if not part.parents or part.again is None:
        return
    from acebridge.client.parents import find_parent, missing_parent

    for parent in part.parents:
        audio = find_parent(client, parent, [part.again.parent / parent.name])
        if audio is None:
            remedy = "Put that file beside it, then run the action again."
            raise missing_parent(parent, part.again.name, remedy)
        getattr(message, parent.field).CopyFrom(audio)
