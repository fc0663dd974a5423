"""Listening from OSC: messages act on the player in their order, and the feedback says what it does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from acebridge.errors import AceBridgeError, Busy
from acebridge.hosts.monitor.player import Player
from acebridge.hosts.osc.address import read_arguments
from acebridge.hosts.osc.monitor import ANSWERS, MAX_WAITING, POSITION, STATE, Monitor
from acebridge.hosts.osc.monitor_addresses import MONITOR
from acebridge.hosts.osc.table import Table
from acestep_runtime.errors import InvalidValue
from tests.support.daemon import song, until, write_wav
from tests.support.fake_output import CallbackThread, FakeDevice

ROWS = {row.path.removeprefix("/acebridge/monitor/"): row for row in MONITOR}
PEER = SimpleNamespace(host="127.0.0.1", key="peer")


class FakeBridge:
    """What rows need of a bridge: a session, access to all full paths, a monitor whose stream a thread asks."""

    def __init__(self) -> None:
        self.device = FakeDevice()
        self.feedback: list[tuple[Any, ...]] = []
        self.errors: list[tuple[str, Exception]] = []
        self.daw: tuple[float | None, bool | None] = (None, None)
        self.source = ""
        self.session = SimpleNamespace(text=lambda _: self.source)
        self.player: Player | None = None
        self.callbacks: CallbackThread | None = None
        self.monitor = Monitor(self._no_client, self._send, lambda: self.daw, self._make_player)

    def _no_client(self) -> Any:
        raise AceBridgeError("No daemon.")

    def _send(self, *message: Any) -> None:
        self.feedback.append(message)

    def _make_player(self) -> Player:
        self.player = Player(opener=self.device)
        return self.player

    def file_opener(self, _peer: Any) -> Callable[[str, str], Path]:
        return self._open_file

    @staticmethod
    def _open_file(path: str, field: str) -> Path:
        if not Path(path).is_absolute():
            raise InvalidValue(field, path, "a full path")
        return Path(path)

    def refuse_from_thread(self, _peer: Any, address: str, error: Exception) -> None:
        self.errors.append((address, error))

    def send(self, name: str, *arguments: Any) -> None:
        """Act on a message, and wait until that is done."""
        row = ROWS[name]
        row.handle(self, PEER, read_arguments(row, arguments))
        done = threading.Event()
        self.monitor.do(lambda _: done.set(), lambda error: self.errors.append((row.path, error)))
        until(done.is_set)
        if self.callbacks is None and self.device.outputs:
            self.callbacks = CallbackThread(self.device.output, [240])
            self.callbacks.start()

    def last(self, address: str) -> tuple[Any, ...]:
        return next((message[2:] for message in reversed(self.feedback) if message[0] == address), ())

    def wait_for(self, condition: Callable[[], Any], what: str) -> None:
        until(condition, f"{what}: {self.feedback[-5:]}, {self.errors}")


@pytest.fixture
def bridge() -> Iterator[FakeBridge]:
    bridge = FakeBridge()
    yield bridge
    if bridge.callbacks is not None:
        bridge.callbacks.stop()
    bridge.monitor.close()
    assert all(output.closed for output in bridge.device.outputs)


@pytest.fixture
def file(tmp_path: Path) -> str:
    return str(write_wav(tmp_path / "take.wav", song(60.0)))


def state(bridge: FakeBridge) -> Sequence[Any]:
    return bridge.last(STATE)[:2]


def position(bridge: FakeBridge) -> float:
    return float((*bridge.last(POSITION), -1.0)[0])


def test_play_pause_seek_stop(bridge: FakeBridge, file: str) -> None:
    bridge.send("play", file)
    bridge.wait_for(lambda: state(bridge) == (1, "playing"), "playing")
    bridge.wait_for(lambda: position(bridge) > 0.1, "a position")
    assert bridge.last(POSITION)[1:] == (0.0, 60.0)
    assert bridge.last(STATE)[2] == "take.wav"
    bridge.send("pause", 1.0)
    bridge.wait_for(lambda: state(bridge) == (1, "paused"), "paused")
    bridge.send("seek", 30)
    bridge.send("play")
    bridge.wait_for(lambda: position(bridge) >= 30, "the place")
    bridge.send("level", -12.0)
    bridge.send("loop", 10.0, 11.0)
    bridge.wait_for(lambda: 10 <= position(bridge) < 11, "the loop")
    bridge.send("loop")
    bridge.send("device", "headphones")
    assert bridge.device.output.device == "headphones"
    bridge.send("stop")
    bridge.wait_for(lambda: state(bridge) == (1, "stopped"), "stopped")
    assert bridge.errors == []


def test_the_source_of_the_session_is_choice_0(bridge: FakeBridge, file: str, tmp_path: Path) -> None:
    bridge.source = str(write_wav(tmp_path / "song.wav", song(60.0, seed=1) * np.float32(0.3)))
    bridge.send("play", file)
    bridge.send("select", 0)
    bridge.wait_for(lambda: bridge.last(STATE)[::2] == (0, "song.wav"), "the source")
    bridge.send("select", 1)
    bridge.wait_for(lambda: bridge.last(STATE)[0] == 1, "the take")
    assert bridge.errors == []


def test_what_is_wrong_is_answered(bridge: FakeBridge, file: str) -> None:
    bridge.send("play", file)
    bridge.send("select", 7)
    bridge.send("loop", 2.0, 1.0)
    bridge.send("level", 99.0)
    bridge.send("play", "0" * 32)
    assert [address.rpartition("/")[2] for address, _ in bridge.errors] == ["select", "loop", "level", "play"]
    assert str(bridge.errors[-1][1]) == "No daemon."
    bridge.send("play", "take.wav")
    assert "allowed: a full path" in str(bridge.errors[-1][1])


def test_a_flood_is_refused(bridge: FakeBridge) -> None:
    gate = threading.Event()
    bridge.monitor.do(lambda _: gate.wait(), lambda _: None)
    until(lambda: bridge.player is not None)
    row = ROWS["pause"]
    for _ in range(MAX_WAITING):
        row.handle(bridge, PEER, [])
    with pytest.raises(Busy, match="256 messages to the monitor wait"):
        row.handle(bridge, PEER, [])
    gate.set()
    until(bridge.monitor._actions._work_queue.empty)
    bridge.send("pause")
    assert bridge.errors == []


def test_a_device_that_is_lost_is_answered(bridge: FakeBridge, file: str) -> None:
    bridge.send("play", file)
    bridge.device.output.gone = True
    bridge.wait_for(lambda: bridge.errors, "the error")
    assert "is gone" in str(bridge.errors[0][1])
    bridge.wait_for(lambda: state(bridge) == (1, "paused"), "paused")


def test_it_follows_the_daw(bridge: FakeBridge, file: str) -> None:
    bridge.send("play", file)
    bridge.send("follow", 1)
    bridge.daw = (20.0, True)
    bridge.wait_for(lambda: position(bridge) >= 20, "the place of the DAW")
    bridge.daw = (20.5, False)
    bridge.wait_for(lambda: state(bridge) == (1, "paused"), "the stop of the DAW")
    bridge.send("follow", 0)
    bridge.daw = (40.0, True)
    bridge.send("play")
    bridge.wait_for(lambda: state(bridge) == (1, "playing"), "playing")
    assert position(bridge) < 40


def test_no_answer_is_taken_for_a_message() -> None:
    assert all(Table.is_answer(path) for path in ANSWERS)
    assert not any(Table.is_answer(row.path) for row in MONITOR)
