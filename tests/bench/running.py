"""A daemon to measure, in a process and a data folder of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil

from acebridge.client.client import Client
from acebridge.client.own_daemon import read_token


class Running(NamedTuple):
    """A daemon that serves ``home``."""

    client: Client
    pid: int
    home: Path
    token: str

    def cpu_s(self) -> float:
        """Return the processor time that it has taken, without its worker's."""
        used = psutil.Process(self.pid).cpu_times()
        return float(used.user + used.system)

    def resident_mb(self) -> float:
        """Return the memory that it takes, without its worker's."""
        return float(psutil.Process(self.pid).memory_info().rss) / 1e6


@contextmanager
def run_daemon(prepare: Callable[[Path], None] = lambda _: None) -> Iterator[Running]:
    """Run a daemon in a new data folder, which ``prepare`` may fill first."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        prepare(home)
        environment = {**os.environ, "ACEBRIDGE_HOME": folder, "ACEBRIDGE_FAKE_GATES": folder}
        process = subprocess.Popen(
            [sys.executable, "-m", "acebridge.cli", "serve", "--port", "0", "--log-level", "warning"], env=environment
        )
        address = home / "daemon.json"
        try:
            while not address.exists():
                time.sleep(0.02)
            token = read_token(home)
            with Client(json.loads(address.read_text())["address"], token=token) as client:
                yield Running(client, process.pid, home, token)
        finally:
            process.terminate()
            process.wait()


def load() -> str:
    """Return what else the machine does, for the line of a figure."""
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
