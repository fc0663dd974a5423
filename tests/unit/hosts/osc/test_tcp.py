"""The stream server: what is half-open ends, and what does not read is left."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable

from acebridge.hosts.osc.peer import Peer
from acebridge.hosts.osc.tcp import MAX_STRANGERS, TcpServer
from tests.support.daemon import PATIENCE_S
from tests.support.osc import message


class Log:
    """A server and what it reports."""

    def __init__(self, timeout_s: float) -> None:
        self.packets: asyncio.Queue[tuple[bytes, Peer]] = asyncio.Queue()
        self.gone = asyncio.Event()
        self.admitted: set[Hashable] = set()
        self.server = TcpServer(
            self.receive,
            lambda _: self.gone.set(),
            lambda *_: None,
            lambda peer: peer.key in self.admitted,
            timeout_s,
        )

    def receive(self, packet: bytes, peer: Peer) -> None:
        if packet == message("/a"):
            self.admitted.add(peer.key)
        self.packets.put_nowait((packet, peer))


Work = Callable[[asyncio.StreamReader, asyncio.StreamWriter, Log], Awaitable[None]]


def speak(work: Work, timeout_s: float = PATIENCE_S) -> list[bytes]:
    """Connect to a server and do ``work``; return the packets that nobody has fetched when the connection is gone."""

    async def run() -> list[bytes]:
        log = Log(timeout_s)
        port = await log.server.listen("127.0.0.1", 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            await asyncio.wait_for(work(reader, writer, log), PATIENCE_S)
        finally:
            writer.close()
            await log.server.close()
        await asyncio.wait_for(log.gone.wait(), PATIENCE_S)
        return [log.packets.get_nowait()[0] for _ in range(log.packets.qsize())]

    return asyncio.run(run())


def slip(address: str) -> bytes:
    return b"\xc0" + message(address) + b"\xc0"


def test_a_connection_that_sends_nothing_is_closed() -> None:
    async def wait(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter, log: Log) -> None:
        assert await reader.read() == b""
        await log.gone.wait()

    assert speak(wait, timeout_s=0.05) == []


def test_a_packet_that_does_not_end_closes_its_connection_however_slowly_it_comes() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, log: Log) -> None:
        ended = asyncio.ensure_future(reader.read())
        while not ended.done():
            writer.write(b"/")
            await asyncio.wait((ended,), timeout=0.01)
        assert ended.exception() is not None or ended.result() == b""
        await log.gone.wait()

    assert speak(drip, timeout_s=0.2) == []


def test_a_connection_that_has_sent_a_packet_may_wait() -> None:
    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, log: Log) -> None:
        writer.write(slip("/a"))
        await log.packets.get()
        log.server.timeout_s = 0.01
        done, _ = await asyncio.wait(
            (asyncio.ensure_future(reader.read(1)),), timeout=0.1
        )  # a packet may not take as long
        assert not done
        assert not log.gone.is_set()
        log.server.timeout_s = PATIENCE_S
        writer.write(slip("/b"))
        assert (await log.packets.get())[0] == message("/b")

    assert speak(wait) == []


def test_a_connection_that_is_not_admitted_may_not_wait() -> None:
    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, log: Log) -> None:
        writer.write(slip("/other"))
        assert await reader.read() == b""
        await log.gone.wait()

    assert speak(wait, timeout_s=0.1) in ([], [message("/other")])  # closed before it was read, or after


def test_a_connection_that_does_not_read_is_closed() -> None:
    async def flood(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter, log: Log) -> None:
        writer.write(slip("/a"))
        _, peer = await log.packets.get()
        while not log.gone.is_set():
            peer.send(bytes(60_000))
            await asyncio.sleep(0)

    assert speak(flood) == []


def test_strangers_do_not_take_all_connections() -> None:
    async def crowd(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter, log: Log) -> None:
        port = writer.get_extra_info("peername")[1]
        others = [await asyncio.open_connection("127.0.0.1", port) for _ in range(MAX_STRANGERS)]
        assert await others[-1][0].read() == b""  # one more than there may be
        for _, each in others:
            each.close()
        writer.close()
        await log.gone.wait()

    assert speak(crowd) == []
