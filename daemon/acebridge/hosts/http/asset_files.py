"""Assets of the daemon of our own data folder, read from its files: it has said that the caller may read them, and how long
they are. Sending them through it would cost each byte several copies in two processes.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from io import FileIO

from acebridge.client.discovery import find_address
from acebridge.client.own_daemon import read_own_daemon
from acebridge.errors import DataLoss
from acebridge.hosts.http.ranges import Span
from acebridge.paths import asset_path, data_folder
from acebridge.regular_files import open_regular
from acebridge.v1 import assets_pb2

_PIECE_BYTES = 1 << 20


def open_own_file(address: str | None, asset: assets_pb2.Asset) -> FileIO | None:
    """Return the file of an asset, opened; ``None`` where the daemon at ``address`` has to send it.

    So it is for a daemon elsewhere, and on Windows, where it could not delete a file that is open.
    """
    home = data_folder()
    if os.name == "nt" or not read_own_daemon(home).serves_at(find_address(address)):
        return None
    try:
        file = FileIO(open_regular(str(asset_path(home, asset.id)), os.O_RDONLY))
    except OSError:  # the daemon says what is wrong
        return None
    if os.fstat(file.fileno()).st_size != asset.size_bytes:
        file.close()
        return None
    return file


async def read_span(file: FileIO, span: Span) -> AsyncGenerator[bytes, None]:
    """Yield a part of a file and close it. The next piece is read while the last one is on its way.

    A client that leaves has this cancelled at any moment: the file stays open until the thread that reads it has ended.
    """
    loop = asyncio.get_running_loop()

    def read(at: int) -> asyncio.Future[bytes]:
        return loop.run_in_executor(None, os.pread, file.fileno(), min(_PIECE_BYTES, span.end - at), at)

    def close(reading: asyncio.Future[bytes]) -> None:
        if not reading.cancelled():
            reading.exception()
        file.close()

    at, pending = span.start, read(span.start)
    try:
        while at < span.end:
            data = await asyncio.shield(pending)
            if not data:
                raise DataLoss("The file of an asset was cut while it was read.", remedy="Restore it from a backup.")
            at += len(data)
            pending = read(at)
            yield data
    finally:
        if pending.done():
            close(pending)
        else:
            pending.add_done_callback(close)
