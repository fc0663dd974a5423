"""The tasks: one frozen dataclass each, with its defaults and limits, and what is done around the engine."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from acestep_runtime.errors import InvalidValue
from acestep_runtime.limits import validate
from acestep_runtime.tasks.base import AUDIO_FIELDS, Output, Task, with_seeds
from acestep_runtime.tasks.complete import Complete
from acestep_runtime.tasks.cover import Cover
from acestep_runtime.tasks.extract import Extract
from acestep_runtime.tasks.json_form import build, to_json
from acestep_runtime.tasks.lego import Lego
from acestep_runtime.tasks.listening import AlignLyrics, Score, Understand
from acestep_runtime.tasks.repaint import Repaint
from acestep_runtime.tasks.text2music import TextToMusic
from acestep_runtime.tasks.writing import CreateSample, FormatSample

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
    )
}


def from_json(name: str, fields: Mapping[str, Any], *, files: Mapping[str, str] | None = None) -> Task:
    """Construct a task from its JSON form and check its values (not its source, see `Task.validate`).

    ``files`` maps what stands for the path of a source or reference to the real path. Raises `InvalidValue`.
    """
    if name not in TASKS:
        raise InvalidValue("task", name, ", ".join(TASKS))
    for field, held in fields.items():
        if field in AUDIO_FIELDS and files and isinstance(held, dict) and held.get("path") in files:
            fields = {**fields, field: {**held, "path": files[held["path"]]}}
    task: Task = build(TASKS[name], fields)
    validate(task)
    return task


def with_all_seeds(task: Any) -> Any:
    """Return the task with the seeds it will use written into it, so that running it again gives the same result."""
    if hasattr(task, "output"):
        return dataclasses.replace(task, output=with_seeds(task.output))
    if hasattr(task, "seed") and task.seed is None:
        return dataclasses.replace(task, seed=with_seeds(Output()).seeds[0])
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
    "Understand",
    "from_json",
    "to_json",
    "with_all_seeds",
]
