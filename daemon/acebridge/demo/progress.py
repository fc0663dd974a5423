"""One line on stderr for every step: live on a terminal, printed when done elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from acebridge.v1 import tasks_pb2

ShowEvent = Callable[[tasks_pb2.TaskEvent], None]


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
    def step(self, title: str) -> Iterator[ShowEvent]:
        """Show a step while the block runs; call what it gives with the events of a task to show how far that is."""
        began = time.monotonic()
        row = self._live.add_task(title, total=None, stage="")

        def show(event: tasks_pb2.TaskEvent) -> None:
            if event.WhichOneof("event") == "progress":
                self._live.update(row, total=1.0, completed=event.progress.fraction, stage=event.progress.stage)

        yield show
        self._live.update(row, total=1.0, completed=1.0, stage="")
        if not self._console.is_terminal:
            self._console.print(f"{title}: {time.monotonic() - began:.1f} s", highlight=False)
