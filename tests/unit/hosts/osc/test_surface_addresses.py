"""What a DAW reports goes on to tablets, and a tablet starts actions in REAPER."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import Callable, Hashable
from pathlib import Path

import pytest

from acebridge.hosts.osc.access import Access
from acebridge.hosts.osc.bridge import Bridge
from acebridge.hosts.osc.jobs import Connection, Jobs
from acebridge.hosts.osc.surface_addresses import PLAYING, POSITION, SURFACES, TEXT
from tests.support.daemon import PATIENCE_S
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


@pytest.fixture
def resources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """REAPER's usual folder, in a home of the test's own."""
    for name in ("HOME", "APPDATA", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    folder = tmp_path / "Library" / "Application Support" if sys.platform == "darwin" else tmp_path
    (folder / "REAPER" / "AceBridge").mkdir(parents=True)
    return folder / "REAPER"


def write_state(resources: Path) -> None:
    actions = {"Repaint time selection (no dialog)": "_RS0123", "Cancel": "_RS4567"}
    (resources / "AceBridge" / "follow.json").write_text(json.dumps({"version": 1, "actions": actions}), "utf-8")


def test_an_action_starts_in_reaper_by_its_command_id(resources: Path) -> None:
    write_state(resources)
    tablet = FakePeer("tablet")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as reaper:
        reaper.bind(("127.0.0.1", 0))
        reaper.settimeout(PATIENCE_S)
        port = reaper.getsockname()[1]
        packet = message("/acebridge/reaper/action", "si", "Repaint time selection (no dialog)", port)
        with_bridge(lambda bridge: bridge.receive(packet, tablet), resources)
        assert reaper.recv(1000) == message("/action/str", "s", "_RS0123")
    assert tablet.answers == []


@pytest.mark.parametrize(
    ("name", "port", "reason"),
    [
        ("Dance", 8000, "REAPER has no action AceBridge: Dance."),
        ("Cancel", 70_000, "port is 70000; allowed: 1 to 65535."),
        ("Cancel", 0, "port is 0; allowed: 1 to 65535."),
    ],
)
def test_what_is_not_there_is_refused(resources: Path, name: str, port: int, reason: str) -> None:
    write_state(resources)
    tablet = FakePeer("tablet")
    packet = message("/acebridge/reaper/action", "si", name, port)
    with_bridge(lambda bridge: bridge.receive(packet, tablet), resources)
    (answer,) = tablet.answers
    assert answer.values[:2] == ("/acebridge/reaper/action", reason)


def test_without_the_action_that_follows_nothing_can_be_started(resources: Path) -> None:
    tablet = FakePeer("tablet")
    packet = message("/acebridge/reaper/action", "s", "Cancel")
    with_bridge(lambda bridge: bridge.receive(packet, tablet), resources)
    (answer,) = tablet.answers
    assert "cannot be read" in answer.values[1]
    assert "Follow over OSC" in answer.values[2]
