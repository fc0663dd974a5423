"""Connections for many callers: one for each token, not too many, never closed under a call."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import grpc
import pytest

from acebridge.client.async_connection import MAX_CONNECTIONS, Connection, Connections
from acebridge.client.credentials import Refusal
from acebridge.errors import Unavailable

NOBODY = "127.0.0.1:1"


def run(check: Callable[[Connections], Awaitable[None]], address: str | None = NOBODY) -> None:
    """Run a check with connections that are closed at the end."""

    async def main() -> None:
        connections = Connections(address)
        try:
            await check(connections)
        finally:
            await connections.close()

    asyncio.run(main())


async def open_once(connections: Connections, token: str | None) -> Connection:
    """The connection of a token, which nobody uses any more."""
    async with connections.use(token) as connection:
        return connection


def token(number: int) -> str:
    return f"{number:064x}"


def test_a_token_keeps_its_connection() -> None:
    async def check(connections: Connections) -> None:
        first = await open_once(connections, token(1))
        assert await open_once(connections, token(1)) is first
        assert await open_once(connections, token(2)) is not first
        assert await open_once(connections, None) is not first

    run(check)


def test_connections_that_nobody_uses_are_few() -> None:
    async def check(connections: Connections) -> None:
        async with connections.use(token(0)) as held:
            first = await open_once(connections, token(1))
            for number in range(2, MAX_CONNECTIONS + 1):
                await open_once(connections, token(number))
            assert await open_once(connections, token(0)) is held
            assert await open_once(connections, token(1)) is not first

    run(check)


def test_a_daemon_that_does_not_answer_is_looked_for_again() -> None:
    async def check(connections: Connections) -> None:
        first = await open_once(connections, None)
        with pytest.raises(Refusal):
            async with connections.use(None):
                raise Refusal(grpc.StatusCode.UNAVAILABLE, "gone")
        second = await open_once(connections, None)
        assert second is not first
        with pytest.raises(Refusal):
            async with connections.use(None):
                raise Refusal(grpc.StatusCode.NOT_FOUND, "no such job")
        assert await open_once(connections, None) is second

    run(check)


def test_no_call_is_cut_because_another_found_the_daemon_gone() -> None:
    async def check(connections: Connections) -> None:
        async with connections.use(None) as held:
            with pytest.raises(Refusal):
                async with connections.use(None):
                    raise Refusal(grpc.StatusCode.UNAVAILABLE, "gone")
            assert held.users == 1
            assert held.channel.get_state() is not grpc.ChannelConnectivity.SHUTDOWN
        assert held.channel.get_state() is grpc.ChannelConnectivity.SHUTDOWN

    run(check)


def test_a_daemon_that_was_started_again_is_another_one(home: Path) -> None:
    def note(pid: int) -> None:
        (home / "daemon.json").write_text(json.dumps({"address": NOBODY, "pid": pid, "start": "1"}))

    async def check(connections: Connections) -> None:
        with pytest.raises(Unavailable, match="acebridge serve"):
            await open_once(connections, None)
        note(5)
        first = await open_once(connections, None)
        note(6)
        assert await open_once(connections, None) is not first

    run(check, None)
