"""Resources: assets as audio, and the recipe in an asset, which says how it was made, as JSON.

acebridge://asset/ID    audio/wav; above `MAX_BLOB_BYTES` the address of a file that was written instead
acebridge://recipe/ID   application/json
"""

from __future__ import annotations

import base64
import io
import re
from typing import TYPE_CHECKING

import mcp_types as types

from acebridge.client.asset_folder import fetch_assets
from acebridge.client.parents import no_recipe
from acebridge.errors import NotFound
from acebridge.file_names import file_name
from acebridge.hosts.mcp.answers import asset_uri
from acebridge.v1 import assets_pb2
from acestep_runtime.errors import printable

if TYPE_CHECKING:
    from acebridge.client.client import Client
    from acebridge.hosts.mcp.access import Access

#: The largest asset that is sent as a blob: two minutes of 48 kHz stereo in 16 bits are 22 MiB, a loop of eight bars is below
#: this. Base64 makes it a third larger, and clients hold the message in memory more than once.
MAX_BLOB_BYTES = 8 << 20
#: A recipe stands before the first sample.
_HEAD_BYTES = 1 << 20
_ADDRESS = re.compile(r"acebridge://(asset|recipe)/([0-9a-f]{64})")
_WAV, _JSON = "audio/wav", "application/json"
_TYPES = {".wav": _WAV, ".flac": "audio/flac", ".mp3": "audio/mpeg", ".ogg": "audio/ogg", ".opus": "audio/ogg"}

TEMPLATES = [
    types.ResourceTemplate(
        name="asset", uri_template="acebridge://asset/{asset_id}", mime_type=_WAV,
        description=f"A stored audio file; above {MAX_BLOB_BYTES >> 20} MiB the address of a file on this machine.",
    ),
    types.ResourceTemplate(
        name="recipe", uri_template="acebridge://recipe/{asset_id}", mime_type=_JSON,
        description="How a result was made: task, fields, seed, engine, and its sources by hash.",
    ),
]  # fmt: skip


def list_resources(access: Access, cursor: str) -> types.ListResourcesResult:
    """Return a page of the assets, the newest first."""
    with access.connect() as client:
        page = client.call(client.assets.ListAssets, assets_pb2.ListAssetsRequest(page_token=cursor))
    found = [
        types.Resource(
            name=asset.name, uri=asset_uri(asset.id), mime_type=_type_of(asset), size=asset.size_bytes,
            description=f"{asset.frames / asset.sample_rate:.3f} s, {asset.sample_rate} Hz, channels: {asset.channels}",
        )
        for asset in page.assets
    ]  # fmt: skip
    return types.ListResourcesResult(resources=found, next_cursor=page.next_page_token or None)


def read_resource(access: Access, uri: str) -> types.ReadResourceResult:
    """Return an asset or a recipe. Raises `NotFound` for another address, and what the daemon answers."""
    match = _ADDRESS.fullmatch(uri)
    if match is None:
        raise NotFound(
            f"There is no resource {printable(uri, 200)}.",
            remedy="Addresses are acebridge://asset/ID and acebridge://recipe/ID, with the 64 hex digits of an asset.",
        )
    with access.connect() as client:
        asset = client.call(client.assets.GetAsset, assets_pb2.GetAssetRequest(asset_id=match[2]))
        read = _read_audio if match[1] == "asset" else _read_recipe
        return types.ReadResourceResult(contents=[read(access, client, asset, uri)])


def _read_audio(
    access: Access, client: Client, asset: assets_pb2.Asset, uri: str
) -> types.BlobResourceContents | types.TextResourceContents:
    if asset.size_bytes <= MAX_BLOB_BYTES:
        data = b"".join(client.download(asset.id))
        return types.BlobResourceContents(
            uri=uri, mime_type=_type_of(asset), blob=base64.b64encode(data).decode("ascii")
        )
    name = file_name(asset.name) or f"{asset.id[:12]}.wav"
    (file,) = fetch_assets(client, {asset.id: name}, access.results).values()
    return types.TextResourceContents(uri=uri, mime_type="text/uri-list", text=f"{file.absolute().as_uri()}\r\n")


def _read_recipe(_: Access, client: Client, asset: assets_pb2.Asset, uri: str) -> types.TextResourceContents:
    from acestep_runtime.audio.tags.names import names_in_wave
    from acestep_runtime.audio.tags.riff import read_chunks
    from acestep_runtime.recipes import parse_recipe

    head = client.download(asset.id, length_bytes=min(_HEAD_BYTES, asset.size_bytes))
    text = names_in_wave(read_chunks(io.BytesIO(b"".join(head)))).get("recipe", "")
    if not text:
        raise no_recipe(asset.name)
    return types.TextResourceContents(uri=uri, mime_type=_JSON, text=parse_recipe(text, asset.name).to_json())


def _type_of(asset: assets_pb2.Asset) -> str:
    """Return the media type of an asset, by the name that it came with."""
    ending = f".{asset.name.rpartition('.')[2].lower()}"
    return _TYPES.get(ending, _WAV)
