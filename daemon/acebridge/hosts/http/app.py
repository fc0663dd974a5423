"""The application: which path leads where."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import grpc
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from acebridge.errors import AceBridgeError, ErrorReason
from acebridge.hosts.http.access import Guard
from acebridge.hosts.http.arrival import Arrival
from acebridge.hosts.http.audio import answer_audio, answer_download, answer_link, make_link
from acebridge.hosts.http.calls import answer_call
from acebridge.hosts.http.edge import Edge
from acebridge.hosts.http.errors import error_answer, refusal
from acebridge.hosts.http.events import answer_task, answer_watch
from acebridge.hosts.http.methods import METHODS, Method
from acebridge.hosts.http.openapi import answer_document
from acebridge.hosts.http.outputs import answer_output
from acebridge.hosts.http.page import page_routes
from acebridge.hosts.http.session import answer_session, make_code
from acebridge.hosts.http.uploads import answer_piece, answer_progress, answer_whole
from acebridge.hosts.http.upstream import answer_file, answer_health, answer_query, answer_release
from acestep_runtime.errors import AceStepError

Answer = Callable[[Request], Awaitable[Response]]
#: Methods whose bodies are bytes, not JSON.
_OF_BYTES = {"UploadAsset": answer_whole, "DownloadAsset": answer_download}


def build_app(edge: Edge, *, page: Path | None = None, more: Sequence[BaseRoute] = ()) -> Starlette:
    """Return the application of an edge. ``page`` is a folder with files to serve; ``more`` are routes beside its own."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await edge.connections.close()
            for close in edge.closers:
                await asyncio.to_thread(close)

    return Starlette(
        routes=[*_routes(edge), *more, *page_routes(page)],
        middleware=[Middleware(Arrival), Middleware(Guard, port=edge.port, panel_key=edge.panel_key)],
        exception_handlers={
            AceBridgeError: _on_error,
            AceStepError: _on_error,
            grpc.RpcError: _on_error,
            HTTPException: _on_http_error,
            ClientDisconnect: _on_leave,
            Exception: _on_error,
        },
        lifespan=lifespan,
    )


def _routes(edge: Edge) -> list[BaseRoute]:
    def route(path: str, answer: Callable[[Edge, Request], Awaitable[Response]], *methods: str) -> Route:
        async def endpoint(request: Request) -> Response:
            return await answer(edge, request)

        return Route(path, endpoint, methods=list(methods))

    return [
        *(Route(method.path, _endpoint(edge, method), methods=["POST"]) for method in METHODS),
        route("/v1/jobs/{job_id}/events", answer_watch, "GET"),
        route("/v1/assets/{asset_id}/audio", answer_audio, "GET"),
        route("/v1/links", make_link, "POST"),
        route("/v1/links/{secret}/{name}", answer_link, "GET"),
        route("/v1/uploads/{asset_id}", answer_piece, "PUT"),
        route("/v1/uploads/{asset_id}", answer_progress, "GET"),
        route("/v1/jobs/{job_id}/outputs/{output}/audio", answer_output, "GET"),
        route("/openapi.json", answer_document, "GET"),
        route("/health", answer_health, "GET"),
        route("/release_task", answer_release, "POST"),
        route("/query_result", answer_query, "POST"),
        route("/v1/audio", answer_file, "GET"),
        route("/panel/session", answer_session, "POST"),
        route("/panel/api/codes", make_code, "POST"),
    ]


def _endpoint(edge: Edge, method: Method) -> Answer:
    of_bytes = _OF_BYTES.get(method.name)
    if of_bytes is not None:
        answer: Answer = partial(of_bytes, edge)
    else:
        answer = partial(answer_task if method.answers_stream else answer_call, edge, method)

    async def endpoint(request: Request) -> Response:
        return await answer(request)

    return endpoint


async def _on_error(_: Request, error: Exception) -> Response:
    return error_answer(error)  # uvicorn logs what is not ours


async def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        headers = error.headers or {}
        message, remedy = f"{request.method} is not allowed here.", f"Allowed: {headers['Allow']}. See /openapi.json."
        answer = refusal(405, ErrorReason.INVALID_VALUE, message, remedy)
        answer.headers.update(headers)
        return answer
    if error.status_code == 408:
        return refusal(408, ErrorReason.TIMED_OUT, "The body of this request stopped on its way.", "Send it again.")
    return refusal(error.status_code, ErrorReason.NOT_FOUND, "Nothing is here.", "See /openapi.json.")


async def _on_leave(_: Request, __: Exception) -> Response:
    return Response(status_code=400)  # nobody reads it
