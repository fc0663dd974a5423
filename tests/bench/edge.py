"""How fast the JSON edge streams audio, beside a plain server of static files in the same run, and how soon it answers."""

from __future__ import annotations

import contextlib
import http.client
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from acebridge.client.client import Client
from acestep_runtime.audio import wav
from tests.bench import page
from tests.support.daemon import until
from tests.support.edge import Edge

_SECONDS, _RUNS, _CALLS = 300, 7, 200
_READ_BYTES = 1 << 20
_STATIC = """
import socket, sys, uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
app = Starlette(routes=[Mount("/", StaticFiles(directory=sys.argv[1]))])
uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False)).run(sockets=[listener])
"""


def report(home: Path, client: Client) -> None:
    """Measure an edge beside the daemon whose data folder is ``home``."""
    samples = np.random.default_rng(0).standard_normal((48_000, 2)).astype(np.float32)
    path = home / "bench" / "song.wav"
    path.parent.mkdir()
    wav.write(path, np.tile(samples, (_SECONDS, 1)), 48_000)
    asset_id = client.upload(path).asset_id
    with run_edge(home) as edge, _static_server(path.parent) as port:
        token = {"Authorization": f"Bearer {edge.key}"}
        plain, ours = [], []
        for _ in range(_RUNS):  # in turn, so that both have the same machine
            plain.append(_rate(port, "/song.wav", {}))
            ours.append(_rate(edge.port, f"/v1/assets/{asset_id}/audio", token))
        rates = statistics.median(plain), statistics.median(ours)
        print(
            f"HTTP, a file of {path.stat().st_size / 1e6:.0f} MB: edge {rates[1]:.0f} MB/s, plain static server"
            f" {rates[0]:.0f} MB/s, ratio {rates[1] / rates[0]:.2f} (median of {_RUNS})"
        )
        _measure("a call and its answer", lambda: _call(edge))
        page.report(edge)
    path.unlink()


@contextlib.contextmanager
def run_edge(home: Path) -> Iterator[Edge]:
    """Run the panel's program beside the daemon whose data folder is ``home``."""
    process = subprocess.Popen(
        [sys.executable, "-m", "acebridge.cli", "panel", "serve", "--port", "0", "--no-autostart"],
        env={**os.environ, "ACEBRIDGE_HOME": str(home)}, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        until(lambda: (home / "panel.json").exists() or process.poll() is not None, "the edge")
        yield Edge(home)
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def _static_server(folder: Path) -> Iterator[int]:
    process = subprocess.Popen([sys.executable, "-c", _STATIC, str(folder)], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        until(lambda: _is_open(port), "the static server")
        yield port
    finally:
        process.terminate()
        process.wait()


def _is_open(port: int) -> bool:
    with contextlib.suppress(OSError), contextlib.closing(http.client.HTTPConnection("127.0.0.1", port)) as connection:
        connection.connect()
        return True
    return False


def _rate(port: int, path: str, headers: dict[str, str]) -> float:
    """Return how fast a file is read, in MB/s."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port)) as connection:
        began = time.perf_counter()
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        assert response.status == 200
        buffer = memoryview(bytearray(_READ_BYTES))
        size = 0
        while count := response.readinto(buffer):
            size += count
        return size / 1e6 / (time.perf_counter() - began)


def _call(edge: Edge) -> float:
    began = time.perf_counter()
    edge.call("DaemonService/GetStatus")
    return time.perf_counter() - began


def _measure(title: str, call: Callable[[], Any]) -> None:
    times_ms = [1e3 * call() for _ in range(_CALLS)]
    p95 = statistics.quantiles(times_ms, n=20)[18]
    print(f"HTTP, {title}: median {statistics.median(times_ms):.2f} ms, p95 {p95:.2f} ms ({_CALLS} calls)")


def main() -> None:
    """Measure beside a daemon of its own."""
    from tests.bench.running import run_daemon

    with run_daemon() as daemon:
        report(daemon.home, daemon.client)


if __name__ == "__main__":
    main()
