"""Audio that is sent: in pieces that can go on after a break, or as one body."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Any

import grpc
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from acebridge.contract.json_form import message_json
from acebridge.hosts.http.access import caller_of
from acebridge.hosts.http.bodies import MAX_PIECE_BYTES, read_body
from acebridge.hosts.http.calls import call_daemon
from acebridge.hosts.http.edge import Edge
from acebridge.hosts.http.errors import answer_json
from acebridge.hosts.http.methods import BY_NAME
from acebridge.hosts.http.ranges import parse_content_range
from acebridge.v1 import assets_pb2
from acestep_runtime.errors import InvalidValue

_UPLOAD = BY_NAME["AssetService", "UploadAsset"]
_MESSAGE_BYTES = 1 << 20


async def answer_piece(edge: Edge, request: Request) -> Response:
    """Answer ``PUT /v1/uploads/SHA256?name=…``: the next piece of a file, where ``Content-Range: bytes A-B/SIZE`` says."""
    text = request.headers.get("content-range", "")
    piece = parse_content_range(text)
    if piece is None:
        allowed = "bytes FIRST-LAST/SIZE, such as bytes 0-1048575/5000000"
        raise InvalidValue("Content-Range", text[:60], allowed, remedy="Say which bytes of the file the body has.")
    given = request.query_params.get("size_bytes")
    if given is not None and given != str(piece.size_bytes):
        allowed = f"{piece.size_bytes}, as Content-Range says"
        raise InvalidValue("size_bytes", given[:40], allowed, remedy="Leave it out.")
    data = await read_body(request, MAX_PIECE_BYTES, remedy="Send the file in smaller pieces.")
    if len(data) != piece.span.size_bytes:
        allowed = f"{len(data)} bytes, which the body has"
        raise InvalidValue("Content-Range", text[:60], allowed, remedy="Make both of one length.")
    message = assets_pb2.ContinueUploadRequest(
        asset_id=request.path_params["asset_id"],
        size_bytes=_fitting(piece.size_bytes),
        offset_bytes=piece.span.start,
        data=data,
        name=_name(request),
    )
    return await _answer_upload(edge, request, message)


async def answer_progress(edge: Edge, request: Request) -> Response:
    """Answer ``GET /v1/uploads/SHA256?size_bytes=…``: how much of a file has arrived."""
    text = request.query_params.get("size_bytes", "")
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        allowed, remedy = "the size of the whole file in bytes", "Add ?size_bytes= and the size to the address."
        raise InvalidValue("size_bytes", text[:40], allowed, remedy=remedy)
    message = assets_pb2.ContinueUploadRequest(
        asset_id=request.path_params["asset_id"], size_bytes=_fitting(int(text)), name=_name(request)
    )
    return await _answer_upload(edge, request, message)


def _fitting(size_bytes: int) -> int:
    """Return a size as its field can hold it; the daemon refuses far smaller ones."""
    return min(size_bytes, 2**63 - 1)


def _name(request: Request) -> str:
    return request.query_params.get("name", "")


async def _answer_upload(edge: Edge, request: Request, message: assets_pb2.ContinueUploadRequest) -> Response:
    answer = await call_daemon(edge, caller_of(request), "AssetService", "ContinueUpload", message)
    return answer_json(message_json(answer))


async def answer_whole(edge: Edge, request: Request) -> Response:
    """Answer ``POST /v1/AssetService/UploadAsset?name=…``: the body is the file."""
    async with edge.connections.use(caller_of(request).token) as connection:
        # Not a call of the event loop: where the daemon ends that amid the body, grpc.aio loses the reason.
        method = connection.blocking_channel.stream_unary(
            _UPLOAD.rpc,
            request_serializer=_UPLOAD.request.SerializeToString,
            response_deserializer=_UPLOAD.answer.FromString,
        )
        messages = _Messages(request)
        call: Any = method.future(messages, metadata=await connection.metadata())
        messages.call = call
        try:
            await _wait(call)
            asset: assets_pb2.Asset = call.result()
        except grpc.FutureCancelledError:
            if isinstance(messages.failure, HTTPException):
                raise messages.failure from None
            return Response()  # the client has left
        finally:
            call.cancel()
    return answer_json(message_json(asset))


async def _wait(call: Any) -> None:
    """Wait until a call has ended."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()

    def note(_: Any) -> None:
        with suppress(RuntimeError):  # the loop may have ended before
            loop.call_soon_threadsafe(ended.set)

    call.add_done_callback(note)
    await ended.wait()


class _Messages:
    """The messages of an upload, which gRPC takes in a thread: the name, then the body as it arrives."""

    def __init__(self, request: Request) -> None:
        self._loop = asyncio.get_running_loop()
        self._name: str | None = _name(request)
        self._pieces = _pieces(request)
        #: Cancelled where the body ends too early, and why it did.
        self.call: Any = None
        self.failure: Exception | None = None

    async def _next(self) -> bytes:
        return await anext(self._pieces, b"")

    def __iter__(self) -> _Messages:
        return self

    def __next__(self) -> assets_pb2.UploadAssetRequest:
        if self._name is not None:
            message = assets_pb2.UploadAssetRequest(name=self._name)
            self._name = None
            return message
        try:
            data = asyncio.run_coroutine_threadsafe(self._next(), self._loop).result()
        except Exception as error:  # the client has left, or hangs, or the edge stops
            self.failure = error
            self.call.cancel()
            raise StopIteration from None
        if not data:
            raise StopIteration
        return assets_pb2.UploadAssetRequest(data=data)


async def _pieces(request: Request) -> AsyncGenerator[bytes, None]:
    """Yield the body in pieces that fit a message well."""
    held = bytearray()
    async for data in request.stream():
        held += data
        while len(held) >= _MESSAGE_BYTES:
            yield bytes(held[:_MESSAGE_BYTES])
            del held[:_MESSAGE_BYTES]
    if held:
        yield bytes(held)
