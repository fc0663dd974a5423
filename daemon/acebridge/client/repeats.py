"""Asking again for what a job was asked for: its request with other seeds or as a variation, and the audio it was made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from acebridge.contract.fields import FieldValue, fields_of
from acebridge.contract.tasks import TaskRequest, method_of, unwrap
from acebridge.errors import ErrorReason, JobFailed
from acestep_runtime.errors import InvalidValue
from acestep_runtime.tasks import AUDIO_FIELDS, TASKS
from acestep_runtime.tasks.choosing import is_choice
from acestep_runtime.tasks.layer_tries import without_layer_tries
from acestep_runtime.tasks.takes import replace_seeds, seeds_of
from acestep_runtime.tasks.variations import vary_fields, without_variation
from acestep_runtime.values import TakeSeed, Variation

if TYPE_CHECKING:
    from acebridge.v1 import jobs_pb2, tasks_pb2
    from acestep_runtime.recipes import Parent


def find_request(job: jobs_pb2.Job) -> TaskRequest:
    """Return what a job was asked for. Raises `JobFailed` where the daemon does not say it."""
    if job.request.WhichOneof("task") is None:
        raise JobFailed(
            ErrorReason.CONFLICT,
            f"Nobody knows what job {job.id} was asked for: another version of AceBridge wrote it.",
            remedy="If a file that it made is still there, `acebridge again FILE` makes that again.",
        )
    return unwrap(job.request)


def parents_of(request: TaskRequest) -> tuple[Parent, ...]:
    """Return the audio that a request names by its asset ids, which are hashes of it."""
    from acestep_runtime.recipes import Parent

    sources = {name: getattr(request, name) for name in AUDIO_FIELDS if getattr(request, name, None) is not None}
    return tuple(
        Parent(
            name,
            audio.asset_id,
            audio.name,
            audio.region.start_s,
            audio.region.end_s if audio.region.HasField("end_s") else None,
        )
        for name, audio in sources.items()
        if audio.asset_id
    )


def repeat_fields(job: jobs_pb2.Job, seeds: Sequence[int], takes: int | None) -> dict[str, FieldValue]:
    """Return the fields of the request that makes a job again, without its audio.

    Its own seeds are there where none are given, and the model that made it. Takes of given seeds are no variations. Raises
    `InvalidValue` for seeds and takes of a task that has none, and `JobFailed` where nobody knows what was asked for.
    """
    return _with_seeds(method_of(find_request(job)).task, _fields_with_model(job), seeds, takes)


def variation_fields(job: jobs_pb2.Job, take: int | None, amount: float, takes: int | None) -> dict[str, FieldValue]:
    """Return the fields of the request, without its audio, that varies a take of a job, by default the first or best.

    Raises `InvalidValue` for a take that the job does not have, and `JobFailed` where nobody knows what was asked for.
    """
    fields = _fields_with_model(job)
    numbers = [each.take for each in job.takes if each.outputs]
    found = next((each for each in job.takes if each.outputs and take in (None, each.take)), None)
    if found is None:
        allowed = ", ".join(map(str, sorted(numbers))) if numbers else "a take of a job that has made audio"
        raise InvalidValue("take", "the first" if take is None else take, allowed,
                           remedy="Choose another take, or another job.")  # fmt: skip
    return vary_fields(fields, take_seed_of(found), amount, takes)


def take_seed_of(take: tasks_pb2.TakeFinished) -> TakeSeed:
    """Return the seed of a take, with the variations that lead to it."""
    return TakeSeed(take.seed, tuple(Variation(step.amount, step.seed) for step in take.metadata.variations))


def fields_without_audio(request: TaskRequest) -> dict[str, FieldValue]:
    """Return the fields of a request but for its audio."""
    return {name: value for name, value in fields_of(request).items() if name not in AUDIO_FIELDS}


def _fields_with_model(job: jobs_pb2.Job) -> dict[str, FieldValue]:
    """Return the fields of the request of a job, without its audio, with the model that made it."""
    request = find_request(job)
    fields = fields_without_audio(request)
    model = next((take.metadata.model for take in job.takes if take.metadata.model), "")
    if model and TASKS[method_of(request).task].has("sampling"):
        fields["sampling"] = {"model": model, **_group(fields, "sampling")}
    return fields


def _with_seeds(
    task: str, fields: dict[str, FieldValue], seeds: Sequence[int], takes: int | None
) -> dict[str, FieldValue]:
    """Return fields with these seeds and this number of takes, where they are given."""
    has_takes, own = TASKS[task].has("output"), seeds_of(fields)
    for option, given, fits in (("--takes", takes, has_takes), ("--seed", seeds or None, bool(own))):
        if given is not None and not fits:
            shown = given if isinstance(given, int) else ", ".join(map(str, given))
            raise InvalidValue(option, shown, f"nothing for {task}, which has none", remedy="Leave it out.")
    if not own:
        return fields
    if has_takes and (seeds or takes is not None):
        fields = {**fields, "output": without_layer_tries(_group(fields, "output"))}
    if seeds and has_takes:
        fields = {**fields, "output": without_variation(_group(fields, "output"))}
    chosen = list(seeds) or own
    if has_takes and not is_choice(fields):
        takes = takes or (len(seeds) if len(seeds) > 1 else None)
        chosen = chosen if seeds else chosen[:takes]
    varied = replace_seeds(fields, chosen)
    return varied if takes is None else {**varied, "output": {**_group(varied, "output"), "takes": takes}}


def _group(fields: Mapping[str, FieldValue], name: str) -> Mapping[str, FieldValue]:
    group = fields.get(name)
    return group if isinstance(group, Mapping) else {}
