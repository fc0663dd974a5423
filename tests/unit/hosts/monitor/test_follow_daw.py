"""Playing along with a DAW, on a clock of the test's own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from acebridge.hosts.monitor.follow_daw import QUIET_S, TOLERANCE_S, DawFollower
from acebridge.hosts.monitor.player import Player
from acebridge.hosts.monitor.recording import Recording
from acebridge.hosts.monitor.status import State
from tests.support.fake_output import FakeDevice, pull
from tests.support.signals import noise

LATENCY_S = 0.1


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def device() -> FakeDevice:
    return FakeDevice()


@pytest.fixture
def player(device: FakeDevice) -> Iterator[Player]:
    with Player(opener=device, latency_s=LATENCY_S) as player:
        recording = Recording("test", 48_000, 4 * 48_000)
        recording.write(0, noise(4.0))
        player.add(recording)
        yield player


def roll(player: Player, device: FakeDevice, seconds: float) -> None:
    for _ in range(round(seconds * 100)):
        pull(player, device, 480)


def test_the_ear_gets_what_the_daw_plays(player: Player, device: FakeDevice) -> None:
    clock = Clock()
    follower = DawFollower(player, clock)
    follower.on = True
    follower.report_position(1.0)
    for tenth in range(1, 11):
        roll(player, device, 0.1)
        clock.now_s += 0.1
        follower.report_position(1.0 + tenth / 10)
        assert player.status().position_s - LATENCY_S == pytest.approx(1.0 + tenth / 10, abs=0.001)
    assert device.output is device.outputs[0]


def test_small_differences_are_left_and_large_ones_are_not(player: Player, device: FakeDevice) -> None:
    follower = DawFollower(player, Clock())
    follower.on = True
    follower.report_position(1.0)
    roll(player, device, 0.1)
    before = player.status().position_s
    follower.report_position(1.1 + TOLERANCE_S * 0.9)
    assert player.status().position_s == before
    follower.report_position(2.5)
    assert player.status().position_s == pytest.approx(2.5 + LATENCY_S)


def test_a_transport_that_stops(player: Player) -> None:
    clock = Clock()
    follower = DawFollower(player, clock)
    follower.on = True
    follower.report_transport(True)
    assert player.status().state is State.playing
    follower.report_transport(False)
    assert player.status().state is State.paused
    follower.report_position(3.0)  # its cursor moves
    assert (player.status().state, player.status().position_s) == (State.paused, 3.0)


def test_positions_alone_tell_that_it_rolls_and_that_it_has_stopped(player: Player) -> None:
    clock = Clock()
    follower = DawFollower(player, clock)
    follower.on = True
    follower.report_position(0.5)
    clock.now_s = QUIET_S * 0.9
    follower.report_position(0.5)
    follower.check()
    assert player.status().state is State.playing
    clock.now_s = QUIET_S * 1.1
    follower.check()
    assert player.status().state is State.paused


def test_where_there_is_nothing_it_is_silent_and_off_it_does_nothing(player: Player) -> None:
    follower = DawFollower(player, Clock())
    follower.report_position(1.0)
    follower.report_transport(True)
    assert player.status().state is State.stopped
    follower.on = True
    follower.report_position(9.0)
    assert player.status().state is State.stopped
    follower.report_position(2.0)
    assert player.status().state is State.playing
