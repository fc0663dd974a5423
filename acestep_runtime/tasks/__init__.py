"""The tasks: one frozen dataclass each with its defaults and limits, and the code around the engine."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TypeVar

from acestep_runtime.errors import InvalidValue
from acestep_runtime.limits import validate
from acestep_runtime.tasks.analysis import AlignLyrics, Score, Transcribe, Understand
from acestep_runtime.tasks.base import AUDIO_FIELDS, Output, Task
from acestep_runtime.tasks.complete import Complete
from acestep_runtime.tasks.cover import Cover
from acestep_runtime.tasks.extract import Extract
from acestep_runtime.tasks.layer_tries import with_layer_tries
from acestep_runtime.tasks.lego import Lego
from acestep_runtime.tasks.repaint import Repaint
from acestep_runtime.tasks.schema import from_fields, to_fields
from acestep_runtime.tasks.takes import with_seeds
from acestep_runtime.tasks.text2music import TextToMusic
from acestep_runtime.tasks.text_tasks import CreateSample, FormatSample
from acestep_runtime.values import Json

T = TypeVar("T", bound=Task)

#: Every task by its name.
TASKS: dict[str, type[Task]] = {
    task.name: task
    for task in (
        TextToMusic,
        Cover,
        Repaint,
        Lego,
        Complete,
        Extract,
        Understand,
        AlignLyrics,
        Score,
        CreateSample,
        FormatSample,
        Transcribe,
    )
}


def build_task(name: str, fields: Mapping[str, Json]) -> Task:
    """Construct a task from its fields and check their limits (not its source, see `Task.validate`).

    Raises `InvalidValue`.
    """
    if name not in TASKS:
        raise InvalidValue("task", name, ", ".join(TASKS))
    task = from_fields(TASKS[name], fields)
    validate(task)
    return task


def with_all_seeds(task: T) -> T:
    """Return the task with all its seeds filled in, so that running it again gives the same result.

    A layer gets its tries, see `with_layer_tries`: they count from its seeds.
    """
    output: Output | None = getattr(task, "output", None)
    if output is not None:
        return dataclasses.replace(task, **{"output": with_seeds(with_layer_tries(type(task), output))})
    if task.has("seed") and getattr(task, "seed", None) is None:
        return dataclasses.replace(task, **{"seed": with_seeds(Output()).seeds[0]})
    return task


__all__ = [
    "AUDIO_FIELDS",
    "TASKS",
    "AlignLyrics",
    "Complete",
    "Cover",
    "CreateSample",
    "Extract",
    "FormatSample",
    "Lego",
    "Repaint",
    "Score",
    "Task",
    "TextToMusic",
    "Transcribe",
    "Understand",
    "build_task",
    "to_fields",
    "with_all_seeds",
]
