"""The stock client of the Model Context Protocol, beside the server as a program that chats would start it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import anyio
import httpx2
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult

from tests.support.daemon import PATIENCE_S

T = TypeVar("T")
COMMAND = ["-m", "acebridge.cli", "mcp"]
#: Ways that clients of today begin: asking what the server speaks, and the handshake of older ones.
MODES = ("auto", "legacy")


class Server(NamedTuple):
    """A server over HTTP: its address, and its process."""

    url: str
    process: subprocess.Popen[str]

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2].partition("/")[0])


@contextlib.contextmanager
def serve_http(environment: Mapping[str, str], results: Path, *arguments: str) -> Iterator[Server]:
    """Run the server over HTTP on a free port; at the end it has had no accident."""
    log = results.parent / f"{results.name}-mcp.txt"
    with log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, *COMMAND, "--http", "--port", "0", "--results", str(results), *arguments],
            env=dict(environment), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, text=True,
        )  # fmt: skip
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("serving MCP at "), log.read_text()
        yield Server(line.split()[-1], process)
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert "Traceback" not in log.read_text(), log.read_text()


@contextlib.asynccontextmanager
async def over_http(server: Server, token: str, mode: str = "auto") -> AsyncIterator[Client]:
    """Give a client with a token."""
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=PATIENCE_S) as http,
        Client(streamable_http_client(server.url, http_client=http), mode=mode) as client,
    ):
        yield client


@contextlib.asynccontextmanager
async def over_stdio(
    environment: Mapping[str, str], results: Path, *arguments: str, mode: str = "auto"
) -> AsyncIterator[Client]:
    """Give a client that has started a server."""
    command = [*COMMAND, "--results", str(results), *arguments]
    server = StdioServerParameters(command=sys.executable, args=command, env=dict(environment), cwd=results.parent)
    async with Client(server, mode=mode) as client:
        yield client


def talk(conversation: Callable[[], Awaitable[T]]) -> T:
    """Run a conversation to its end."""

    async def run() -> T:
        with anyio.fail_after(PATIENCE_S):
            return await conversation()

    return asyncio.run(run())


def values(result: CallToolResult) -> dict[str, Any]:
    """What a tool answered, which its text says as well."""
    assert not result.is_error, result.content
    found: dict[str, Any] = result.structured_content
    text = json.loads(result.content[0].text)  # type: ignore[union-attr]
    assert text.keys() == found.keys()
    return found


def error(result: CallToolResult) -> dict[str, Any]:
    """What a tool refused, which its text says as well."""
    assert result.is_error, result.content
    found: dict[str, Any] = result.structured_content["error"]
    assert result.content[0].text == " ".join(filter(None, (found["message"], found.get("remedy"))))  # type: ignore[union-attr]
    return found
