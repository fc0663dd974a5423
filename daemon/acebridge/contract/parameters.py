"""The request of a job as its message, from the parameters that the journal and the orders of workers hold."""

from __future__ import annotations

from collections.abc import Mapping

from acebridge.contract.fields import Fields, FieldValue, fill
from acebridge.contract.tasks import TaskRequest, request_type
from acestep_runtime.tasks import AUDIO_FIELDS

#: Fields of a source that say which part of its file is used.
_REGION = ("start_s", "end_s")


def request_from_parameters(task: str, parameters: Fields, submission: Fields) -> TaskRequest:
    """Return the request that asks for a task with ``parameters``, queued as ``submission`` says.

    Raises ``KeyError`` and `InvalidValue` for parameters that this version of the contract does not have.
    """
    sources = {
        name: _audio_input(source) for name in AUDIO_FIELDS if isinstance(source := parameters.get(name), Mapping)
    }
    request = request_type(task)()
    fill(request, {**parameters, **sources, "submission": submission})
    return request


def _audio_input(source: Fields) -> dict[str, FieldValue]:
    """Return the fields of an AudioInput from those of a source of a task."""
    region = {name: source[name] for name in _REGION if name in source}
    plain = {name: value for name, value in source.items() if name not in _REGION}
    return {**plain, "region": region} if region else plain
