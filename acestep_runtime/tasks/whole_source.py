"""The base of tasks whose engine gets the whole source: cover, complete, extract and the analysis tasks."""

from __future__ import annotations

from abc import ABC
from collections.abc import Iterator
from dataclasses import dataclass

from acestep_runtime.engines.base import Engine
from acestep_runtime.tasks.base import Source, Task, TaskEvent
from acestep_runtime.values import CancelToken


@dataclass(frozen=True)
class WholeSourceTask(Task, ABC):
    """A task on all of ``source``. Its outputs, if it has any, are as long as the source."""

    source: Source

    def run(self, engine: Engine, cancel: CancelToken, done: int = 0) -> Iterator[TaskEvent]:
        """See `acestep_runtime.tasks.base.Task.run`."""
        from acestep_runtime.tasks.streams import run_on_whole_source

        return run_on_whole_source(self, self.source, engine, cancel, done)
