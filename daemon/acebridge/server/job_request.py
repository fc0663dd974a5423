"""The request of a job as its message, from the parameters that the journal keeps."""

from __future__ import annotations

from collections.abc import Mapping

from acebridge.contract.fields import Fields, FieldValue, fill
from acebridge.contract.tasks import request_type, wrap
from acebridge.jobs.job import Job
from acebridge.v1 import tasks_pb2
from acestep_runtime.errors import InvalidValue
from acestep_runtime.tasks import AUDIO_FIELDS

#: Fields of a source that say which part of its file is used.
_REGION = ("start_s", "end_s")


def request_message(job: Job) -> tasks_pb2.TaskRequest | None:
    """Return what a job was asked for; ``None`` where another version wrote it, with fields that this one does not have."""
    params: Fields = job.params
    sources = {name: _audio_input(source) for name in AUDIO_FIELDS if isinstance(source := params.get(name), Mapping)}
    try:
        request = request_type(job.task)()
        fill(request, {**params, **sources, "submission": {"engine": job.engine, "priority": job.priority}})
    except (KeyError, InvalidValue):
        return None
    return wrap(request)


def _audio_input(source: Fields) -> dict[str, FieldValue]:
    """Return the fields of an AudioInput from those of a source of a task."""
    region = {name: source[name] for name in _REGION if name in source}
    plain = {name: value for name, value in source.items() if name not in _REGION}
    return {**plain, "region": region} if region else plain
