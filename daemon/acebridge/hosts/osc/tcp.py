"""TCP: packets in frames (`acebridge.hosts.osc.framing`), and answers on the same connection.

A connection that has sent nothing, or only the beginning of a packet, is closed after a while; so is one from another machine
that has not presented the token by then, and one that does not read.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import Callable, Hashable
from contextlib import suppress

from acebridge.addresses import plain_host
from acebridge.background import wait_at_most
from acebridge.hosts.osc.framing import Framing
from acebridge.hosts.osc.messages import BadPacket
from acebridge.hosts.osc.peer import Peer

MAX_CONNECTIONS = 32
#: Those of them that have not presented the token, from machines that are not allowed: they must not take all.
MAX_STRANGERS = 8
#: Seconds for a first packet, and from the beginning of a packet to its end.
PACKET_TIMEOUT_S = 30.0
_READ_BYTES = 16_384
#: What may wait to be sent to a connection that does not read.
_MAX_UNSENT_BYTES = 1 << 20
_numbers = itertools.count(1)


class TcpPeer:
    """A connection."""

    is_stream = True

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.framing = Framing()
        self.host = plain_host(writer.get_extra_info("peername")[0])
        self._writer, self._number = writer, next(_numbers)

    @property
    def key(self) -> Hashable:
        """Its number; no other connection gets that."""
        return self._number

    def send(self, packet: bytes) -> None:
        """See `acebridge.hosts.osc.peer.Peer`."""
        transport = self._writer.transport
        if transport.is_closing():
            return
        if transport.get_write_buffer_size() > _MAX_UNSENT_BYTES:
            transport.abort()
        else:
            self._writer.write(self.framing.wrap(packet))


class TcpServer:
    """Accepts connections; ``receive`` gets each packet and its connection, ``forget`` a connection that has ended,
    ``refuse`` one that has sent what cannot be read, with the reason; ``admits`` returns whether one may stay."""

    def __init__(
        self,
        receive: Callable[[bytes, Peer], None],
        forget: Callable[[Peer], None],
        refuse: Callable[[Peer, str, Exception], None],
        admits: Callable[[Peer], bool],
        timeout_s: float = PACKET_TIMEOUT_S,
    ) -> None:
        self._receive, self._forget, self._refuse, self._admits = receive, forget, refuse, admits
        self.timeout_s = timeout_s
        self._open: dict[asyncio.StreamWriter, TcpPeer] = {}
        self._server: asyncio.Server | None = None

    async def listen(self, host: str, port: int) -> int:
        """Open a port and return its number. Raises ``OSError``."""
        self._server = await asyncio.start_server(self._serve, host, port, limit=_READ_BYTES)
        own: int = self._server.sockets[0].getsockname()[1]
        return own

    async def close(self) -> None:
        """Close the port and all connections."""
        if self._server is not None:
            self._server.close()
        for writer in list(self._open):
            writer.transport.abort()
        if self._server is not None:
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if writer.get_extra_info("peername") is None:  # it ended before we looked
            writer.transport.abort()
            return
        peer = TcpPeer(writer)
        strangers = sum(not self._admits(each) for each in self._open.values())
        if len(self._open) >= MAX_CONNECTIONS or (strangers >= MAX_STRANGERS and not self._admits(peer)):
            writer.transport.abort()
            return
        self._open[writer] = peer
        own: socket.socket = writer.get_extra_info("socket")
        own.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        try:
            await self._read(reader, peer)
        except BadPacket as fault:
            self._refuse(peer, "", fault)
        except (ConnectionError, TimeoutError, asyncio.TimeoutError):
            pass
        finally:
            del self._open[writer]
            self._forget(peer)
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _read(self, reader: asyncio.StreamReader, peer: TcpPeer) -> None:
        """Read packets until the connection ends. Raises ``TimeoutError`` when a packet takes too long."""
        clock = asyncio.get_running_loop().time
        began: float | None = clock()  # of the packet that is awaited or under way
        while True:
            left_s = None if began is None else max(0.0, began + self.timeout_s - clock())
            data = await wait_at_most(left_s, reader.read(_READ_BYTES))
            if not data:
                return
            whole = 0
            for packet in peer.framing.feed(data):
                whole += 1
                self._receive(packet, peer)
            if not peer.framing.is_partial:
                began = None if whole and self._admits(peer) else began
            elif whole or began is None:
                began = clock()
