"""The UDP server: whom it reaches, and in what form it names them."""

from __future__ import annotations

import asyncio
import socket

import pytest

from acebridge.hosts.osc.peer import Peer
from acebridge.hosts.osc.udp import UdpServer
from acestep_runtime.errors import InvalidValue
from tests.support.daemon import PATIENCE_S


def test_feedback_that_would_never_arrive_is_refused() -> None:
    async def run() -> None:
        server = UdpServer(lambda *_: None)
        port = await server.listen("127.0.0.1", 0)
        try:
            with pytest.raises(InvalidValue, match="another port than that of the bridge"):
                server.peer_at("127.0.0.1", port)
            with pytest.raises(InvalidValue, match="IPv4"):
                server.peer_at("::1", 9)
        finally:
            server.close()

    asyncio.run(run())


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_bridge_on_all_addresses_receives_from_both_kinds_and_answers(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET

    async def run() -> None:
        received: asyncio.Queue[tuple[bytes, Peer]] = asyncio.Queue()
        server = UdpServer(lambda packet, peer: received.put_nowait((packet, peer)))
        port = await server.listen("::", 0)
        with socket.socket(family, socket.SOCK_DGRAM) as client:
            client.bind((host, 0))
            client.settimeout(PATIENCE_S)
            client.sendto(b"question", (host, port))
            _, peer = await asyncio.wait_for(received.get(), PATIENCE_S)
            own_port = client.getsockname()[1]
            assert (peer.host, peer.key) == (host, (host, own_port))
            for each in (peer, server.peer_at(host, own_port)):
                assert each.key == peer.key
                each.send(b"answer")
                assert client.recv(16) == b"answer"
        server.close()

    asyncio.run(run())
