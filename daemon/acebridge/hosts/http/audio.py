"""Stored audio as files: ranges, entity tags, names. An asset never changes, so its id is its tag."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from datetime import datetime, timedelta, timezone
from typing import cast
from urllib.parse import quote

import grpc
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from acebridge.errors import AceBridgeError
from acebridge.hosts.http.access import Caller, caller_of
from acebridge.hosts.http.asset_files import open_own_file, read_span
from acebridge.hosts.http.bodies import message_of, read_object
from acebridge.hosts.http.calls import call_daemon
from acebridge.hosts.http.edge import Edge
from acebridge.hosts.http.errors import answer_json
from acebridge.hosts.http.links import LINK_S
from acebridge.hosts.http.methods import BY_NAME
from acebridge.hosts.http.ranges import Span, Unsatisfiable, matches, parse_range
from acebridge.hosts.http.streams import Stream, leave, open_stream
from acebridge.v1 import assets_pb2
from acestep_runtime.errors import InvalidValue

_DOWNLOAD = BY_NAME["AssetService", "DownloadAsset"]
_FOREVER = "private, max-age=31536000, immutable"


async def answer_audio(edge: Edge, request: Request) -> Response:
    """Answer ``GET`` and ``HEAD /v1/assets/ASSET_ID/audio``."""
    return await answer_asset(edge, caller_of(request), request.path_params["asset_id"], request)


async def answer_link(edge: Edge, request: Request) -> Response:
    """Answer ``GET`` and ``HEAD /v1/links/SECRET/NAME``."""
    link = edge.links.find(request.path_params["secret"])
    return await answer_asset(edge, link.caller, link.asset_id, request, name=link.name)


async def make_link(edge: Edge, request: Request) -> Response:
    """Answer ``POST /v1/links``: the link opens an asset that is there, and that the caller may read."""
    fields = await read_object(request)
    unknown = fields.keys() - {"asset_id", "name"}
    if unknown:
        raise InvalidValue(min(unknown), fields[min(unknown)], "asset_id, name", remedy="Leave it out.")
    texts = {name: fields.get(name, "") for name in ("asset_id", "name")}
    for field, value in texts.items():
        if not isinstance(value, str):
            raise InvalidValue(field, value, "text", remedy="Write it in quotes.")
    asset = await _find(edge, caller_of(request), str(texts["asset_id"]))
    path = edge.links.make(caller_of(request), asset.id, str(texts["name"]) or asset.name)
    until = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(seconds=LINK_S)
    return answer_json({"url": path, "expire_time": until.isoformat().replace("+00:00", "Z")})


async def _find(edge: Edge, caller: Caller, asset_id: str) -> assets_pb2.Asset:
    request = assets_pb2.GetAssetRequest(asset_id=asset_id)
    return cast(assets_pb2.Asset, await call_daemon(edge, caller, "AssetService", "GetAsset", request))


async def answer_asset(edge: Edge, caller: Caller, asset_id: str, request: Request, *, name: str = "") -> Response:
    """Answer with an asset, or the range of it that is asked for; with ``name`` it is to be saved under that."""
    asset = await _find(edge, caller, asset_id)
    etag = f'"{asset.id}"'
    headers = {"ETag": etag, "Accept-Ranges": "bytes", "Cache-Control": _FOREVER}
    if name:
        headers["Content-Disposition"] = disposition(name)
    if matches(request.headers.get("if-none-match", ""), etag):
        return Response(status_code=304, headers=headers)
    status, span = 200, Span(0, asset.size_bytes)
    if request.method == "GET" and request.headers.get("if-range", etag) == etag:
        try:
            part = parse_range(request.headers.get("range", ""), asset.size_bytes)
        except Unsatisfiable:
            return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{asset.size_bytes}"})
        if part is not None:
            status, span = 206, part
            headers["Content-Range"] = f"bytes {span.start}-{span.end - 1}/{asset.size_bytes}"
    headers["Content-Length"] = str(span.size_bytes)
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type="audio/wav")
    file = await asyncio.to_thread(open_own_file, edge.address, asset)
    if file is not None:
        body = read_span(file, span)
        return StreamingResponse(body, status_code=status, headers=headers, media_type="audio/wav")
    message = assets_pb2.DownloadAssetRequest(asset_id=asset.id, offset_bytes=span.start, length_bytes=span.size_bytes)
    return await answer_bytes(edge, caller, message, status=status, headers=headers)


def disposition(name: str) -> str:
    """Return the header that has a browser save a file under ``name``: RFC 6266, RFC 8187."""
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\%' else "_" for c in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


async def answer_download(edge: Edge, request: Request) -> Response:
    """Answer ``POST /v1/AssetService/DownloadAsset``: the bytes themselves."""
    message = message_of(_DOWNLOAD, await read_object(request))
    return await answer_bytes(edge, caller_of(request), cast(assets_pb2.DownloadAssetRequest, message))


async def answer_bytes(
    edge: Edge,
    caller: Caller,
    message: assets_pb2.DownloadAssetRequest,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> Response:
    """Answer with bytes of an asset. An error before the first is an answer of its own."""
    stack = AsyncExitStack()
    try:
        stream = await stack.enter_async_context(open_stream(edge, caller, _DOWNLOAD, message))
        first = await stream.read()
    except BaseException as error:
        await leave(stack, error)
        raise
    body = _pieces(stack, stream, cast("assets_pb2.DownloadAssetResponse | None", first))
    return StreamingResponse(body, status_code=status, headers=headers, media_type="audio/wav")


async def _pieces(
    stack: AsyncExitStack, stream: Stream, message: assets_pb2.DownloadAssetResponse | None
) -> AsyncGenerator[bytes, None]:
    failure: BaseException | None = None
    try:
        while message is not None:
            yield message.data
            message = cast("assets_pb2.DownloadAssetResponse | None", await stream.read())
    except (grpc.RpcError, AceBridgeError) as error:
        failure = error
        raise  # the connection closes early, which the client sees by the length
    finally:
        await leave(stack, failure)
