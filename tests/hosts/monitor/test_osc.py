"""Listening from OSC: the real bridge, real PortAudio, a real PulseAudio, every sample."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.daemon import Daemon, daemon_at, song, until, write_wav
from tests.support.osc import OscPeer, osc_peer, port_of
from tests.support.pulse import pulse, record
from tests.support.sound import assert_arrived, wait_for_more

pytestmark = pytest.mark.host

_TRIES = 30


@contextmanager
def bridge(daemon: Daemon, environment: dict[str, str]) -> Iterator[OscPeer]:
    """A bridge that plays to the sound server of ``environment``, and a peer that gets its feedback."""
    process = subprocess.Popen(
        [sys.executable, "-m", "acebridge.cli", "osc", "serve", "--port", "0"], env=environment,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        with osc_peer(port_of(daemon.home, lambda: process.poll() is None)) as peer:
            peer.send("/acebridge/feedback", "si", "127.0.0.1", peer.port)
            yield peer
    finally:
        process.terminate()
        process.wait()


def play_to_end(peer: OscPeer, path: Path) -> bool:
    """Play a file and wait for its end; return whether there was no underrun."""
    whole, state = True, ""
    peer.send("/acebridge/monitor/play", "s", str(path))
    while state != "ended":
        answer = peer.receive()
        assert answer.kind != "error", answer
        if answer.kind == "state":
            state = answer.values[1]
        if answer.kind == "underruns":
            whole = answer.values[:2] == (0, 0)
    return whole


def test_a_file_arrives_as_it_is(tmp_path: Path) -> None:
    path, music = tmp_path / "song.wav", song(3.0, seed=4)
    write_wav(path, music)
    config = f"roots = ['{tmp_path}']\n"
    with daemon_at(tmp_path / "home", config=config) as daemon, pulse(tmp_path / "pulse") as environment:
        for _ in range(_TRIES):
            with record(environment) as arrived:
                with bridge(daemon, {**daemon.environment, **environment, "ACEBRIDGE_HOME": str(daemon.home)}) as peer:
                    whole = play_to_end(peer, path)
                wait_for_more(arrived)
            if whole:
                assert_arrived(arrived, music)
                return
    raise AssertionError(f"each of {_TRIES} runs had an underrun")


def test_without_a_sound_server_it_is_answered(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "song.wav", song(1.0))
    with daemon_at(tmp_path / "home", config=f"roots = ['{tmp_path}']\n") as daemon:
        silent = {**daemon.environment, "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
        with bridge(daemon, silent) as peer:
            peer.send("/acebridge/monitor/play", "s", str(path))
            answer = peer.wait_for("ended")[-1]
            assert (answer.kind, answer.values[0]) == ("error", "/acebridge/monitor/play")
            assert peer.ask("/acebridge/status", until="daemon").kind == "daemon"
    assert until(lambda: not (daemon.home / "osc.json").exists())
