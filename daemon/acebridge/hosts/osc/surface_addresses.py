"""The addresses that concern a DAW: what `acebridge osc follow` reports, and starting our actions in REAPER.

What is reported goes on to the feedback addresses, so that a tablet shows where the DAW is and what a task would change.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING

from acebridge.hosts.osc.address import Address
from acebridge.hosts.osc.messages import Value, encode
from acebridge.hosts.osc.session import Field, check_value
from acestep_runtime.errors import InvalidValue
from acestep_runtime.limits import Limits

if TYPE_CHECKING:
    from acebridge.hosts.osc.bridge import Bridge
    from acebridge.hosts.osc.peer import Peer

#: A day on either side of the start, and what a label can show.
_TIMES, _TEXT = Limits(low=-86_400, high=86_400, unit="seconds"), Limits(max_len=4096)
POSITION, PLAYING, TEXT = "/acebridge/daw/position", "/acebridge/daw/playing", "/acebridge/daw/text"


def _report(path: str, name: str, about: Field) -> Address:
    def handle(bridge: Bridge, peer: Peer, values: Sequence[Value]) -> None:
        value = values[0]
        if value is None or bridge.daw.get(path) == value:
            return  # bridges that have each other's address would never end
        check_value(name, about, value)
        bridge.daw[path] = value
        packet = encode(path, about.tag, value)
        for each in bridge.feedback.values():
            if each.key != peer.key:
                each.send(packet)

    return Address(path, about.tag, (name,), about.doc, handle)


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
    _report(POSITION, "seconds", Field("f", "where the DAW plays, or its cursor is", _TIMES)),
    _report(PLAYING, "rolls", Field("i", "1 while the DAW plays, else 0", Limits(low=0, high=1))),
    _report(TEXT, "text", Field("s", "what a task on the session would start from, or why it would not", _TEXT)),
    Address(
        "/acebridge/reaper/action",
        "si",
        ("name", "port"),
        'start an action of AceBridge in REAPER, such as "Repaint time selection (no dialog)"; port of its OSC, 8000',
        _start_reaper_action,
        optional=1,
    ),
)
