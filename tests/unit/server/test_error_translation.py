"""What becomes of the errors of a handler, without a server around it."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
from collections.abc import AsyncGenerator
from typing import NoReturn

import grpc
import pytest
from google.rpc.status_pb2 import Status

from acebridge.contract.status import DETAILS_KEY, failure_in
from acebridge.errors import ErrorReason, NotFound
from acebridge.server.error_translation import CallContext, streaming, unary

Trailer = tuple[tuple[str, str | bytes], ...]


class Context:
    """Keeps the status that ends the call."""

    def __init__(self) -> None:
        self.ended: tuple[grpc.StatusCode, str, Trailer] | None = None

    async def abort(self, code: grpc.StatusCode, details: str = "", trailing_metadata: Trailer = ()) -> NoReturn:
        self.ended = code, details, trailing_metadata
        raise grpc.aio.AbortError(details)


class Service:
    """Handlers that answer, or fail as their request says."""

    def __init__(self) -> None:
        self.closed: list[str] = []

    @unary
    async def One(self, request: Exception | None, _: CallContext) -> str:  # noqa: N802
        if request is not None:
            raise request
        return "answer"

    @streaming
    async def Many(self, request: Exception | None, _: CallContext) -> AsyncGenerator[str, None]:  # noqa: N802
        if isinstance(request, NotFound):
            raise request
        return self._many(request)

    async def _many(self, request: Exception | None) -> AsyncGenerator[str, None]:
        try:
            yield "first"
            if request is not None:
                raise request
            yield "second"
        finally:
            self.closed.append("closed")


async def _many(service: Service, request: Exception | None, context: Context) -> list[str]:
    return [answer async for answer in service.Many(request, context)]


def test_answers_go_through() -> None:
    service, context = Service(), Context()
    assert asyncio.run(service.One(None, context)) == "answer"
    assert asyncio.run(_many(service, None, context)) == ["first", "second"]
    assert context.ended is None
    assert service.closed == ["closed"]


@pytest.mark.parametrize("method", ["One", "Many"])
def test_our_errors_carry_their_parts(method: str) -> None:
    service, context = Service(), Context()
    error = NotFound("There is no job 'x'.", remedy="List the jobs to see their ids.")
    with pytest.raises(grpc.aio.AbortError):
        asyncio.run(service.One(error, context) if method == "One" else _many(service, error, context))
    assert context.ended is not None
    code, text, ((key, status),) = context.ended
    assert (code, text) == (grpc.StatusCode.NOT_FOUND, "There is no job 'x'. List the jobs to see their ids.")
    assert key == DETAILS_KEY
    assert b"NOT_FOUND" in bytes(status)


def test_a_full_disk_is_named() -> None:
    service, context = Service(), Context()
    with pytest.raises(grpc.aio.AbortError):
        asyncio.run(_many(service, OSError(errno.ENOSPC, "No space left on device"), context))
    assert context.ended is not None
    assert context.ended[0] is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert context.ended[1].startswith("The disk that holds the data folder is full.")
    assert service.closed == ["closed"]


@pytest.mark.parametrize(
    ("number", "code", "says"),
    [
        (
            errno.EIO,
            grpc.StatusCode.FAILED_PRECONDITION,
            "The disk that holds the data folder reports errors.",
        ),
        (
            errno.EMFILE,
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "The daemon has reached a limit of this system on open files or processes. ",
        ),
    ],
    ids=["failing disk", "limit of the system"],
)
def test_what_the_system_refuses_is_named(
    caplog: pytest.LogCaptureFixture, number: int, code: grpc.StatusCode, says: str
) -> None:
    context = Context()
    with pytest.raises(grpc.aio.AbortError):
        asyncio.run(Service().One(OSError(number, os.strerror(number)), context))
    assert context.ended is not None
    assert context.ended[0] is code
    assert context.ended[1].startswith(says)
    assert not caplog.messages


def test_a_fault_of_ours_is_logged_and_tells_nothing_of_itself(caplog: pytest.LogCaptureFixture) -> None:
    service, context = Service(), Context()
    with caplog.at_level(logging.ERROR), pytest.raises(grpc.aio.AbortError):
        asyncio.run(service.One(ZeroDivisionError("a caption"), context))
    assert context.ended is not None
    assert context.ended[0] is grpc.StatusCode.INTERNAL
    assert "caption" not in context.ended[1]
    ((key, status),) = context.ended[2]
    failed = failure_in(Status.FromString(bytes(status)))
    assert failed is not None
    assert (key, failed.kind) == (DETAILS_KEY, ErrorReason.INTERNAL)
    assert failed.remedy == "See the daemon's log, and please report it."
    assert "ZeroDivisionError" in caplog.text


def test_an_abort_of_the_handler_stays_as_it_is() -> None:
    service, context = Service(), Context()
    with pytest.raises(grpc.aio.AbortError, match="its own"):
        asyncio.run(_many(service, grpc.aio.AbortError("its own"), context))
    assert context.ended is None


def test_a_reader_that_leaves_closes_the_generator_at_once() -> None:
    service = Service()

    async def read_one() -> list[str]:
        answers = service.Many(None, Context())
        assert await anext(answers) == "first"
        await answers.aclose()
        return service.closed

    assert asyncio.run(read_one()) == ["closed"]
