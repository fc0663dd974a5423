"""Warnings that are not about one task: they reach the user with the first job after they came up."""

from __future__ import annotations

from collections.abc import Generator, Iterator

from acestep_runtime.engines.base import EngineEvent, Metadata
from acestep_runtime.memory import precision


def add_warnings(events: Iterator[EngineEvent]) -> Generator[EngineEvent, None, None]:
    """Yield the events of a job, and at the end the warnings about precision that no job has reported, if there are any."""
    warnings: list[str] = []
    for event in events:
        if isinstance(event, Metadata):
            warnings += event.values.get("warnings", ())
        yield event
    about_precision = precision.take_warnings()
    if about_precision:
        yield Metadata({"warnings": [*warnings, *about_precision]})  # later facts replace earlier ones of their name
