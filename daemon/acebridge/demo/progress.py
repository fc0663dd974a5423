"""One line on stderr for every step: live on a terminal, printed when done elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from acebridge.client.follow import JobSink
from acebridge.v1 import tasks_pb2


class StepProgress(JobSink):
    """Shows on its line how far a job is."""

    def __init__(self, live: Progress, row: TaskID) -> None:
        self._live, self._row = live, row

    def on_progress(self, progress: tasks_pb2.Progress) -> None:
        """Show the stage and how much is done."""
        self._live.update(self._row, total=1.0, completed=progress.fraction, stage=progress.stage)


class StepLines:
    """The lines of a run. Use it as a context manager, and `step` for each line."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._live = Progress(
            SpinnerColumn(finished_text="[green]✓"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[stage]}"),
            console=self._console,
            disable=not self._console.is_terminal,
        )

    def __enter__(self) -> StepLines:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    @contextmanager
    def step(self, title: str) -> Iterator[StepProgress]:
        """Show a step while the block runs; yield the sink that shows how far its job is."""
        began = time.monotonic()
        row = self._live.add_task(title, total=None, stage="")

        yield StepProgress(self._live, row)
        self._live.update(row, total=1.0, completed=1.0, stage="")
        if not self._console.is_terminal:
            self._console.print(f"{title}: {time.monotonic() - began:.1f} s", highlight=False)
