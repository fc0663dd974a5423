"""The port that the daemon listens at, and why it cannot be had."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from contextlib import suppress

from acebridge.addresses import is_loopback, join_address
from acebridge.config import DEFAULT_PORT, Config
from acebridge.errors import Conflict

_OTHER_HOST = "Set host to an address of this machine, such as 127.0.0.1, or to 0.0.0.0 for all of them."
#: Why a port cannot be had, by the number of the error.
_WHY_NOT: dict[int | None, str] = {
    None: "is taken by another program",
    errno.EADDRINUSE: "is taken by another program",
    errno.EACCES: "is for the system's own services",
    errno.EADDRNOTAVAIL: "cannot be opened: this machine has no such address",
}


def listen(open_port: Callable[[str], int], config: Config) -> int:
    """Open the port and return its number. Clients find it in the address file, so any will do unless one was asked for.

    Those on other machines do not: for them it has to be the usual one. Raises `Conflict` when there is none to be had.
    """
    usual = (DEFAULT_PORT, 0) if is_loopback(config.host) else (DEFAULT_PORT,)
    for port in usual if config.port is None else (config.port,):
        error = _bind_error(config.host, port)
        if error is None:
            with suppress(RuntimeError):  # another program was faster
                return open_port(join_address(config.host, port))
    no_address = error == errno.EADDRNOTAVAIL
    remedy = _OTHER_HOST if no_address else "Choose another with --port, or --port 0 for any free one."
    raise Conflict(f"Port {port} of {config.host} {_WHY_NOT.get(error, 'cannot be opened')}.", remedy=remedy)


def _bind_error(host: str, port: int) -> int | None:
    """Return the number of the error when a port cannot be opened. gRPC would print its own lines about it."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        if os.name != "nt":  # as gRPC does, so that a daemon that has just ended is not in the way
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
            probe.listen()
        except OSError as error:
            return error.errno
    return None
