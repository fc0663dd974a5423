"""The socket between a DAW and the bridge, with sockets of the test in place of both."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from acebridge.errors import InvalidSetting, NotFound
from acebridge.hosts.osc.surfaces.follow import Follower, Surface
from acebridge.hosts.osc.surfaces.run import SURFACES, find_bridge, follow, parse_place
from acebridge.hosts.osc.surfaces.timeline import Timeline
from acebridge.processes import start_of
from acestep_runtime.errors import InvalidValue
from tests.support.osc import OscPeer, message, osc_peer

HELLO = message("/hello", "i", 1)


class Setting:
    """A follower, a DAW that it follows and a bridge. ``said`` is what it printed."""

    def __init__(self, daw: OscPeer, bridge: OscPeer) -> None:
        self.daw, self.bridge = daw, bridge
        self.said: list[str] = []
        self.file = Timeline()
        surface = Surface(
            ("127.0.0.1", daw.port), Timeline(), lambda: [HELLO], self.read, self.action,
            lambda timeline: replace(timeline, track=self.file.track),
        )  # fmt: skip
        self.follower = Follower(surface, ("127.0.0.1", bridge.port), 0, self.said.append)
        daw.to = bridge.to = ("127.0.0.1", self.follower.port)
        for peer in (daw, bridge):
            peer.socket.settimeout(0.0)

    @staticmethod
    def read(timeline: Timeline, address: str, arguments: tuple[Any, ...]) -> Timeline:
        if address == "/refuse":
            raise InvalidValue("range", "odd", "even")
        values = {
            "/range": {"range_s": tuple(arguments)},
            "/at": {"position_s": arguments[0]},
            "/play": {"is_playing": True},
        }
        return replace(timeline, **values.get(address, {}))

    @staticmethod
    def action(_timeline: Timeline, name: str) -> bytes:
        if name == "Dance":
            raise NotFound("There is no action Dance.", remedy="Sing.")
        return message("/start", "s", name)

    def step(self, done: Callable[[], bool] = lambda: True) -> None:
        """Let it work: at least once, and until something is so."""
        for _ in range(200):
            self.follower.step()
            if done():
                return
        raise AssertionError(f"waited in vain; it said {self.said}")

    def bridge_has(self) -> list[tuple[Any, ...]]:
        """What has come at the bridge: address and values."""
        found = []
        while True:
            try:
                answer = parse_any(self.bridge.socket.recv(65536))
            except BlockingIOError:
                return found
            found.append((answer[0].removeprefix("/acebridge/"), *answer[1]))


def parse_any(packet: bytes) -> tuple[str, tuple[Any, ...]]:
    """Read a message that may hold nil."""
    from pythonosc.osc_message import OscMessage

    found = OscMessage(packet)
    return found.address, tuple(found.params)


@pytest.fixture
def setting() -> Iterator[Setting]:
    with osc_peer(0) as daw, osc_peer(0) as bridge:
        setting = Setting(daw, bridge)
        yield setting
        setting.follower.close()


def test_the_daw_and_the_bridge_are_greeted(setting: Setting) -> None:
    setting.step()
    assert setting.daw.socket.recv(100) == HELLO
    assert setting.bridge_has() == [("session",)]


def test_a_daw_with_a_hook_is_greeted_when_the_hook_reports(setting: Setting) -> None:
    surface = Surface(
        ("127.0.0.1", setting.daw.port), Timeline(), lambda: [HELLO], setting.read, setting.action, has_hook=True
    )
    follower = Follower(surface, ("127.0.0.1", setting.bridge.port), 0, setting.said.append)
    try:
        for _ in range(3):
            follower.step()
        with pytest.raises(BlockingIOError):
            setting.daw.socket.recv(100)
        setting.daw.to = ("127.0.0.1", follower.port)
        setting.daw.send("/acebridge/ardour/state", "s", "")
        for _ in range(3):
            follower.step()
        assert setting.daw.socket.recv(100) == HELLO
    finally:
        follower.close()


def test_fields_that_change_are_sent_once(setting: Setting) -> None:
    setting.step()
    setting.bridge_has()
    setting.daw.send("/range", "dd", 1.5, 2.5)
    setting.step(lambda: bool(setting.said))
    expected = [
        ("session/start", 1.5),
        ("session/end", 2.5),
        ("daw/text", "1.500 s to 2.500 s of the source of the session"),
    ]
    assert setting.bridge_has() == expected
    setting.daw.send("/range", "dd", 1.5, 2.5)
    setting.step()
    assert setting.bridge_has() == []
    setting.daw.send("/range", "dd", 1.5, 3.0)
    setting.step(lambda: len(setting.said) == 2)
    assert setting.bridge_has()[0] == ("session/end", 3.0)


def test_a_change_in_a_file_is_sent(setting: Setting) -> None:
    setting.file = Timeline(track="Drums")
    setting.step()
    assert ("session/tracks", "drums") in setting.bridge_has()


def test_position_and_transport_are_reported(setting: Setting) -> None:
    setting.step()
    setting.bridge_has()
    setting.daw.send("/at", "f", 2.5)
    setting.daw.send("/play", "f", 1.0)
    found: list[tuple[Any, ...]] = []
    setting.step(lambda: bool(found.extend(setting.bridge_has())) or ("daw/playing", 1) in found)
    assert ("daw/position", 2.5) in found


def test_a_bridge_that_appears_gets_all_fields_and_no_token(setting: Setting) -> None:
    setting.daw.send("/range", "dd", 1.0, 2.0)
    setting.step(lambda: bool(setting.said))
    setting.bridge_has()
    setting.bridge.send("/acebridge/session/count", "i", 0)
    found: list[tuple[Any, ...]] = []
    setting.step(lambda: bool(found.extend(setting.bridge_has())) or len(found) >= 3)
    assert found[:2] == [("session/start", 1.0), ("session/end", 2.0)]
    assert "token" not in dict(found)
    setting.bridge.send("/acebridge/session/count", "i", 2)
    setting.step()
    assert setting.bridge_has() == []


def test_what_the_bridge_refuses_is_printed(setting: Setting) -> None:
    setting.bridge.send("/acebridge/error", "sss", "/acebridge/session/source", "No.", "Move it.")
    setting.step(lambda: bool(setting.said))
    assert setting.said[-1] == "/acebridge/session/source No. Move it."


def test_an_action_goes_to_the_daw(setting: Setting) -> None:
    setting.step()
    assert setting.daw.socket.recv(100) == HELLO
    setting.bridge.send("/acebridge/daw/action", "s", "Cover")
    found: list[bytes] = []

    def has_come() -> bool:
        try:
            found.append(setting.daw.socket.recv(100))
        except BlockingIOError:
            return False
        return True

    setting.step(has_come)
    assert found == [message("/start", "s", "Cover")]
    setting.bridge.send("/acebridge/daw/action", "s", "Dance")
    setting.step(lambda: bool(setting.said))
    assert setting.said == ["There is no action Dance. Sing."]
    assert ("daw/text", "There is no action Dance. Sing.") in setting.bridge_has()


def test_what_a_surface_refuses_is_printed_once(setting: Setting) -> None:
    for _ in range(3):
        setting.daw.send("/refuse", "i", 1)
    setting.step(lambda: bool(setting.said))
    setting.step()
    assert setting.said == ["range is 'odd'; allowed: even."]


@pytest.mark.parametrize("packet", [b"", b"x", b"/a", b"#bundle\0", b"/a\0\0,s\0\0"])
def test_bytes_that_are_no_osc_are_printed_and_the_rest_is_read(setting: Setting, packet: bytes) -> None:
    setting.daw.send_bytes(packet)
    setting.daw.send("/range", "dd", 1.0, 2.0)
    setting.step(
        lambda: len(setting.said) >= 2 or setting.said[-1:] == ["1.000 s to 2.000 s of the source of the session"]
    )
    assert setting.said[-1] == "1.000 s to 2.000 s of the source of the session"


def test_orders_for_the_bridge_are_not_taken_from_others(setting: Setting) -> None:
    setting.daw.send("/acebridge/go/repaint")
    setting.step()
    assert setting.bridge_has() == [("session",)]


def test_a_port_in_use_is_refused(setting: Setting) -> None:
    surface = Surface(("127.0.0.1", 1), Timeline(), list, setting.read, setting.action)
    with pytest.raises(InvalidSetting, match="cannot be listened at") as caught:
        Follower(surface, ("127.0.0.1", 2), setting.follower.port, print)
    assert "--listen" in caught.value.remedy


@pytest.mark.parametrize(
    ("text", "place"), [(None, ("127.0.0.1", 9)), ("8000", ("127.0.0.1", 8000)), ("10.0.0.2:8000", ("10.0.0.2", 8000))]
)
def test_a_place_is_a_host_and_a_port(text: str | None, place: tuple[str, int]) -> None:
    assert parse_place(text, "--daw", ("127.0.0.1", 9)) == place


@pytest.mark.parametrize("text", ["", "host", "host:", "host:0", "host:70000", "host:x"])
def test_other_places_are_refused(text: str) -> None:
    with pytest.raises(InvalidValue, match="--daw"):
        parse_place(text, "--daw", ("127.0.0.1", 9))


def test_the_bridge_of_the_data_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACEBRIDGE_HOME", str(tmp_path))
    assert find_bridge() == ("127.0.0.1", 50711)
    (tmp_path / "osc.json").write_text('{"host": "0.0.0.0", "port": 4711, "pid": 1}', "utf-8")
    assert find_bridge() == ("127.0.0.1", 4711)
    killed = {"host": "127.0.0.1", "port": 4712, "pid": os.getpid(), "start": "another"}
    runs = {"host": "127.0.0.1", "port": 4713, "pid": os.getpid(), "start": start_of(os.getpid())}
    (tmp_path / "osc.json").write_text(json.dumps({**killed, "before": [runs]}))
    assert find_bridge() == ("127.0.0.1", 4713)


def test_a_daw_that_is_not_known_is_refused() -> None:
    with pytest.raises(InvalidValue, match="allowed: reaper, ardour"):
        follow("cubase")


@pytest.mark.parametrize("name", SURFACES)
def test_every_daw_can_be_followed(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACEBRIDGE_HOME", str(tmp_path))
    said: list[str] = []
    with osc_peer(0) as daw:
        daw.socket.settimeout(0.0)

        def is_greeted() -> bool:
            daw.to = ("127.0.0.1", int(said[0].split("port ")[1].split(",")[0]))
            daw.send("/acebridge/ardour/fault", "s", "Ardour is asked only when its hook reports")
            try:
                return bool(daw.socket.recv(1000))
            except BlockingIOError:
                return False

        follow(
            name, daw=str(daw.port), bridge="1", listen=0, resources=tmp_path, say=said.append, is_stopping=is_greeted
        )  # fmt: skip
    assert said[0].startswith(f"following {name} at 127.0.0.1:{daw.port} from port ")
