"""The program of the edge: its port, its file, its limits; without a daemon."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from acebridge.hosts.http import loopback
from acebridge.hosts.http import serve as serving
from acebridge.hosts.http.edge import Edge
from acebridge.hosts.http.serve import find_running


def run(home: Path, check: Callable[[Edge], Awaitable[None]]) -> None:
    """Serve at any free port while ``check`` runs."""

    async def main() -> None:
        stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
        task = asyncio.create_task(serving.serve(home, 0, stop, ready=ready.set_result))
        try:
            await check(await ready)
        finally:
            stop.set()
            await task

    asyncio.run(main())


async def ask(edge: Edge, request: str) -> bytes:
    """Send a request as it is; return all that is answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
    writer.write(request.replace("\n", "\r\n").encode())
    answer = await reader.read()
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    return answer


def test_it_notes_where_it_serves_and_takes_that_back(home: Path) -> None:
    async def check(edge: Edge) -> None:
        running = find_running(home)
        assert running is not None
        assert (running.port, running.pid, running.url) == (edge.port, os.getpid(), edge.url)
        health = await ask(edge, f"GET /health HTTP/1.1\nHost: 127.0.0.1:{edge.port}\nConnection: close\n\n")
        assert health.startswith(b"HTTP/1.1 200")
        assert b"server:" not in health.lower()

    run(home, check)
    assert not (home / "panel.json").exists()
    assert find_running(home) is None


def test_who_has_its_port_next_is_not_taken_for_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever finds the edge sends it the key."""
    answers: list[bool] = []
    forget = serving.forget_serving

    def look(file: Path, port: int) -> None:
        forget(file, port)
        with contextlib.closing(socket.socket()) as visitor:
            answers.append(visitor.connect_ex(("127.0.0.1", port)) == 0)

    monkeypatch.setattr(serving, "forget_serving", look)

    async def check(_: Edge) -> None:
        pass

    run(home, check)
    assert answers == [True], "its port was open to others while its note was there"


def test_an_edge_that_began_before_another_is_found_when_that_has_ended(home: Path) -> None:
    async def check(first: Edge) -> None:
        second, stop = asyncio.get_running_loop().create_future(), asyncio.Event()
        task = asyncio.create_task(serving.serve(home, 0, stop, ready=second.set_result))
        port = (await second).port
        assert find_running(home) == (port, os.getpid())
        stop.set()
        await task
        assert find_running(home) == (first.port, os.getpid())

    run(home, check)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"port": 5}', '{"port": "x", "pid": 1}', '{"port": 5, "pid": 4194305, "start": "1"}']
)
def test_what_notes_nothing_that_runs_is_none(home: Path, text: str) -> None:
    (home / "panel.json").write_text(text)
    assert find_running(home) is None


def test_a_process_that_took_the_number_of_another_is_not_the_edge(home: Path) -> None:
    (home / "panel.json").write_text(json.dumps({"port": 5, "pid": os.getpid(), "start": "other"}))
    assert find_running(home) is None


def test_requests_beyond_the_limit_are_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loopback, "MAX_REQUESTS", 4)

    async def check(edge: Edge) -> None:
        request = f"GET /health HTTP/1.1\nHost: 127.0.0.1:{edge.port}\nConnection: close\n\n"
        held = [await asyncio.open_connection("127.0.0.1", edge.port) for _ in range(4)]
        assert (await ask(edge, request)).startswith(b"HTTP/1.1 503")
        for _, writer in held:
            writer.close()
            await writer.wait_closed()
        for _ in range(6000):
            if (await ask(edge, request)).startswith(b"HTTP/1.1 200"):
                return
            await asyncio.sleep(0.01)
        raise AssertionError("it refuses for ever")

    run(home, check)


@pytest.mark.parametrize(
    "request_line",
    [
        "GET / HTTP/1.0\n\n",
        "GET /\n\n",
        "\0\0\0\0\n\n",
        "GET / HTTP/1.1\nHost: a\nHost: b\n\n",
        "PRI * HTTP/2.0\n\nSM\n\n",
    ],
)
def test_what_is_no_request_of_ours_gets_nothing(home: Path, request_line: str) -> None:
    async def check(edge: Edge) -> None:
        answer = await ask(edge, request_line)
        assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 403"))

    run(home, check)
