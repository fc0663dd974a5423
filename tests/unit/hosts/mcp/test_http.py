"""The guard before the server over HTTP: Host, Origin, token; and what it remembers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from acebridge.errors import Unavailable
from acebridge.hosts.mcp import http
from acebridge.hosts.mcp.access import Access
from acebridge.hosts.mcp.http import Guard

PORT = 50790
TOKENS = ("ab" * 32, "cd" * 32)


class App:
    """Notes whose requests have come through."""

    def __init__(self) -> None:
        self.tokens: list[str | None] = []

    async def __call__(self, scope: Any, _: Any, send: Any) -> None:
        self.tokens.append(scope["acebridge.access"].token)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ours"})


class Door:
    """A guard with a clock of its own and a daemon that knows some tokens."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.app, self.now_s, self.known, self.asked = App(), 0.0, set(TOKENS), []
        self.guard = Guard(self.app, Access(None, folder), PORT, clock=lambda: self.now_s)
        self.away = False
        monkeypatch.setattr(http, "_is_valid", self._is_valid)

    def _is_valid(self, access: Access) -> bool:
        self.asked.append(access.token)
        if self.away:
            raise Unavailable("No AceBridge daemon runs.", remedy="Start one.")
        return access.token in self.known

    def ask(self, *headers: tuple[str, str], token: str = TOKENS[0]) -> tuple[int, bytes]:
        given = [("host", f"127.0.0.1:{PORT}"), *([("authorization", f"Bearer {token}")] if token else [])]
        named = {name for name, _ in headers}
        scope = {
            "type": "http", "method": "POST", "path": "/mcp",
            "headers": [(n.encode(), v.encode()) for n, v in [*(each for each in given if each[0] not in named), *headers]],
        }  # fmt: skip
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        async def run() -> None:
            await self.guard(scope, send, send)

        anyio.run(run)
        return sent[0]["status"], b"".join(message.get("body", b"") for message in sent)


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Door:
    return Door(monkeypatch, tmp_path)


def test_a_token_goes_on_to_the_daemon(door: Door) -> None:
    assert door.ask() == (200, b"ours")
    assert door.ask(token=TOKENS[1]) == (200, b"ours")
    assert door.app.tokens == list(TOKENS)


@pytest.mark.parametrize(
    "headers",
    [
        [("host", "evil.example:50790")], [("host", "127.0.0.1")], [("host", "127.0.0.1:80")],
        [("host", "127.0.0.1:50790"), ("host", "evil.example")], [("origin", "http://evil.example")],
        [("origin", "null")], [("origin", "https://127.0.0.1:50790")], [("origin", "127.0.0.1:50790")],
        [("sec-fetch-site", "cross-site")],
    ],
)  # fmt: skip
def test_other_hosts_and_pages_get_nothing(door: Door, headers: list[tuple[str, str]]) -> None:
    assert door.ask(*headers) == (403, b"")
    assert door.asked == []


def test_a_page_of_ours_and_programs_get_through(door: Door) -> None:
    for headers in (
        [("origin", f"http://localhost:{PORT}")],
        [("host", f"[::1]:{PORT}")],
        [("sec-fetch-site", "none")],
    ):
        assert door.ask(*headers)[0] == 200


@pytest.mark.parametrize("token", ["", "x", "ab" * 31, "AB" * 33, "ef" * 32])
def test_without_a_token_that_the_daemon_knows_there_is_nothing(door: Door, token: str) -> None:
    assert door.ask(token=token) == (401, b"")
    assert door.app.tokens == []


def test_a_valid_token_is_asked_about_once_in_ten_seconds(door: Door) -> None:
    for door.now_s in (0.0, 5.0, 9.9):
        assert door.ask()[0] == 200
    assert len(door.asked) == 1
    door.known.clear()
    door.now_s = 10.1
    assert door.ask() == (401, b"")


def test_tokens_that_are_remembered_are_few(door: Door) -> None:
    tokens = [f"{number:064x}" for number in range(200)]
    door.known.update(tokens)
    for token in tokens:
        assert door.ask(token=token)[0] == 200
    assert len(door.guard._valid) == 64


def test_a_daemon_that_is_away_is_said(door: Door) -> None:
    door.away = True
    status, body = door.ask()
    assert status == 503
    assert b"No AceBridge daemon runs." in body
