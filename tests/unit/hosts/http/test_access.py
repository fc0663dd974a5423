"""Who may call: every way in that a page of another site, another program or a mistake may try."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from acebridge.errors import Unauthenticated
from acebridge.hosts.http.access import Caller, Guard, caller_from

KEY, TOKEN = "0123456789abcdef" * 4, "f" * 64
HOST = ("host", "127.0.0.1:50780")
WITH_KEY = ("authorization", f"Bearer {KEY}")


def ask(
    *headers: tuple[str, str], method: str = "POST", path: str = "/v1/JobService/ListJobs"
) -> tuple[int, bytes, Any]:
    """Return status, body and headers of an answer; an app behind the guard says who calls."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        caller = scope.get("caller", "open")
        await PlainTextResponse(repr(caller))(scope, receive, send)

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {
        "type": "http", "method": method, "path": path, "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers],
    }  # fmt: skip
    asyncio.run(Guard(app, port=50780, panel_key=KEY)(scope, receive, send))
    answered = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:]), answered


def test_the_key_of_the_panel_and_a_token_say_who_calls() -> None:
    assert ask(HOST, WITH_KEY)[:2] == (200, repr(Caller(None)).encode())
    assert ask(HOST, ("authorization", f"bearer {TOKEN}"))[:2] == (200, repr(Caller(TOKEN)).encode())


@pytest.mark.parametrize("host", ["127.0.0.1:50780", "localhost:50780", "[::1]:50780", "LOCALHOST:50780"])
def test_loopback_has_three_names(host: str) -> None:
    assert ask(("host", host), WITH_KEY)[0] == 200
    assert ask(("host", host), ("origin", f"http://{host}"), WITH_KEY)[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        (("host", "evil.example:50780"),),
        (("host", "127.0.0.1.evil.example:50780"),),
        (("host", "127.0.0.1:50781"),),
        (("host", "127.0.0.1"),),
        (("host", ""),),
        (),
        (HOST, ("host", "evil.example")),
        (HOST, ("origin", "http://evil.example")),
        (HOST, ("origin", "https://127.0.0.1:50780")),
        (HOST, ("origin", "http://127.0.0.1:50781")),
        (HOST, ("origin", "null")),
        (HOST, ("origin", "")),
        (HOST, ("origin", "http://127.0.0.1:50780"), ("origin", "http://evil.example")),
        (HOST, ("sec-fetch-site", "cross-site")),
        (HOST, ("sec-fetch-site", "same-site")),
    ],
)
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/v1/JobService/ListJobs"), ("GET", "/"), ("POST", "/panel/session")]
)
def test_strangers_get_nothing(headers: tuple[tuple[str, str], ...], method: str, path: str) -> None:
    status, body, answered = ask(*headers, WITH_KEY, method=method, path=path)
    assert (status, body) == (403, b"")
    assert not {name for name in answered if name.startswith("access-control")}


@pytest.mark.parametrize("text", ["", "Bearer", "Bearer ", f"Basic {KEY}", f"Bearer {KEY[:-1]}", f"Bearer {KEY}0", KEY])
def test_without_a_token_there_is_nothing(text: str) -> None:
    status, body, answered = ask(HOST, ("authorization", text))
    assert status == 401
    assert b"UNAUTHENTICATED" in body
    assert answered["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"), ("HEAD", "/"), ("GET", "/panel/panel.css"), ("GET", "/health"), ("GET", "/openapi.json"),
        ("GET", "/v1/links/a/b.wav"), ("POST", "/panel/session"), ("POST", "/release_task"), ("GET", "/v1/audio"),
    ],
)  # fmt: skip
def test_what_holds_no_secret_is_open(method: str, path: str) -> None:
    assert ask(HOST, method=method, path=path)[:2] == (200, b"'open'")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/"), ("GET", "/panel/api/tables"), ("GET", "/v1/uploads/a"), ("POST", "/v1/links"), ("GET", "/nothing"),
        ("DELETE", "/panel/session"), ("OPTIONS", "/v1/JobService/ListJobs"), ("GET", "/v1/jobs/a/events"),
    ],
)  # fmt: skip
def test_everything_else_is_not(method: str, path: str) -> None:
    assert ask(HOST, method=method, path=path)[0] == 401


def test_a_token_may_not_do_what_is_for_the_panel() -> None:
    assert ask(HOST, ("authorization", f"Bearer {TOKEN}"), path="/panel/api/codes")[0] == 403
    assert ask(HOST, WITH_KEY, path="/panel/api/codes")[0] == 200


def test_every_answer_says_how_it_may_be_used() -> None:
    for headers in ((HOST, WITH_KEY), (HOST,), ()):
        answered = ask(*headers)[2]
        assert answered["x-content-type-options"] == "nosniff"
        assert answered["referrer-policy"] == "no-referrer"
        assert answered["cache-control"] == "no-store"
        assert "default-src 'none'" in answered["content-security-policy"]


def test_a_token_may_be_in_the_body_where_that_is_usual() -> None:
    request = Request({"type": "http", "headers": []})
    assert caller_from(request, KEY, KEY) == Caller(None)
    assert caller_from(request, KEY, TOKEN) == Caller(TOKEN)
    for bad in (None, "", 5, "x" * 64):
        with pytest.raises(Unauthenticated):
            caller_from(request, KEY, bad)


def test_other_protocols_are_refused() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError

    async def app(*_: Any) -> None:
        raise AssertionError

    asyncio.run(Guard(app, port=1, panel_key=KEY)({"type": "websocket", "headers": []}, receive, send))
    assert sent == [{"type": "websocket.close", "code": 1008}]
