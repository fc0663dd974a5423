"""Where workers run: on this machine, or on a Ray cluster; and whether that cluster answers. Imports no Ray."""

from __future__ import annotations

import os
import socket
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from acebridge.addresses import is_address, split_address
from acestep_runtime.installation import install_remedy

#: Values of the setting ``workers`` beside ``ray://HOST:PORT``: this machine, and the cluster that it is a node of.
LOCAL, AUTO = "local", "ray://auto"
SCHEME = "ray://"
#: The port where the head of a cluster lets clients in, unless it was told another one.
CLIENT_PORT = 10001
#: Seconds that a cluster has to answer.
_PROBE_S = 5.0


def is_place(text: str) -> bool:
    """Return whether this is a value of the setting ``workers``."""
    return text in (LOCAL, AUTO) or (text.startswith(SCHEME) and is_address(text.removeprefix(SCHEME)))


def read_resources(text: str) -> dict[str, str]:
    """Return the amounts in a text such as ``CPU=4,GPU=1``, which nobody has checked. Raises ``ValueError``."""
    pairs = [each.partition("=") for each in text.split(",")]
    if not all(name.strip() and sign for name, sign, _ in pairs):
        raise ValueError("must be names and amounts such as CPU=4,GPU=1")
    return {name.strip(): amount.strip() for name, _, amount in pairs}


def endpoint_of(address: str) -> tuple[str, int] | None:
    """Return the host and port where a cluster answers; ``None`` for ``ray://auto`` where no Ray runs on this machine."""
    if address != AUTO:
        return _endpoint(address.removeprefix(SCHEME))
    text = os.environ.get("RAY_ADDRESS", "") or _read_own_address()
    return _endpoint(text.removeprefix(SCHEME))


def _read_own_address() -> str:
    """Return what ``ray start`` on this machine has noted, "" where it was not run."""
    folder = Path(os.environ.get("RAY_TMPDIR") or tempfile.gettempdir(), "ray")
    try:
        return (folder / "ray_current_cluster").read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _endpoint(text: str) -> tuple[str, int] | None:
    return split_address(text) if is_address(text) else None


class Problem(NamedTuple):
    """Why a cluster cannot be used, as a sentence, and one that says what to do."""

    says: str
    remedy: str


def find_problem(address: str) -> Problem | None:
    """Return why the cluster at ``ray://HOST:PORT`` or ``ray://auto`` cannot be used, ``None`` when it answers. Blocks."""
    if find_spec("ray") is None:
        return Problem(f"Workers are on {address}, and Ray is not installed.", install_remedy("ray"))
    endpoint = endpoint_of(address)
    if endpoint is None:
        return unreachable(address, "no Ray runs on this machine")
    try:
        socket.create_connection(endpoint, timeout=_PROBE_S).close()
    except OSError as error:
        return unreachable(address, error.strerror or str(error))
    return None


def unreachable(address: str, why: str) -> Problem:
    """Return the problem of a cluster that does not answer."""
    if address == AUTO:
        start = "Run `ray start --head` on this machine, or have it join a cluster with `ray start --address HOST:6379`"
    else:
        port = (endpoint_of(address) or ("", CLIENT_PORT))[1]
        start = f"Start it with `ray start --head --ray-client-server-port {port}` on its first machine"
    return Problem(
        f"The Ray cluster at {address} cannot be reached: {why}.",
        f'{start}, or set workers to "{LOCAL}" in config.toml.',
    )
