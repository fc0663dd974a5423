"""A job and its events, as values. Times are Unix seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, Literal, TypeAlias, TypeVar

from typing_extensions import NotRequired, TypedDict

from acebridge.workers.messages import CANCELLED_ERROR as CANCELLED_ERROR
from acebridge.workers.messages import Audio, Error, Header, Progress, Take, TaskParams

QUEUED, RUNNING, SUCCEEDED, FAILED, CANCELLED = "queued", "running", "succeeded", "failed", "cancelled"
ENDED = (SUCCEEDED, FAILED, CANCELLED)
PRIORITIES = {"low": -1, "normal": 0, "high": 1}


@dataclass(frozen=True)
class Job:
    """One request. In ``params`` a source is named by its ``asset_id``."""

    id: str
    task: str
    params: TaskParams
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
    #: The last one of this attempt, empty before the first.
    progress: Progress
    #: The error that ended it, empty when there is none.
    error: Error
    #: Bodies of its ``take`` events.
    takes: tuple[Take, ...]
    #: Ids of the assets that it reads.
    sources: tuple[str, ...]
    #: The job whose next batch it is, "" for a job submitted directly.
    next_of: str
    #: False while it is prefetched.
    requested: bool
    #: Where its request came from, as far as that is known: host, instance, project.
    origin: Mapping[str, str]
    #: Why this engine does it, where another one may be expected; one more warning of its takes.
    note: str = ""
    #: The engine that makes its takes where memory is short for its own, "" for none.
    spare: str = ""
    #: The newest job before it that makes the same, and did not fail; "" for none, and in lists.
    same_as: str = ""

    @property
    def is_finished(self) -> bool:
        """Whether it has ended."""
        return self.state in ENDED

    def results(self) -> list[str]:
        """Return the ids of its output assets."""
        return [output["asset_id"] for take in self.takes for output in take["outputs"]]


class Queued(TypedDict):
    """Its place in the queue has changed, or why no worker takes it: ``reason``, which is not stored."""

    position: int
    reason: NotRequired[str]


class Started(TypedDict):
    """A worker has it. ``chooses``: only its best takes are stored."""

    engine: str
    device: str
    attempt: int
    chooses: bool


class Choice(TypedDict, total=False):
    """A take of a job that chooses. ``score`` and ``note`` are left out where there are none."""

    take: int
    seed: int
    score: float
    chosen: bool
    note: str


class Completed(TypedDict):
    """It has succeeded. ``ranking`` is empty for a job that does not choose."""

    engine: str
    waited_s: float
    worked_s: float
    ranking: list[Choice]


_Kind = TypeVar("_Kind", bound=str)
_Body = TypeVar("_Body")


@dataclass(frozen=True)
class JobEvent(Generic[_Kind, _Body]):
    """Something that happened to a job. Numbers never fall within a job."""

    sequence: int
    kind: _Kind
    body: _Body


AudioEvent: TypeAlias = JobEvent[Literal["audio"], Audio]
#: An event of a job; ``kind`` determines the type of ``body``.
Event: TypeAlias = (
    JobEvent[Literal["queued"], Queued]
    | JobEvent[Literal["started"], Started]
    | JobEvent[Literal["progress"], Progress]
    | JobEvent[Literal["header"], Header]
    | AudioEvent
    | JobEvent[Literal["take"], Take]
    | JobEvent[Literal["completed"], Completed]
)
EventBody: TypeAlias = Queued | Started | Progress | Header | Audio | Take | Completed
