"""A job and its events, as values. Times are Unix seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

QUEUED, RUNNING, SUCCEEDED, FAILED, CANCELLED = "queued", "running", "succeeded", "failed", "cancelled"
ENDED = (SUCCEEDED, FAILED, CANCELLED)
PRIORITIES = {"low": -1, "normal": 0, "high": 1}
CANCELLED_ERROR = {"kind": "Cancelled", "message": "The job was cancelled."}


@dataclass(frozen=True)
class Job:
    """One request on its way. ``params`` is the task as JSON, its source named ``asset:<id>``."""

    id: str
    task: str
    params: Mapping[str, Any]
    engine: str
    state: str
    priority: str
    #: Jobs that go first; 0 unless queued.
    position: int
    attempts: int
    created: float
    started: float | None
    finished: float | None
    last_sequence: int
    progress: Mapping[str, Any]
    #: kind, message, remedy and details of the error that ended it.
    error: Mapping[str, Any]
    #: Bodies of its ``take`` events.
    takes: tuple[Mapping[str, Any], ...]
    #: Assets it reads.
    sources: tuple[str, ...]
    #: The job whose next batch it is, "" when it was a request of its own.
    next_of: str
    #: False while it is made ahead.
    asked: bool

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in ENDED

    def results(self) -> list[str]:
        """Return the ids of the assets it made."""
        return [output["asset_id"] for take in self.takes for output in take["outputs"]]


@dataclass(frozen=True)
class Event:
    """``kind`` is queued, started, progress, header, audio, take or completed; ``body`` its fields as JSON."""

    sequence: int
    kind: str
    body: Mapping[str, Any]
