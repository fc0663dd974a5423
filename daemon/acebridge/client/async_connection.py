"""Connections of programs that serve many at once in one event loop: calls never block it, and carry the token of whoever asks.

The rules for a token are those of `acebridge.client.credentials`; what has to wait for a proof waits in a thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import grpc

from acebridge.client.channels import open_async_route, open_route, route_to
from acebridge.client.credentials import Credentials
from acebridge.client.discovery import find_address
from acebridge.client.own_daemon import read_own_daemon
from acebridge.errors import Unavailable
from acebridge.paths import data_folder

#: How many connections are kept open: one for each token that calls.
MAX_CONNECTIONS = 64
#: How long a daemon may take to prove who it is, in seconds.
_PROOF_TIMEOUT_S = 10.0


class _Details(grpc.ClientCallDetails):
    """How the proof before a call is asked for."""

    timeout = _PROOF_TIMEOUT_S
    wait_for_ready = None


class Connection:
    """A connection to the daemon at ``address`` with one token; ``None`` stands for its own, whichever that is now."""

    def __init__(self, address: str, token: str | None) -> None:
        route = route_to(address, data_folder())
        self.address = address
        self.channel = open_async_route(route)
        #: For calls that threads make, and for proofs.
        self.blocking_channel = open_route(route)
        self._credentials = Credentials(self.blocking_channel, address, token, route.fingerprint)
        #: Calls that use it.
        self.users = 0
        #: Whether it is not used for further calls.
        self.is_old = False

    async def metadata(self) -> tuple[tuple[str, str], ...]:
        """Return what a call carries. Raises ``grpc.RpcError`` for a call that must not be made, and what `token_for` does."""
        token = await asyncio.to_thread(self._credentials, _Details())
        return (("authorization", f"Bearer {token}"),) if token else ()

    async def close(self) -> None:
        """End it, with all its calls."""
        await self.channel.close()
        self.blocking_channel.close()


class _Key(NamedTuple):
    """What has to stay the same for a connection to be used again: a daemon that was started again is another one."""

    address: str
    pid: int
    start: str
    token: str | None


class Connections:
    """Connections to the daemon that serves now, one for each token. It may end, and come back elsewhere with another secret.

    ``address`` is where it is; by default what the data folder says at each call.
    """

    def __init__(self, address: str | None = None) -> None:
        self._address = address
        self._open: dict[_Key, Connection] = {}

    @asynccontextmanager
    async def use(self, token: str | None) -> AsyncIterator[Connection]:
        """Give a connection for the calls of one request.

        Raises `Unavailable` when no daemon runs, and what `route_to` does. A call that ends with UNAVAILABLE has the next
        request connect again.
        """
        key = self._key(token)
        connection = self._open.pop(key, None) or Connection(key.address, token)
        self._open[key] = connection  # the newest last
        connection.users += 1
        try:
            yield connection
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.UNAVAILABLE and self._open.get(key) is connection:
                del self._open[key]
                connection.is_old = True
            raise
        finally:
            connection.users -= 1
            if connection.is_old and not connection.users:
                await connection.close()
            await self._close_surplus()

    def _key(self, token: str | None) -> _Key:
        address = find_address(self._address)
        if not address:
            raise Unavailable(
                "No AceBridge daemon runs.", remedy="Start it with `acebridge serve`: the jobs that it has go on."
            )
        own = read_own_daemon(data_folder())
        return _Key(address, own.pid, own.start, token) if own.serves_at(address) else _Key(address, 0, "", token)

    async def _close_surplus(self) -> None:
        """Close connections that nobody uses, those that were not used for longest first."""
        for key, connection in list(self._open.items()):
            if len(self._open) <= MAX_CONNECTIONS:
                break
            if not connection.users:
                del self._open[key]
                await connection.close()

    async def close(self) -> None:
        """Close all; calls end, jobs go on."""
        connections: list[Any] = list(self._open.values())
        self._open.clear()
        for connection in connections:
            await connection.close()
