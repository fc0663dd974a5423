"""The methods of TaskService: the task that each runs, the request that it takes, and that request among all.

Fields of a request are those of its task in `acestep_runtime.tasks`, plus ``submission``.
"""

from __future__ import annotations

from typing import NamedTuple, get_args

from acebridge.v1 import tasks_pb2
from acestep_runtime.errors import InvalidValue
from acestep_runtime.tasks import TASKS

TaskRequest = (
    tasks_pb2.TextToMusicRequest
    | tasks_pb2.CoverRequest
    | tasks_pb2.RepaintRequest
    | tasks_pb2.LegoRequest
    | tasks_pb2.CompleteRequest
    | tasks_pb2.ExtractRequest
    | tasks_pb2.UnderstandRequest
    | tasks_pb2.AlignLyricsRequest
    | tasks_pb2.ScoreRequest
    | tasks_pb2.CreateSampleRequest
    | tasks_pb2.FormatSampleRequest
    | tasks_pb2.TranscribeRequest
)


class TaskMethod(NamedTuple):
    """A method of TaskService: its name, its task, and its request message."""

    rpc: str
    task: str
    request: type[TaskRequest]


def _methods() -> tuple[TaskMethod, ...]:
    requests: tuple[type[TaskRequest], ...] = get_args(TaskRequest)
    by_rpc = {request.DESCRIPTOR.name.removesuffix("Request"): request for request in requests}
    return tuple(TaskMethod(task.rpc, name, by_rpc[task.rpc]) for name, task in TASKS.items())


#: One for each task, in the order of the contract.
METHODS = _methods()
#: Method of TaskService → name of its task.
RPCS = {method.rpc: method.task for method in METHODS}
_BY_TASK = {method.task: method for method in METHODS}
_BY_REQUEST = {method.request: method for method in METHODS}


def request_type(task: str) -> type[TaskRequest]:
    """Return the request message class of a task. Raises ``KeyError`` for an unknown task."""
    return _BY_TASK[task].request


def method_of(request: TaskRequest) -> TaskMethod:
    """Return the method that takes ``request``."""
    return _BY_REQUEST[type(request)]


#: Name of a request message → the field of tasks_pb2.TaskRequest that holds it.
_FIELDS = {
    field.message_type.name: field.name
    for field in tasks_pb2.TaskRequest.DESCRIPTOR.fields
    if field.message_type is not None
}


def wrap(request: TaskRequest) -> tasks_pb2.TaskRequest:
    """Return ``request`` as one for any task."""
    wrapped = tasks_pb2.TaskRequest()
    getattr(wrapped, _FIELDS[request.DESCRIPTOR.name]).CopyFrom(request)
    return wrapped


def unwrap(wrapped: tasks_pb2.TaskRequest) -> TaskRequest:
    """Return the request that ``wrapped`` holds. Raises `InvalidValue` when it holds none."""
    name = wrapped.WhichOneof("task")
    if name is None:
        raise InvalidValue(
            "request.task", "", ", ".join(_FIELDS.values()), message="The request names no task.",
            remedy="Set the field of one task.",
        )  # fmt: skip
    request: TaskRequest = getattr(wrapped, name)
    return request
