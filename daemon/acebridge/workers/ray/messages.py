"""What a relay says in addition to what a worker says, and what an actor sends to its relay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias, TypedDict

from acebridge.workers.messages import Message


class Node(TypedDict):
    """A node as its actor finds it. ``engines`` has the tasks that each engine can do there, ``models`` the complete ones.

    ``node_id`` is Ray's.
    """

    node_id: str
    host: str
    version: str
    device: str
    engines: dict[str, list[str]]
    models: list[str]


class PlaceOrder(TypedDict):
    """Start the actor, and wait for it as long as it takes. Ends with ``done``, or with ``error`` where it cannot run."""

    op: Literal["place"]
    id: str
    engine: str


#: The one such order: what starts a relay asks for an engine, and this one imports nothing.
PLACE: PlaceOrder = {"op": "place", "id": "place", "engine": "fake"}


class NodeMessage(TypedDict):
    """Where the worker runs now; ``label`` names the node for people."""

    type: Literal["node"]
    label: str
    body: Node


class ProblemMessage(TypedDict):
    """Why the worker cannot work now, in one or two sentences; empty when it can again."""

    type: Literal["problem"]
    says: str


class SourcesMessage(TypedDict):
    """How many bytes of sources went to the node for this order."""

    type: Literal["sources"]
    size_bytes: int


class DeathMessage(TypedDict):
    """The worker has ended before its order did: see `acebridge.workers.base.WorkerDied`.

    ``remedy`` is empty but for one that took too much memory, whose ``reason`` is for the user.
    """

    type: Literal["death"]
    reason: str
    took_order: bool
    remedy: str


RelayMessage: TypeAlias = NodeMessage | ProblemMessage | SourcesMessage | DeathMessage


class FilePiece(NamedTuple):
    """``data`` stands at ``offset_bytes`` of the file ``name`` in the folder of the order."""

    name: str
    offset_bytes: int
    data: bytes


#: What an actor sends at once: pieces of files, and messages that speak of what came before them.
Parcel: TypeAlias = Sequence[FilePiece | Message | DeathMessage]
