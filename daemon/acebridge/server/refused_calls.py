"""Refused calls for the audit log: at most one line a second for each place that they come from, with their number.

Whoever may connect may make as many as he likes; they must not fill the disk, nor push out what else is in the log too fast.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from acebridge.audit import AuditLog
from acebridge.errors import AceBridgeError, reason_of
from acebridge.server.scopes import is_known

#: Seconds between two lines about one place.
PAUSE_S = 1.0
#: Places that are told apart at a time; all others are one.
MAX_PLACES = 100
_OTHERS = "others"
_ADDRESS = re.compile(r"ipv[46]:(?:%5B|\[)?(.*?)(?:%5D|\])?:[0-9]+")


@dataclass
class _Place:
    """A place that refused calls come from: the newest of them, and how many since its last line, which was at ``written``."""

    written: float
    facts: dict[str, str]
    count: int


class RefusedCalls:
    """What was refused and is not in the log yet."""

    def __init__(self, audit: AuditLog, clock: Callable[[], float] = time.monotonic) -> None:
        self._audit = audit
        self._clock = clock
        self._places: dict[str, _Place] = {}

    def note(self, error: AceBridgeError, method: str, peer: str, token_name: str) -> None:
        """Record that a call was refused, now or with the next line."""
        place = place_of(peer)
        if place not in self._places and len(self._places) >= MAX_PLACES:
            place = _OTHERS
        facts = {
            "method": method if is_known(method) else "unknown",  # a caller may name it as he likes
            "reason": str(reason_of(error)),
            "token": token_name,
            "peer": place,
        }
        known = self._places.setdefault(place, _Place(-PAUSE_S, facts, 0))
        known.facts = facts
        known.count += 1
        self._write(known)

    def flush(self) -> None:
        """Write what is due, and forget the places that nothing has come from for a while. To be called now and then."""
        for place, known in list(self._places.items()):
            self._write(known)
            if not known.count and self._clock() - known.written > PAUSE_S:
                del self._places[place]

    def _write(self, known: _Place) -> None:
        now = self._clock()
        if known.count and now - known.written >= PAUSE_S:
            self._audit.note("calls refused", **known.facts, count=known.count)
            known.written, known.count = now, 0


def place_of(peer: str) -> str:
    """Return the address of a peer, as gRPC names it, without its port."""
    match = _ADDRESS.fullmatch(peer)
    return match[1] if match else "this machine"
