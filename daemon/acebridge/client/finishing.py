"""Asking for the rest of a take that is a preview: the request of its job, for this take alone, with the preview to decode."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from acebridge.client.repeats import fields_without_audio, find_request, take_seed_of
from acebridge.contract.fields import FieldValue
from acebridge.errors import ErrorReason, JobFailed
from acebridge.v1 import assets_pb2
from acestep_runtime.errors import InvalidValue
from acestep_runtime.tasks.finishing import finish_fields

if TYPE_CHECKING:
    from acebridge.client.client import Client
    from acebridge.v1 import jobs_pb2, tasks_pb2


class Finish(NamedTuple):
    """The fields of a request, without its audio, that finishes a take; ``note`` says why it takes longer, if it does."""

    fields: dict[str, FieldValue]
    note: str


def finish_take(client: Client, job: jobs_pb2.Job, take: int | None, model: str = "") -> Finish:
    """Return what finishes a take of a job, by default its only preview; ``model`` is another one than the request names.

    Raises `InvalidValue` for a take that is none, or is whole, and `JobFailed` where nobody knows what was asked for.
    """
    found = _find_take(job, take)
    fields = fields_without_audio(find_request(job))
    preview_id = found.outputs[0].asset_id
    is_stored = _is_stored(client, preview_id)
    finished = finish_fields(fields, take_seed_of(found), preview_id if is_stored else "")
    if model:
        sampling = finished.get("sampling")
        finished["sampling"] = {**(sampling if isinstance(sampling, dict) else {}), "model": model}
    if is_stored:
        return Finish(finished, "")
    return Finish(
        finished,
        f"The preview of take {found.take} is not stored any more: the take is made from its seed, which takes longer.",
    )


def _find_take(job: jobs_pb2.Job, take: int | None) -> tasks_pb2.TakeFinished:
    previews = [each for each in job.takes if each.outputs and each.metadata.HasField("preview")]
    allowed = ", ".join(str(each.take) for each in previews) or "a take of a job with --preview"
    if take is None and len(previews) == 1:
        return previews[0]
    for each in job.takes:
        if each.take == take:
            if each in previews:
                return each
            raise InvalidValue(
                "take", take, allowed, message=f"Take {take} of job {job.id} is whole: there is nothing to finish."
            )
    shown = "none" if take is None else take
    remedy = "Say which take; `acebridge jobs show` lists them."
    if take is None and previews:
        message = f"Job {job.id} has {len(previews)} previews, of takes {allowed}."
        raise InvalidValue("take", shown, allowed, message=message, remedy=remedy)
    raise InvalidValue("take", shown, allowed, remedy=remedy)


def _is_stored(client: Client, asset_id: str) -> bool:
    try:
        client.call(client.assets.GetAsset, assets_pb2.GetAssetRequest(asset_id=asset_id))
    except JobFailed as missing:
        if missing.kind is not ErrorReason.NOT_FOUND:
            raise
        return False
    return True
