"""Refused calls cannot fill the audit log."""

from __future__ import annotations

from typing import Any

import pytest

from acebridge.errors import PermissionDenied, Unauthenticated
from acebridge.server.refused_calls import MAX_PLACES, PAUSE_S, RefusedCalls, place_of

STATUS = "/acebridge.v1.DaemonService/GetStatus"
ERROR = Unauthenticated("This call carries no token.")


class Record:
    """An audit log that keeps what it is told, and a clock."""

    def __init__(self) -> None:
        self.now = 50.0
        self.lines: list[dict[str, Any]] = []
        audit: Any = self
        self.refused = RefusedCalls(audit, lambda: self.now)

    def note(self, act: str, **facts: str | int) -> None:
        assert act == "calls refused"
        self.lines.append(facts)

    def call(self, peer: str, times: int = 1, method: str = STATUS) -> None:
        for _ in range(times):
            self.refused.note(ERROR, method, peer, "")

    def counts(self) -> list[tuple[str, int]]:
        return [(line["peer"], line["count"]) for line in self.lines]


def test_one_line_a_second_says_how_many_there_were() -> None:
    record = Record()
    record.call("ipv4:10.0.0.7:4000")
    assert record.lines == [
        {"method": STATUS, "reason": "UNAUTHENTICATED", "token": "", "peer": "10.0.0.7", "count": 1}
    ]
    record.call("ipv4:10.0.0.7:4001", 999)  # from any of its ports
    record.call("ipv4:10.0.0.8:1")
    record.refused.flush()
    assert record.counts() == [("10.0.0.7", 1), ("10.0.0.8", 1)]
    record.now += PAUSE_S
    record.refused.flush()
    assert record.counts()[2:] == [("10.0.0.7", 999)]
    record.now += PAUSE_S
    record.call("ipv4:10.0.0.7:4001")
    assert record.counts()[3:] == [("10.0.0.7", 1)]


def test_places_beyond_a_number_are_one() -> None:
    record = Record()
    for number in range(MAX_PLACES + 50):
        record.call(f"ipv4:10.0.{number // 256}.{number % 256}:1")
    assert len(record.lines) == MAX_PLACES + 1
    record.now += PAUSE_S
    record.refused.flush()
    assert record.counts()[-1] == ("others", 49)
    record.now += 2 * PAUSE_S
    record.refused.flush()
    record.call("ipv4:10.9.9.9:1")  # the others were forgotten
    assert record.counts()[-1] == ("10.9.9.9", 1)


def test_what_a_caller_may_choose_is_not_written() -> None:
    record = Record()
    record.refused.note(PermissionDenied("no"), "/acebridge.v1.DaemonService/My lyrics", "ipv4:10.0.0.1:1", "looper")
    assert record.lines == [
        {"method": "unknown", "reason": "PERMISSION_DENIED", "token": "looper", "peer": "10.0.0.1", "count": 1}
    ]


@pytest.mark.parametrize(
    ("peer", "place"),
    [
        ("ipv4:127.0.0.1:5000", "127.0.0.1"), ("ipv6:[::1]:5000", "::1"), ("ipv6:%5B::1%5D:5000", "::1"),
        ("unix:/tmp/socket", "this machine"), ("", "this machine"),
    ],
)  # fmt: skip
def test_a_place_is_an_address_without_its_port(peer: str, place: str) -> None:
    assert place_of(peer) == place
