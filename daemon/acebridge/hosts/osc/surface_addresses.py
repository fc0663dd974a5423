"""The addresses that concern a DAW: what `acebridge osc follow` reports, and starting actions there.

What is reported goes on to the feedback addresses, so that a tablet shows where the DAW is and what a task would change.
Actions go to the program that has reported last; it knows the DAW.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from acebridge.errors import NotFound
from acebridge.hosts.osc.address import Address
from acebridge.hosts.osc.messages import Value, encode

if TYPE_CHECKING:
    from acebridge.hosts.osc.bridge import Bridge
    from acebridge.hosts.osc.peer import Peer

POSITION, PLAYING, TEXT = "/acebridge/daw/position", "/acebridge/daw/playing", "/acebridge/daw/text"
ACTION = "/acebridge/daw/action"


def _report(path: str, tag: str, name: str, doc: str) -> Address:
    def handle(bridge: Bridge, peer: Peer, values: Sequence[Value]) -> None:
        value = values[0]
        bridge.follower = peer
        if value is None or bridge.daw.get(path) == value:
            return  # bridges that have each other's address would never end
        bridge.daw[path] = value
        packet = encode(path, tag, value)
        for each in bridge.feedback.values():
            if each.key != peer.key:
                each.send(packet)

    return Address(path, tag, (name,), doc, handle)


def _start_action(bridge: Bridge, peer: Peer, values: Sequence[Value]) -> None:
    if bridge.follower is None or bridge.follower.key == peer.key:
        raise NotFound(
            "No DAW is followed.", remedy="Start `acebridge osc follow reaper` or `acebridge osc follow ardour`."
        )
    bridge.follower.send(encode(ACTION, "s", str(values[0] or "")))


SURFACES = (
    _report(POSITION, "f", "seconds", "where the DAW plays, or its cursor is"),
    _report(PLAYING, "i", "rolls", "1 while the DAW plays, else 0"),
    _report(TEXT, "s", "text", "what a task on the session would start from, or why it would not"),
    Address(
        ACTION,
        "s",
        ("name",),
        "start an action in the DAW: one of AceBridge's in REAPER, such as the example; any of Ardour's",
        _start_action,
    ),
)
