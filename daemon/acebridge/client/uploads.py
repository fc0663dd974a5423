"""Sending a file to a daemon. It goes in pieces: when the line breaks, what has arrived stays."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import grpc

from acebridge.errors import ErrorReason, JobFailed
from acebridge.limits import MAX_PARTIAL_BYTES
from acebridge.v1 import assets_pb2

if TYPE_CHECKING:
    from acebridge.client.client import Client

_READ_BYTES = 1 << 20
#: A break costs the piece that is on its way, and each piece a trip there and back: they grow while the line holds.
_FIRST_PIECE_BYTES, _PIECE_GROWTH_BYTES, _LONGEST_PIECE_BYTES = 256 << 10, 128 << 10, 4 << 20
#: 4 MiB at 56 kbit/s.
_PIECE_TIMEOUT_S = 600.0
#: What an older daemon answers that has no ContinueUpload, to a token that allows everything and to others.
_OLDER = (grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.PERMISSION_DENIED)


@dataclass(frozen=True)
class PieceSource:
    """The file at ``path``, or the one that is ``opened``, which stays open."""

    path: Path
    opened: BinaryIO | None = None

    def pieces(self) -> Iterator[bytes]:
        """Yield its bytes."""
        with self._open() as file:
            file.seek(0)
            while data := file.read(_READ_BYTES):
                yield data

    def read(self, offset: int, size_bytes: int) -> bytes:
        """Return ``size_bytes`` from ``offset``, fewer at the end."""
        with self._open() as file:
            file.seek(offset)
            return file.read(size_bytes)

    def _open(self) -> AbstractContextManager[BinaryIO]:
        return self.path.open("rb") if self.opened is None else nullcontext(self.opened)

    def size_bytes(self) -> int:
        """Return the size of the file."""
        return self.path.stat().st_size if self.opened is None else os.fstat(self.opened.fileno()).st_size


def store_file(
    client: Client, asset_id: str, source: PieceSource, name: str, on_piece: Callable[[int], None] = lambda _: None
) -> str:
    """Store a file whose SHA-256 is known, unless the daemon has it already; return its asset id. See `Client.store`."""
    size = source.size_bytes()
    request = assets_pb2.ContinueUploadRequest(asset_id=asset_id, size_bytes=size, name=name)
    upload = _ask(client, request) if 0 < size <= MAX_PARTIAL_BYTES else None
    if upload is None:
        return _store_whole(client, asset_id, source, name)
    try:
        return _send_rest(client, request, upload, source, on_piece)
    except JobFailed as error:
        # What had arrived has gone meanwhile, or was of no such file.
        field = error.details.get("field")
        if field != "offset_bytes" and not (field == "asset_id" and upload.received_bytes):
            raise
        return _send_rest(client, request, assets_pb2.Upload(), source, on_piece)


def _send_rest(
    client: Client,
    request: assets_pb2.ContinueUploadRequest,
    upload: assets_pb2.Upload,
    source: PieceSource,
    on_piece: Callable[[int], None],
) -> str:
    """Send what is missing of an upload; return its asset id."""
    piece_bytes = _FIRST_PIECE_BYTES
    while not upload.HasField("asset"):
        request.offset_bytes = upload.received_bytes
        on_piece(request.offset_bytes)
        request.data = source.read(request.offset_bytes, piece_bytes)
        if not request.data:
            raise OSError(errno.EIO, "it became shorter while it was sent", str(source.path))
        upload = client.call(client.assets.ContinueUpload, request, timeout_s=_PIECE_TIMEOUT_S)
        piece_bytes = min(piece_bytes + _PIECE_GROWTH_BYTES, _LONGEST_PIECE_BYTES)
    return upload.asset.id


def _ask(client: Client, request: assets_pb2.ContinueUploadRequest) -> assets_pb2.Upload | None:
    """Return what the daemon has of a file; ``None`` from one that is too old to say so."""
    try:
        return client.call(client.assets.ContinueUpload, request)
    except JobFailed as error:
        cause = error.__cause__
        if isinstance(cause, grpc.RpcError) and cause.code() in _OLDER:
            return None
        raise


def _store_whole(client: Client, asset_id: str, source: PieceSource, name: str) -> str:
    try:
        return client.call(client.assets.GetAsset, assets_pb2.GetAssetRequest(asset_id=asset_id)).id
    except JobFailed as missing:
        if missing.kind is not ErrorReason.NOT_FOUND:
            raise
    try:
        return client.assets.UploadAsset(_messages(source, name)).id
    except grpc.RpcError as error:
        raise client.explain(error) from error


def _messages(source: PieceSource, name: str) -> Iterator[assets_pb2.UploadAssetRequest]:
    """Yield the messages of an upload: at least one. Between two no file is open, for a call that ends early leaves this."""
    data = source.read(0, _READ_BYTES)
    yield assets_pb2.UploadAssetRequest(name=name, data=data)
    offset = len(data)
    while data := source.read(offset, _READ_BYTES):
        yield assets_pb2.UploadAssetRequest(data=data)
        offset += len(data)
