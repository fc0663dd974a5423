"""Errors as answers, bodies as messages, files of a page."""

from __future__ import annotations

import asyncio
import errno
import json
from pathlib import Path
from typing import Any

import grpc
import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request

from acebridge.client.credentials import Refusal
from acebridge.contract.status import pack_error
from acebridge.errors import (
    Busy,
    Conflict,
    DataLoss,
    JobFailed,
    NotFound,
    PermissionDenied,
    TimedOut,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from acebridge.hosts.http import bodies
from acebridge.hosts.http.bodies import MAX_BODY_BYTES, message_of, read_body, read_object
from acebridge.hosts.http.errors import STATUS, answer_json, error_answer
from acebridge.hosts.http.methods import BY_NAME
from acebridge.hosts.http.page import page_routes
from acestep_runtime.errors import InvalidValue

REPAINT = BY_NAME["TaskService", "Repaint"]


def request_with(*pieces: bytes) -> Request:
    """A request whose body comes in pieces."""
    left = list(pieces)

    async def receive() -> Any:
        return {"type": "http.request", "body": left.pop(0) if left else b"", "more_body": bool(left)}

    return Request({"type": "http", "method": "POST", "headers": []}, receive)


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (InvalidValue("bpm", 5, "30 to 300"), 400, "INVALID_VALUE"),
        (Unauthenticated("a"), 401, "UNAUTHENTICATED"),
        (PermissionDenied("a"), 403, "PERMISSION_DENIED"),
        (NotFound("a"), 404, "NOT_FOUND"),
        (Conflict("a"), 409, "CONFLICT"),
        (JobFailed("CANCELLED", "a"), 409, "CANCELLED"),
        (Busy("a"), 429, "BUSY"),
        (TooLarge("a"), 429, "TOO_LARGE"),
        (Unavailable("a"), 503, "UNAVAILABLE"),
        (TimedOut("a"), 504, "TIMED_OUT"),
        (DataLoss("a"), 500, "DATA_LOSS"),
        (RuntimeError("secret"), 500, "INTERNAL"),
    ],
)
def test_an_error_is_the_same_from_here_and_from_the_daemon(error: Exception, status: int, reason: str) -> None:
    errors = [error]
    if not isinstance(error, RuntimeError):
        errors.append(Refusal(*pack_error(error)))  # type: ignore[arg-type]
    for each in errors:
        answer = error_answer(each)
        body = json.loads(bytes(answer.body))["error"]
        assert (answer.status_code, body["reason"]) == (status, reason)
        assert "secret" not in body["message"]
        assert body.keys() == {"reason", "message", "remedy", "details"}
        assert (answer.headers.get("retry-after") is not None) == (status in (429, 503))


def test_a_full_disk_of_our_own_is_said() -> None:
    answer = error_answer(OSError(errno.ENOSPC, "No space left on device", "/tmp/secret"))
    error = json.loads(bytes(answer.body))["error"]
    assert (answer.status_code, error["reason"]) == (429, "DISK_FULL")
    assert error["remedy"]
    assert error_answer(OSError(errno.ENOENT, "No such file")).status_code == 500


def test_an_error_names_field_value_and_what_is_allowed() -> None:
    error = InvalidValue("bpm", 5, "30 to 300", remedy="Halve it.")
    for each in (error, Refusal(*pack_error(error))):
        body = json.loads(bytes(error_answer(each).body))["error"]
        assert body["details"] == {"field": "bpm", "value": "5", "allowed": "30 to 300"}
        assert body["remedy"] == "Halve it."


def test_every_code_of_a_call_has_a_status() -> None:
    without = {grpc.StatusCode.OK, grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL, grpc.StatusCode.DATA_LOSS}
    assert STATUS.keys() == set(grpc.StatusCode) - without - {grpc.StatusCode.UNIMPLEMENTED}
    assert error_answer(Refusal(grpc.StatusCode.UNKNOWN, "a")).status_code == 500


def test_what_json_does_not_have_is_absent() -> None:
    answer = answer_json({"a": float("nan"), "b": [float("inf"), 1.5], "c": "\ud800"})
    assert json.loads(bytes(answer.body)) == {"b": [1.5], "c": "?"}


def test_a_body_becomes_a_message() -> None:
    fields = asyncio.run(read_object(request_with(b'{"mode": "aggres', b'sive", "start_s": 4}')))
    message: Any = message_of(REPAINT, fields)
    assert (message.mode, message.start_s) == (3, 4.0)
    assert asyncio.run(read_object(request_with(b""))) == {}
    assert asyncio.run(read_object(request_with(b'{"a": "\\ud83c\\udfb5"}'))) == {"a": "\N{MUSICAL NOTE}"}


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"5",
        b'"a"',
        b"\xff",
        b'{"start_s": NaN}',
        b"[" * 100_000,
        b'{"a": ' * 100_000,
        b"1" * 5000,
        b"null",
        b'{"a": "\\ud800"}',
        b'{"\\udfff": 1}',
        b'{"a": [{"b": "x\\uDC00y"}]}',
    ],
)
def test_what_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidValue, match=r"^body"):
        asyncio.run(read_object(request_with(body)))


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"tempo": 5}, "tempo"),
        ({"music": {"tempo": 5}}, "music.tempo"),
        ({"music": 5}, "music"),
        ({"mode": "wild"}, "mode"),
        ({"mode": {}}, "mode"),
        ({"start_s": "4"}, "start_s"),
        ({"start_s": [4]}, "start_s"),
        ({"output": {"seeds": "7"}}, "output.seeds"),
        ({"output": {"seeds": [2**70]}}, "output.seeds"),
        ({"source": {"inline": "no base64"}}, "source.inline"),
        ({"music": {"caption": "\ud800"}}, "music.caption"),
    ],
)
def test_a_field_that_does_not_fit_is_named(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        message_of(REPAINT, fields)
    assert caught.value.field == field


def test_a_body_has_a_limit() -> None:
    piece = bytes(MAX_BODY_BYTES)
    assert len(asyncio.run(read_body(request_with(piece)))) == MAX_BODY_BYTES
    with pytest.raises(TooLarge):
        asyncio.run(read_body(request_with(piece, b"1")))
    assert bodies.MAX_PIECE_BYTES == 4 << 20


def test_only_files_of_the_page_are_served(tmp_path: Path) -> None:
    folder = tmp_path / "page"
    folder.mkdir()
    for name in ("index.html", "app.js", "notes.txt"):
        (folder / name).write_text(name)
    (tmp_path / "secret.js").write_text("secret")
    (folder / "link.js").mkdir()
    start, file = page_routes(folder)

    def fetch(name: str) -> Any:
        request = Request({"type": "http", "method": "GET", "headers": [], "path_params": {"file": name}})
        return asyncio.run(file.endpoint(request))  # type: ignore[attr-defined]

    script = fetch("app.js")
    assert script.media_type == "text/javascript; charset=utf-8"
    assert "script-src 'self'" in script.headers["content-security-policy"]
    for name in ("notes.txt", "../secret.js", "..\\secret.js", "absent.js", "link.js", "", ".", "app.js\n", "%2e%2e"):
        with pytest.raises(HTTPException):
            fetch(name)
    assert start.path == "/"  # type: ignore[attr-defined]
    assert page_routes(None) == []
