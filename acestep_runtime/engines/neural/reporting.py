"""The warnings of a job: those of its parts together, and those about the machine."""

from __future__ import annotations

from collections.abc import Generator, Iterator

from acestep_runtime.engines.base import EngineEvent, Metadata
from acestep_runtime.memory import precision


def add_warnings(events: Iterator[EngineEvent]) -> Generator[EngineEvent, None, None]:
    """Yield the events of a job, then all of its warnings, each once, and the pending ones about precision.

    Without this, later warnings would replace earlier ones, as all metadata does.
    """
    warnings: list[str] = []
    last: list[str] = []
    for event in events:
        if isinstance(event, Metadata) and "warnings" in event.values:
            last = list(event.values["warnings"])
            warnings += last
        yield event
    together = list(dict.fromkeys([*warnings, *precision.take_warnings()]))
    if together != last:
        yield Metadata({"warnings": together})
