"""A proxy of TCP between a client and a daemon: it delays what passes, counts it, resets connections, and can be cut."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from typing import Any

#: Most bytes that pass at once.
CHUNK_BYTES = 4 * 1024
_ABORT = struct.pack("ii", 1, 0)


class Proxy:
    """A line to ``target`` (host and port): each byte takes ``delay_s`` each way, each chunk resets with ``reset_share``.

    One also resets each time that all of them together have sent as many bytes as ``resets_at`` says next, and each one that
    has got ``most_down_bytes``, 0 for any. ``up_bytes`` are what each connection has sent to the target, ``down_bytes`` what it
    has got, ``resets`` is how many connections were reset.
    """

    def __init__(
        self, target: tuple[str, int], *, delay_s: float = 0.0, reset_share: float = 0.0, seed: int = 0
    ) -> None:
        self.target = target
        self.delay_s, self.reset_share = delay_s, reset_share
        self.up_bytes: list[int] = []
        self.down_bytes: list[int] = []
        self.most_down_bytes = 0
        self.resets_at: list[int] = []
        self.resets = 0
        self.address = ""
        self._random = random.Random(seed)
        self._is_cut = False
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._ready.wait()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def cut(self) -> None:
        """Reset all connections, and every new one."""
        self._is_cut = True
        self._call(self._reset_all)

    def mend(self) -> None:
        """Let connections pass again."""
        self._is_cut = False

    def reset(self) -> None:
        """Reset all connections once."""
        self._call(self._reset_all)

    def _call(self, work: Any) -> None:
        done = threading.Event()

        def run() -> None:
            work()
            done.set()

        self._loop.call_soon_threadsafe(run)
        done.wait()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0, limit=CHUNK_BYTES))
        self.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._ready.set()
        self._loop.run_forever()
        server.close()
        self._reset_all()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    def _reset_all(self) -> None:
        for writer in list(self._open):
            self._abort(writer)

    def _abort(self, writer: asyncio.StreamWriter) -> None:
        self._open.discard(writer)
        connection = writer.get_extra_info("socket")
        with contextlib.suppress(OSError, AttributeError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
        writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            self._abort(writer)
            return
        try:
            there, to_there = await asyncio.open_connection(*self.target, limit=CHUNK_BYTES)
        except OSError:  # nobody listens there now
            self._abort(writer)
            return
        ends = (writer, to_there)
        self._open.update(ends)
        number = len(self.up_bytes)
        self.up_bytes.append(0)
        self.down_bytes.append(0)

        def count_up(passed: int) -> bool:
            self.up_bytes[number] += passed
            return self._is_due()

        def count_down(passed: int) -> bool:
            self.down_bytes[number] += passed
            return 0 < self.most_down_bytes < self.down_bytes[number]

        pumps = [self._pump(reader, to_there, count_up), self._pump(there, writer, count_down)]
        tasks = [asyncio.ensure_future(pump) for pump in pumps]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for end in ends:
                self._abort(end)

    async def _pump(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, count: Callable[[int], bool]
    ) -> None:
        """Pass bytes on, each ``delay_s`` after it came; return at the end, or when the connection is to be reset."""
        due: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        sending = asyncio.ensure_future(self._send(due, sink))
        try:
            with contextlib.suppress(OSError):
                while data := await source.read(CHUNK_BYTES):
                    is_due = count(len(data))
                    if self._random.random() < self.reset_share or is_due:
                        self.resets += 1
                        return
                    due.put_nowait((self._loop.time() + self.delay_s, data))
                await due.join()
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    def _is_due(self) -> bool:
        if not self.resets_at or sum(self.up_bytes) < self.resets_at[0]:
            return False
        self.resets_at.pop(0)
        return True

    async def _send(self, due: asyncio.Queue[tuple[float, bytes]], sink: asyncio.StreamWriter) -> None:
        while True:
            at, data = await due.get()
            await asyncio.sleep(max(at - self._loop.time(), 0))
            sink.write(data)
            await sink.drain()
            due.task_done()


@contextlib.contextmanager
def proxy_to(address: str, **options: Any) -> Iterator[Proxy]:
    """Run a proxy to the daemon at ``address``."""
    host, _, port = address.rpartition(":")
    proxy = Proxy((host, int(port)), **options)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()
