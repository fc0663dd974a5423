"""A Ray cluster on this machine, in a process of its own, with temporary folders. Several nodes.

The process takes commands on stdin, one a line, answers each with a line of JSON, and ends with its stdin:

    add NAME=SEATS ...  start nodes with these names; one actor takes a seat
    kill NAME           end a node's processes with SIGKILL
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

#: The least that Ray allows.
_STORE_BYTES = 80 * 2**20


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


class RayCluster:
    """The cluster, from the side of the tests. ``variables`` are those of all its processes."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        # Sockets in a longer path have names that are too long for the system.
        self.folder = Path(tempfile.mkdtemp(prefix="ray"))
        (self.folder / "ray").mkdir()
        #: What a program needs to reach the cluster.
        self.access = {
            "RAY_TMPDIR": str(self.folder),
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": "5" * 64,
            "RAY_USAGE_STATS_ENABLED": "0",
        }
        with (self.folder / "said.txt").open("wb") as said:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.ray_cluster", str(free_port())],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, text=True,
                env={**os.environ, **self.access, **variables},
            )  # fmt: skip
        self.access["RAY_ADDRESS"], self.client_address = self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, (self.folder / "said.txt").read_text(errors="replace")
        return json.loads(line)

    def _ask(self, *words: str) -> Any:
        assert self._process.stdin is not None
        print(*words, file=self._process.stdin, flush=True)
        return self._answer()

    def add(self, *names: str) -> None:
        """Start nodes, each named with the number of actors that it has room for: ``first=1``."""
        self._ask("add", *names)

    def kill(self, name: str) -> None:
        """Kill all processes of a node."""
        self._ask("kill", name)

    def actors(self) -> list[psutil.Process]:
        """The processes of actors that are alive."""
        return [each for each in psutil.Process(self._process.pid).children(recursive=True) if _is_actor(each)]

    def kill_all(self) -> None:
        """Kill all nodes at once, the head among them."""
        for process in psutil.Process(self._process.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()

    def stop(self) -> None:
        """End all of it. It may have ended."""
        if self._process.returncode is not None:
            return
        processes = psutil.Process(self._process.pid).children(recursive=True)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(60)
        for process in psutil.wait_procs(processes, timeout=10)[1]:
            process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def _is_actor(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.name().startswith("ray::NodeWorke") and process.status() != psutil.STATUS_ZOMBIE
    return False


def main() -> None:
    from ray.cluster_utils import Cluster

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    client_port = int(sys.argv[1])

    def answer(value: object) -> None:
        print(json.dumps(value), file=answers, flush=True)

    cluster = Cluster(
        initialize_head=True,
        head_node_args={
            "num_cpus": 0, "include_dashboard": False, "object_store_memory": _STORE_BYTES,
            "ray_client_server_port": client_port,
        },
    )  # fmt: skip
    answer([cluster.address, f"ray://127.0.0.1:{client_port}"])
    nodes: dict[str, Any] = {}
    try:
        for line in sys.stdin:
            command, *names = line.split()
            if command == "add":
                for name, _, seats in (each.partition("=") for each in names):
                    nodes[name] = cluster.add_node(  # without CPUs Ray starts no processes ahead
                        num_cpus=0, resources={"seat": int(seats)}, node_name=name, object_store_memory=_STORE_BYTES,
                        wait=False,
                    )  # fmt: skip
                cluster.wait_for_nodes()
            else:
                node = nodes.pop(names[0])
                raylets = [each.process for each in node.all_processes["raylet"]]
                for process in raylets:
                    for each in (*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)):
                        each.send_signal(signal.SIGKILL)
                cluster.remove_node(node, allow_graceful=False)
            answer("done")
    finally:
        cluster.shutdown()


if __name__ == "__main__":
    main()
