"""What a DAW reports goes on to tablets, and a tablet starts actions in REAPER."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from pathlib import Path

import pytest

from acebridge.hosts.osc.access import Access
from acebridge.hosts.osc.bridge import Bridge
from acebridge.hosts.osc.jobs import Connection, Jobs
from acebridge.hosts.osc.surface_addresses import PLAYING, POSITION, SURFACES, TEXT
from tests.support.osc import Answer, message, parse


class FakePeer:
    """A peer that keeps what it gets."""

    def __init__(self, key: Hashable) -> None:
        self.host, self.is_stream, self.key = "127.0.0.1", False, key
        self.answers: list[Answer] = []

    def send(self, packet: bytes) -> None:
        self.answers.append(parse(packet))


def with_bridge(work: Callable[[Bridge], None], folder: Path) -> None:
    async def run() -> None:
        jobs = Jobs(Connection("127.0.0.1:1", autostart=False), folder)
        bridge = Bridge(SURFACES, jobs, Access((folder,), str), asyncio.get_running_loop())
        try:
            work(bridge)
        finally:
            bridge.close()
            await asyncio.to_thread(jobs.close)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("path", "tag", "values"), [(POSITION, "f", (1.5, 2.5)), (PLAYING, "i", (1, 0)), (TEXT, "s", ("a", "b"))]
)
def test_what_changes_goes_to_everybody_but_its_sender(
    path: str, tag: str, values: tuple[object, object], tmp_path: Path
) -> None:
    follower, tablet = FakePeer("follower"), FakePeer("tablet")

    def work(bridge: Bridge) -> None:
        bridge.feedback = {("127.0.0.1", 1): follower, ("127.0.0.1", 2): tablet}
        for value in (values[0], values[0], values[1]):
            bridge.receive(message(path, tag, value), follower)
        assert bridge.daw == {path: values[1]}

    with_bridge(work, tmp_path)
    assert tablet.answers == [(path, tag, (value,)) for value in values]
    assert follower.answers == []


def test_an_action_goes_to_the_program_that_follows(tmp_path: Path) -> None:
    follower, tablet = FakePeer("follower"), FakePeer("tablet")

    def work(bridge: Bridge) -> None:
        bridge.receive(message("/acebridge/daw/action", "s", "Cancel"), tablet)
        bridge.receive(message(TEXT, "s", "Nothing is selected."), follower)
        bridge.receive(message("/acebridge/daw/action", "s", "Cancel"), tablet)

    with_bridge(work, tmp_path)
    assert follower.answers == [("/acebridge/daw/action", "s", ("Cancel",))]
    (refusal,) = tablet.answers
    assert refusal.values[1] == "No DAW is followed."
    assert "acebridge osc follow" in refusal.values[2]
