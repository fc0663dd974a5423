"""The addresses that the plug-in reports to (vst3_plugin/link): what it says goes on to the feedback addresses, so that a
controller or a script sees what all instances do.

Only who has presented the token may report: bridges that have each other's address present none, so nothing goes in circles.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from acebridge.errors import Unauthenticated
from acebridge.hosts.osc.address import Address
from acebridge.hosts.osc.messages import Value, encode

if TYPE_CHECKING:
    from acebridge.hosts.osc.bridge import Bridge
    from acebridge.hosts.osc.peer import Peer

_PREFIX = "/acebridge/plugin/"


def _report(what: str, tags: str, names: tuple[str, ...], doc: str) -> Address:
    path = f"{_PREFIX}{what}"

    def handle(bridge: Bridge, peer: Peer, values: Sequence[Value]) -> None:
        if not bridge.access.is_trusted(peer):
            remedy = "Send /acebridge/token with the text of the file token in the data folder first."
            raise Unauthenticated(f"{path} needs the token.", remedy=remedy)
        blank = {"s": ""}
        arguments = [blank.get(tag, 0) if value is None else value for tag, value in zip(tags, values, strict=True)]
        packet = encode(path, tags, *arguments)
        for each in bridge.feedback.values():
            if each.key != peer.key:
                each.send(packet)

    return Address(path, tags, names, doc, handle)


PLUGIN = (
    _report("open", "ss", ("instance", "host"), "a plug-in has started in a host"),
    _report("close", "s", ("instance",), "a plug-in has ended"),
    _report(
        "state",
        "fsss",
        ("fraction", "instance", "state", "text"),
        "what a plug-in does: none, working, done, failed or cancelled; how far it is, and in words",
    ),
    _report(
        "done", "iss", ("takes", "instance", "file"), "the job of a plug-in is complete; the file of its first take"
    ),
    _report("error", "ss", ("instance", "message"), "the job of a plug-in failed"),
)
