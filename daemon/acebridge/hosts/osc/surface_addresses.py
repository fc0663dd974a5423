"""The addresses that concern a DAW: what `acebridge osc follow` reports, and starting our actions in REAPER.

What is reported goes on to the feedback addresses, so that a tablet shows where the DAW is and what a task would change.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING

from acebridge.hosts.osc.address import Address
from acebridge.hosts.osc.messages import Value, encode
from acestep_runtime.errors import InvalidValue

if TYPE_CHECKING:
    from acebridge.hosts.osc.bridge import Bridge
    from acebridge.hosts.osc.peer import Peer

POSITION, PLAYING, TEXT = "/acebridge/daw/position", "/acebridge/daw/playing", "/acebridge/daw/text"


def _report(path: str, tag: str, name: str, doc: str) -> Address:
    def handle(bridge: Bridge, peer: Peer, values: Sequence[Value]) -> None:
        value = values[0]
        if value is None or bridge.daw.get(path) == value:
            return  # bridges that have each other's address would never end
        bridge.daw[path] = value
        packet = encode(path, tag, value)
        for each in bridge.feedback.values():
            if each.key != peer.key:
                each.send(packet)

    return Address(path, tag, (name,), doc, handle)


def _start_reaper_action(_bridge: Bridge, _peer: Peer, values: Sequence[Value]) -> None:
    from acebridge.hosts.osc.surfaces import reaper
    from acebridge.hosts.reaper.paths import resource_folder

    name, port = values
    number = port if isinstance(port, int) else reaper.DAW_PORT
    if not 1 <= number <= 65535:
        raise InvalidValue("port", number, "1 to 65535")
    folder = resource_folder()
    document = reaper.load(folder / reaper.STATE_FILE) if folder is not None else {}
    packet = encode("/action/str", "s", reaper.command_id(document, str(name)))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.sendto(packet, ("127.0.0.1", number))


SURFACES = (
    _report(POSITION, "f", "seconds", "where the DAW plays, or its cursor is"),
    _report(PLAYING, "i", "rolls", "1 while the DAW plays, else 0"),
    _report(TEXT, "s", "text", "what a task on the session would start from, or why it would not"),
    Address(
        "/acebridge/reaper/action",
        "si",
        ("name", "port"),
        'start an action of AceBridge in REAPER, such as "Repaint time selection (no dialog)"; port of its OSC, 8000',
        _start_reaper_action,
        optional=1,
    ),
)
