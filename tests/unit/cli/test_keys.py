"""Keys from a real terminal, and what they do to the player."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

from acebridge.cli import listening
from acebridge.cli.keys import read_keys
from acebridge.hosts.monitor.player import Player
from acebridge.hosts.monitor.recording import Recording
from acebridge.hosts.monitor.status import State, Underruns
from tests.support.daemon import PATIENCE_S
from tests.support.fake_output import FakeDevice, pull
from tests.support.signals import noise


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The other end of a terminal that is standard input."""
    import pty

    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "r") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        yield ours
    os.close(ours)


@pytest.mark.parametrize(
    ("data", "key"),
    [
        (b" ", " "),
        (b"q", "q"),
        (b"7", "7"),
        (b"\x1b[D", "left"),
        (b"\x1bOC", "right"),
        (b"\x1b[A", "up"),
        (b"\x1bOB", "down"),
        (b"\x1b", "\x1b"),
    ],
)
def test_a_key_is_read_without_enter(terminal: int, data: bytes, key: str) -> None:
    import termios

    before = termios.tcgetattr(sys.stdin)
    with read_keys() as read_key:
        assert read_key(0) == ""
        os.write(terminal, data)
        assert read_key(PATIENCE_S) == key
    assert termios.tcgetattr(sys.stdin) == before


def test_keys_pause_seek_choose_and_end(capsys: pytest.CaptureFixture[str]) -> None:
    device = FakeDevice()
    with Player(opener=device) as player:
        for number in range(2):
            recording = Recording(f"song {number}", 48_000, 20 * 48_000)
            recording.write(0, noise(20.0))
            player.add(recording, number)
        player.play()
        pull(player, device, 4800)

        def press(key: str) -> bool:
            return listening._obey(player, lambda _: key)

        assert press("right")
        assert player.status().position_s == pytest.approx(5.1)
        assert press("left")
        assert player.status().position_s == pytest.approx(0.1, abs=0.01)
        assert press("left")
        assert player.status().position_s == 0
        assert press(" ")
        assert player.status().state is State.paused
        assert press(" ")
        assert player.status().state is State.playing
        assert press("1")
        assert player.status().choice == 1
        assert press("5")
        assert "choice is 5; allowed: 0 (song 0), 1 (song 1)." in capsys.readouterr().err
        assert press("")
        assert press("x")
        assert not press("q")
        listening._show(player.status())
        assert "playing 0:00.0 of 0:20.0  1: song 1" in capsys.readouterr().err


def test_underruns_are_reported_only_where_there_were_some() -> None:
    assert listening.underrun_report(Underruns()) == ""
    report = listening.underrun_report(Underruns(2, 1.23, 1))
    assert report.startswith(
        "Underruns: there was nothing to play 2 times, 1.2 s in all; the device was served too late once ("
    )
