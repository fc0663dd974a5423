"""Whoever sends messages and gets answers: an address of UDP, or a connection of TCP."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Protocol


class Peer(Protocol):
    """Where a message came from, and where answers go. Never blocks; what cannot be sent is dropped."""

    @property
    def host(self) -> str:
        """The address of its machine."""

    @property
    def is_stream(self) -> bool:
        """Whether it is a connection, which ends; else it is the sender of datagrams."""

    @property
    def key(self) -> Hashable:
        """The same for the same peer, and for no other."""

    def send(self, packet: bytes) -> None:
        """Send a packet; call it in the event loop."""
