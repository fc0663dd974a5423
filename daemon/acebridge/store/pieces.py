"""Storing a file that arrives in pieces: see `acebridge.store.partial_uploads`."""

from __future__ import annotations

from contextlib import suppress

from acebridge.background import run_whole
from acebridge.errors import NotFound, TooLarge
from acebridge.limits import MAX_PARTIAL_BYTES
from acebridge.store.asset_rows import Asset
from acebridge.store.assets import AssetStore
from acebridge.store.partial_uploads import Upload, stale_offset
from acestep_runtime.errors import InvalidValue, UnreadableAudio

_WHOLE_SIZE = "Send the size of the whole file with each piece."


async def put_piece(
    store: AssetStore, upload: Upload, data: bytes, name: str, *, offset: int, size_bytes: int
) -> Asset | int:
    """Store a piece of a file of ``size_bytes``; return the asset once it is whole, until then how many bytes are there.

    A caller that is cancelled waits for it. Raises `InvalidValue` for a piece that does not join what is there, and for a whole
    that has another hash or is not audio, of which nothing stays; `TooLarge`; `Busy` where there is no room for it.
    """
    return await run_whole(_put_piece(store, upload, data, name, offset, size_bytes))


async def _put_piece(
    store: AssetStore, upload: Upload, data: bytes, name: str, offset: int, size_bytes: int
) -> Asset | int:
    partial_uploads = store.partial_uploads
    async with partial_uploads.lock(upload):
        with suppress(NotFound):
            return await store.get(upload.asset_id)
        store.check_size(size_bytes, name)
        if new := _check_piece(size_bytes, partial_uploads.count_bytes(upload), offset, data):
            await store.make_room(len(new))
            await partial_uploads.append(upload, new)
        if (received := partial_uploads.count_bytes(upload)) < size_bytes:
            return received
        whole = await partial_uploads.check_whole(upload)
        try:
            asset = await store.adopt(whole, upload.asset_id, name, field="data")
        except UnreadableAudio:
            partial_uploads.drop(upload)
            raise
        finally:
            if not whole.exists():  # it has moved
                partial_uploads.drop(upload)
    partial_uploads.drop_all(upload.asset_id)
    return asset


def _check_piece(size_bytes: int, received: int, offset: int, data: bytes) -> bytes:
    """Return the part of a piece that is new. Raises `InvalidValue` for one that is not of this file, `TooLarge` for a file."""
    if size_bytes < 1:
        raise InvalidValue("size_bytes", size_bytes, "1 or more, the size of the whole file", remedy=_WHOLE_SIZE)
    if size_bytes > MAX_PARTIAL_BYTES:
        raise TooLarge(
            f"A file of {size_bytes / 2**20:.1f} MiB is too large for pieces.", remedy="Send it with UploadAsset."
        )
    if not 0 <= offset <= received:
        raise stale_offset(offset, received)
    if max(offset + len(data), received) > size_bytes:
        allowed = f"{max(offset + len(data), received)} or more, the bytes that have arrived"
        raise InvalidValue("size_bytes", size_bytes, allowed, remedy=_WHOLE_SIZE)
    return data[received - offset :]
