"""Finding the daemon, and starting one when none answers. Imported by every client command: keep it light."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from daemon.config import DEFAULT_PORT, data_folder
from daemon.errors import Unavailable

ADDRESS_FILE = "daemon.json"
_START_TIMEOUT_S = 30.0
_POLL_S = 0.05


def known_address(explicit: str | None = None) -> str:
    """Return where the daemon should be: ``explicit``, ``ACEBRIDGE_ADDRESS``, the running one's own word, the default."""
    if explicit or os.environ.get("ACEBRIDGE_ADDRESS"):
        return explicit or os.environ["ACEBRIDGE_ADDRESS"]
    try:
        address: str = json.loads((data_folder() / ADDRESS_FILE).read_text("utf-8"))["address"]
    except (OSError, ValueError, KeyError, TypeError):
        return f"127.0.0.1:{DEFAULT_PORT}"
    return address


def answers(address: str, timeout_s: float = 1.0) -> bool:
    """Return whether an AceBridge daemon serves at ``address``."""
    import grpc
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    with grpc.insecure_channel(address) as channel:
        try:
            request = health_pb2.HealthCheckRequest(service="acebridge.v1.TaskService")
            reply = health_pb2_grpc.HealthStub(channel).Check(request, timeout=timeout_s, wait_for_ready=False)
        except grpc.RpcError:
            return False
        return bool(reply.status == health_pb2.HealthCheckResponse.SERVING)


def start(explicit: str | None = None) -> str:
    """Start a daemon in the background and return its address once it serves. Raises `Unavailable` if it does not.

    Two clients may do so at once: one daemon gets the data folder, both clients find it.
    """
    address = explicit or os.environ.get("ACEBRIDGE_ADDRESS")
    command = [sys.executable, "-m", "daemon.cli", "serve"]
    if address:
        host, _, port = address.rpartition(":")
        command += ["--host", host, "--port", port]
    folder = data_folder() / "logs"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        output = folder / "start.log"
        with output.open("wb") as log:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=Path.home(), **_detached()
            )
    except OSError as error:
        raise Unavailable(f"The daemon could not be started: {error}.", remedy="Check the data folder.") from error
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline:
        found = known_address(explicit)
        if answers(found):
            return found
        if process.poll() not in (None, 0) and not _another_starts(output):
            break
        time.sleep(_POLL_S)
    last = output.read_text("utf-8", errors="replace").strip().splitlines()[-1:] or ["no message"]
    raise Unavailable(f"The daemon did not start: {last[0]}", remedy=f"The whole message is in {output}.")


def _another_starts(output: Path) -> bool:
    return "Another daemon already serves" in output.read_text("utf-8", errors="replace")


def _detached() -> dict[str, Any]:
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    return {"start_new_session": True}
