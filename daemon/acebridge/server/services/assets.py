"""AssetService: upload, import, download, pin and delete audio files."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from pathlib import Path

from acebridge.named_files import open_named_file
from acebridge.server.context import ServiceContext
from acebridge.server.error_translation import CallContext, streaming, unary
from acebridge.server.messages import asset_message
from acebridge.server.open_calls import CALLER
from acebridge.server.output_reader import read_asset
from acebridge.server.services.pages import page_of
from acebridge.server.submission import MAX_INLINE_BYTES, check_name
from acebridge.server.unknown_fields import check_known
from acebridge.store.asset_rows import Asset
from acebridge.store.assets import AssetStore
from acebridge.store.files import is_asset_id
from acebridge.store.partial_uploads import upload_of
from acebridge.store.pieces import put_piece
from acebridge.v1 import assets_pb2, assets_pb2_grpc
from acestep_runtime.errors import InvalidValue


class AssetService(assets_pb2_grpc.AssetServiceServicer):
    """Stored audio files."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    @unary
    async def UploadAsset(
        self, requests: AsyncIterator[assets_pb2.UploadAssetRequest], _: CallContext
    ) -> assets_pb2.Asset:
        """See assets.proto."""
        first = await anext(aiter(requests), None)
        if first is None:
            raise InvalidValue(
                "data", "", "the bytes of an audio file", message="No bytes were sent.", remedy="Send an audio file."
            )

        async def chunks() -> AsyncIterator[bytes]:
            yield _data_of(first)
            async for request in requests:
                if request.name:
                    raise InvalidValue("name", request.name, "a name in the first message only")
                yield _data_of(request)

        check_name("name", first.name)
        asset = await self._context.store.put(chunks(), Path(first.name).name or "upload")
        self._context.note("asset uploaded", asset=asset.id, bytes=asset.size_bytes)
        return asset_message(asset)

    @unary
    async def ContinueUpload(self, request: assets_pb2.ContinueUploadRequest, _: CallContext) -> assets_pb2.Upload:
        """See assets.proto."""
        if not is_asset_id(request.asset_id):
            raise InvalidValue("asset_id", request.asset_id, "a SHA-256 as 64 hexadecimal digits in lower case")
        check_name("name", request.name)
        upload, name = upload_of(request.asset_id, CALLER.get().owner), Path(request.name).name or "upload"
        stored = await put_piece(
            self._context.store, upload, _data_of(request), name,
            offset=request.offset_bytes, size_bytes=request.size_bytes,
        )  # fmt: skip
        if not isinstance(stored, Asset):
            return assets_pb2.Upload(received_bytes=stored)
        if request.data:
            self._context.note("asset uploaded", asset=stored.id, bytes=stored.size_bytes)
        return assets_pb2.Upload(asset=asset_message(stored))

    @unary
    async def ImportAsset(self, request: assets_pb2.ImportAssetRequest, _: CallContext) -> assets_pb2.Asset:
        """See assets.proto."""
        file = await open_named_file(request.path, self._context.config.roots, "path")
        asset = await self._context.store.put_file(file)
        self._context.note("asset imported", asset=asset.id, bytes=asset.size_bytes)
        return asset_message(asset)

    @streaming
    async def DownloadAsset(
        self, request: assets_pb2.DownloadAssetRequest, _: CallContext
    ) -> AsyncGenerator[assets_pb2.DownloadAssetResponse, None]:
        """See assets.proto."""
        asset = await self._context.store.get(request.asset_id)
        start = request.offset_bytes
        if not 0 <= start <= asset.size_bytes:
            raise InvalidValue("offset_bytes", start, f"0 to {asset.size_bytes}, the size of the asset")
        length = request.length_bytes if request.HasField("length_bytes") else asset.size_bytes
        if length < 0:
            raise InvalidValue("length_bytes", length, "0 or more", remedy="Leave it out for all that follows.")
        stop = min(start + length, asset.size_bytes)
        return _download(self._context.store, asset, start, stop)

    @unary
    async def GetAsset(self, request: assets_pb2.GetAssetRequest, _: CallContext) -> assets_pb2.Asset:
        """See assets.proto."""
        return asset_message(await self._context.store.get(request.asset_id))

    @unary
    async def ListAssets(self, request: assets_pb2.ListAssetsRequest, _: CallContext) -> assets_pb2.ListAssetsResponse:
        """See assets.proto."""
        page = page_of(request)
        assets = await self._context.store.recent(page.size + 1, before=page.before)
        messages = [asset_message(asset) for asset in assets]
        places = {asset.id: (asset.created, asset.id) for asset in assets}
        shown, token = page.cut(messages, lambda each: places[each.id], (each.ByteSize() for each in messages))
        return assets_pb2.ListAssetsResponse(assets=shown, next_page_token=token)

    @unary
    async def DeleteAsset(
        self, request: assets_pb2.DeleteAssetRequest, _: CallContext
    ) -> assets_pb2.DeleteAssetResponse:
        """See assets.proto."""
        await self._context.store.delete(request.asset_id)
        self._context.note("asset deleted", asset=request.asset_id)
        return assets_pb2.DeleteAssetResponse()

    @unary
    async def PinAsset(self, request: assets_pb2.PinAssetRequest, _: CallContext) -> assets_pb2.Asset:
        """See assets.proto."""
        return asset_message(await self._pin(request.asset_id, pinned=True))

    @unary
    async def UnpinAsset(self, request: assets_pb2.UnpinAssetRequest, _: CallContext) -> assets_pb2.Asset:
        """See assets.proto."""
        return asset_message(await self._pin(request.asset_id, pinned=False))

    async def _pin(self, asset_id: str, *, pinned: bool) -> Asset:
        asset = await self._context.store.pin(asset_id, pinned)
        self._context.note("asset pinned" if pinned else "asset unpinned", asset=asset.id)
        return asset


def _data_of(request: assets_pb2.UploadAssetRequest | assets_pb2.ContinueUploadRequest) -> bytes:
    """Return the bytes of a message of an upload. Raises `InvalidValue` for too many."""
    check_known(request)
    if len(request.data) > MAX_INLINE_BYTES:
        message = f"data holds {len(request.data)} bytes; allowed: at most {MAX_INLINE_BYTES} in one message."
        raise InvalidValue(
            "data", len(request.data), f"at most {MAX_INLINE_BYTES} bytes", message=message,
            remedy="Send the file in several messages.",
        )  # fmt: skip
    return request.data


async def _download(
    store: AssetStore, asset: Asset, start: int, stop: int
) -> AsyncGenerator[assets_pb2.DownloadAssetResponse, None]:
    async with aclosing(read_asset(store, asset, start, stop)) as pieces:
        async for data in pieces:
            yield assets_pb2.DownloadAssetResponse(data=data)
