"""Warnings about the machine, reported with the next job."""

from __future__ import annotations

from collections.abc import Generator, Iterator

from acestep_runtime.engines.base import EngineEvent, Metadata
from acestep_runtime.memory import precision


def add_warnings(events: Iterator[EngineEvent]) -> Generator[EngineEvent, None, None]:
    """Yield the events of a job, then the pending warnings about precision, if any."""
    warnings: list[str] = []
    for event in events:
        if isinstance(event, Metadata):
            warnings += event.values.get("warnings", ())
        yield event
    precision_warnings = precision.take_warnings()
    if precision_warnings:
        # Later values replace earlier ones of their name.
        yield Metadata({"warnings": [*warnings, *precision_warnings]})
