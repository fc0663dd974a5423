"""The methods of TaskService: the task that each runs and the request that it takes. Imports no task.

The names of tasks are those of `acestep_runtime.tasks`; fields of a request are those of its task, plus ``submission``.
"""

from __future__ import annotations

from typing import NamedTuple

from acebridge.v1 import tasks_pb2

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
)


class TaskMethod(NamedTuple):
    """A method of TaskService: its name, its task, and its request message."""

    rpc: str
    task: str
    request: type[TaskRequest]


#: In the order of the contract.
METHODS = (
    TaskMethod("TextToMusic", "text2music", tasks_pb2.TextToMusicRequest),
    TaskMethod("Cover", "cover", tasks_pb2.CoverRequest),
    TaskMethod("Repaint", "repaint", tasks_pb2.RepaintRequest),
    TaskMethod("Lego", "lego", tasks_pb2.LegoRequest),
    TaskMethod("Complete", "complete", tasks_pb2.CompleteRequest),
    TaskMethod("Extract", "extract", tasks_pb2.ExtractRequest),
    TaskMethod("Understand", "understand", tasks_pb2.UnderstandRequest),
    TaskMethod("AlignLyrics", "align_lyrics", tasks_pb2.AlignLyricsRequest),
    TaskMethod("Score", "score", tasks_pb2.ScoreRequest),
    TaskMethod("CreateSample", "create_sample", tasks_pb2.CreateSampleRequest),
    TaskMethod("FormatSample", "format_sample", tasks_pb2.FormatSampleRequest),
)
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
