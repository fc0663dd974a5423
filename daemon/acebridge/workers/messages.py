"""Orders to a worker and its messages, and their encoding on a pipe: one JSON object a line.

Orders are distinguished by ``op``, messages by ``type``. A worker answers its `StartOrder` with
`ReadyMessage`. A `JobOrder` then yields progress, headers, audio, takes and, where takes are chosen, a ranking; a `ModelOrder`
yields progress. Each of them ends with one `DoneMessage` or `ErrorMessage`. While it works on one, a worker says every `BEAT_S`
seconds that it is alive.

Audio does not go through the pipe: it is written to WAV files in the spool (see `acebridge.workers.spool`), and a message says
only which frames can be read by now. The bodies of messages are those of the journal's events.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias, TypedDict

#: Seconds between two `AliveMessage`.
BEAT_S = 5.0
Json: TypeAlias = bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"] | None


#: A task as JSON: see `acestep_runtime.tasks.schema.to_fields`.
TaskParams: TypeAlias = Mapping[str, Json]


class Progress(TypedDict, total=False):
    """``fraction`` is 0 to 1; ``eta_s`` is ``None`` while it is unknown."""

    stage: str
    fraction: float
    eta_s: float | None


class _Chunks(TypedDict, total=False):
    chunks: str


class Header(_Chunks):
    """See `acestep_runtime.tasks.base.OutputHeader`. ``chunks`` are in base64; absent where there are none."""

    output: int
    take: int
    role: str
    sample_rate: int
    channels: int
    encoding: str
    frames: int
    start_frame: int


class Audio(TypedDict):
    """``frames`` more frames of an output, from ``offset_frames`` on, can be read from its file."""

    output: int
    offset_frames: int
    frames: int


class StoredOutput(Header):
    """A complete output, without its chunks. ``asset_id`` is the SHA-256 of its file."""

    asset_id: str


class Take(TypedDict):
    """A take with all its outputs."""

    take: int
    seed: int
    facts: Mapping[str, Json]
    outputs: list[StoredOutput]


class _Note(TypedDict, total=False):
    note: str


class RankedTake(_Note):
    """See `acestep_runtime.tasks.choosing.RankedTake`."""

    take: int
    seed: int
    score: float | None
    chosen: bool
    kept: bool


class EngineChange(TypedDict):
    """See `acestep_runtime.recording.EngineChange`."""

    engine: str
    note: str


class Error(TypedDict, total=False):
    """The error of a job; empty without one. ``kind`` is the class of the error."""

    kind: str
    message: str
    remedy: str
    details: dict[str, str]


#: Of an order that was cancelled.
CANCELLED_ERROR: Error = {"kind": "Cancelled", "message": "The job was cancelled.", "remedy": "", "details": {}}

# ---- orders ----


class _Parts(TypedDict, total=False):
    parts: str


class StartOrder(_Parts):
    """The first one: the device that the worker computes on, as `acestep_runtime.memory.policy` names it, and the memory that
    it may take, 0 for any. ``parts`` are on devices of their own, see `acestep_runtime.memory.parts`; absent without any.
    """

    op: Literal["start"]
    device: str
    memory_bytes: int


class JobOrder(TypedDict):
    """Run a task. Its outputs go into ``folder``.

    ``files`` maps the assets that ``params`` names to their paths. ``takes`` are those that an earlier attempt has finished.
    ``priority`` is the job's. ``note`` is one more warning of its takes. ``spare`` is the engine that makes them where memory
    is short for ``engine``, "" for none.
    """

    op: Literal["job"]
    id: str
    priority: str
    task: str
    params: TaskParams
    engine: str
    note: str
    spare: str
    files: Mapping[str, str]
    folder: str
    takes: Sequence[Take]


class ModelOrder(TypedDict):
    """Load or unload a model."""

    op: Literal["load", "unload"]
    id: str
    engine: str
    model: str


class CancelOrder(TypedDict):
    """Stop the worker's order with this id at its next step."""

    op: Literal["cancel"]
    id: str


WorkOrder: TypeAlias = JobOrder | ModelOrder
Order: TypeAlias = StartOrder | WorkOrder | CancelOrder


# ---- messages ----


class ReadyMessage(TypedDict):
    """The worker takes orders."""

    type: Literal["ready"]


class AliveMessage(TypedDict):
    """The worker is at work, and not stopped; it says nothing of progress. ``loads``: it loads an engine or a model."""

    type: Literal["alive"]
    loads: bool


class EngineMessage(TypedDict):
    """Another engine makes the takes than the one of the order, from the first on."""

    type: Literal["engine"]
    body: EngineChange


class ProgressMessage(TypedDict):
    """The progress of an order."""

    type: Literal["progress"]
    body: Progress


class HeaderMessage(TypedDict):
    """An output begins."""

    type: Literal["header"]
    body: Header


class AudioMessage(TypedDict):
    """An output has grown."""

    type: Literal["audio"]
    body: Audio


class TakeMessage(TypedDict):
    """A take is complete, its files are whole and on disk."""

    type: Literal["take"]
    body: Take


class RankingMessage(TypedDict):
    """All takes of a task that chooses, the best first."""

    type: Literal["ranking"]
    body: list[RankedTake]


class DoneMessage(TypedDict):
    """The order has succeeded. ``models`` are those loaded now."""

    type: Literal["done"]
    models: list[str]


class ErrorMessage(TypedDict):
    """The order has ended without a result."""

    type: Literal["error"]
    body: Error
    models: list[str]


Message: TypeAlias = (
    ReadyMessage
    | AliveMessage
    | EngineMessage
    | ProgressMessage
    | HeaderMessage
    | AudioMessage
    | TakeMessage
    | RankingMessage
    | DoneMessage
    | ErrorMessage
)


def chunks_of(header: Header) -> bytes:
    """Return the chunks of an output's file beside its samples."""
    return base64.b64decode(header.get("chunks", ""))


def encode(message: Order | Message) -> bytes:
    """Return an order or a message as a line."""
    return json.dumps(message).encode() + b"\n"


def decode_order(line: bytes) -> Order:
    """Return the order in a line."""
    order: Order = json.loads(line)
    return order


def decode_message(line: bytes) -> Message:
    """Return the message in a line."""
    message: Message = json.loads(line)
    return message
