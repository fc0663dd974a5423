"""UDP: each datagram is a packet, and answers go to where it came from."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Hashable
from contextlib import suppress

from acebridge.addresses import is_loopback, plain_host
from acebridge.hosts.osc.peer import Peer
from acestep_runtime.errors import InvalidValue


class UdpPeer:
    """The sender of datagrams, and where datagrams go. What the system does not take at once is dropped, as datagrams are."""

    is_stream = False

    def __init__(self, own: socket.socket, address: tuple[str, int]) -> None:
        self._socket, self._address = own, address
        self.host = plain_host(address[0])

    @property
    def key(self) -> Hashable:
        """Its address."""
        return (self.host, self._address[1])

    def send(self, packet: bytes) -> None:
        """See `acebridge.hosts.osc.peer.Peer`."""
        with suppress(OSError):  # the buffer is full, the network is gone, nobody listens there
            self._socket.sendto(packet, self._address)


class _Protocol(asyncio.DatagramProtocol):
    def __init__(self, own: socket.socket, receive: Callable[[bytes, Peer], None]) -> None:
        self._socket, self._receive = own, receive

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._receive(data, UdpPeer(self._socket, addr))

    def error_received(self, exc: Exception) -> None:
        """Ignore that nobody listens where an answer went."""


class UdpServer:
    """Receives datagrams; ``receive`` gets each packet and its sender."""

    def __init__(self, receive: Callable[[bytes, Peer], None]) -> None:
        self._receive = receive
        self._socket = socket.socket()
        self._transport: asyncio.BaseTransport | None = None

    async def listen(self, host: str, port: int) -> int:
        """Open a port and return its number. Raises ``OSError``."""
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        self._socket.close()
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        try:
            self._socket.setblocking(False)
            self._socket.bind(address)
            loop = asyncio.get_running_loop()
            self._transport, _ = await loop.create_datagram_endpoint(
                lambda: _Protocol(self._socket, self._receive), sock=self._socket
            )
        except OSError:
            self._socket.close()
            raise
        own: int = self._socket.getsockname()[1]
        return own

    def peer_at(self, host: str, port: int) -> Peer:
        """Return a peer that datagrams can be sent to. Raises `InvalidValue` for this port itself, and for IPv6 from IPv4."""
        if is_loopback(host) and port == self._socket.getsockname()[1]:
            raise InvalidValue("port", port, "another port than that of the bridge")
        if self._socket.family == socket.AF_INET6:
            return UdpPeer(self._socket, (host if ":" in host else f"::ffff:{host}", port))
        if ":" in host:
            raise InvalidValue("host", host, "an address of IPv4, for the bridge listens at one")
        return UdpPeer(self._socket, (host, port))

    def close(self) -> None:
        """Close the port."""
        if self._transport is not None:
            self._transport.close()
        self._socket.close()
