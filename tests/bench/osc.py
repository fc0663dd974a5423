"""How soon the OSC bridge answers: from a packet to its first feedback, over UDP on loopback."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.support.osc import OscPeer, osc_peer, port_of

_CALLS = 200


def report(home: Path) -> None:
    """Measure a bridge beside the daemon whose data folder is ``home``."""
    process = subprocess.Popen(
        [sys.executable, "-m", "acebridge.cli", "osc", "serve", "--port", "0", "--no-autostart"],
        env={**os.environ, "ACEBRIDGE_HOME": str(home)}, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        with osc_peer(port_of(home, lambda: process.poll() is None)) as peer:
            peer.ask("/acebridge/status", until="daemon")
            peer.send("/acebridge/session/engine", "s", "fake")
            _measure("a value of the session and back", lambda: _session(peer))
            _measure("a task to its first feedback", lambda: _task(peer, "progress"))
            _measure("a task to the job of the daemon", lambda: _task(peer, "queued"))
            _measure("a mistake to its error", lambda: _mistake(peer))
    finally:
        process.terminate()
        process.wait()


def _measure(title: str, call: Callable[[], float]) -> None:
    times_ms = [1e3 * call() for _ in range(_CALLS)]
    p95 = statistics.quantiles(times_ms, n=20)[18]
    print(f"OSC, {title}: median {statistics.median(times_ms):.2f} ms, p95 {p95:.2f} ms ({_CALLS} calls)")


def _session(peer: OscPeer) -> float:
    began = time.perf_counter()
    peer.send("/acebridge/session")
    peer.receive()
    took_s = time.perf_counter() - began
    peer.wait_for("count")
    return took_s


def _task(peer: OscPeer, kind: str) -> float:
    began = time.perf_counter()
    peer.send("/acebridge/text2music", "ssf", "", "", 0.1)
    while peer.receive().kind != kind:
        pass
    took_s = time.perf_counter() - began
    peer.wait_for("done")
    return took_s


def _mistake(peer: OscPeer) -> float:
    began = time.perf_counter()
    peer.send("/acebridge/session/bpm", "f", 1.0)
    peer.receive()
    return time.perf_counter() - began
