"""Audio that a caller names: by the path of a file that the daemon may read, or by the id of an asset.

This program reads no file that a caller names: the daemon copies it, if it lies inside its allowed roots and the caller's token
allows it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acebridge.hosts.mcp.access import is_own_machine
from acebridge.v1 import assets_pb2
from acestep_runtime.errors import InvalidValue

if TYPE_CHECKING:
    from acebridge.client.client import Client
    from acebridge.contract.json_schema import Schema

_ASSET_ID = re.compile(r"[0-9a-f]{64}")
_ADDRESS = "acebridge://asset/"
#: A song of 2 GiB from a slow disk.
_IMPORT_TIMEOUT_S = 600.0


def import_file(client: Client, path: str, field: str) -> assets_pb2.Asset:
    """Have the daemon store a copy of a file on its machine. Raises `InvalidValue`, and what the daemon answers."""
    full = str(_expand(path, field)) if path.startswith("~") and is_own_machine(client) else path
    if not full.startswith("/") and not Path(full).is_absolute():
        raise InvalidValue(field, path, "the full path of an audio file, or the id of an asset")
    return client.call(client.assets.ImportAsset, assets_pb2.ImportAssetRequest(path=full), timeout_s=_IMPORT_TIMEOUT_S)


def audio_fields(client: Client, given: object, field: str) -> tuple[dict[str, Any], Path | None]:
    """Return the fields of an AudioInput for what a caller gives, and its file where it is one of this machine.

    ``given`` is a text, a path or the id or address of an asset, or an object with ``path`` or ``asset_id``, ``region`` and
    ``name``.
    """
    fields = dict(given) if isinstance(given, dict) else {_kind(given): given}
    if isinstance(asset_id := fields.get("asset_id"), str):
        fields["asset_id"] = asset_id.removeprefix(_ADDRESS)
    path = fields.pop("path", None)
    if path is None:
        return fields, None
    if not isinstance(path, str) or "asset_id" in fields:
        raise InvalidValue(field, path, "either path or asset_id, as a text")
    asset = import_file(client, path, field)
    own = _expand(path, field) if is_own_machine(client) else None
    return {"name": asset.name, **fields, "asset_id": asset.id}, own


def _expand(path: str, field: str) -> Path:
    """Return a path with the home folder that its beginning stands for. Raises `InvalidValue` for that of nobody."""
    try:
        return Path(path).expanduser()
    except (RuntimeError, ValueError):  # no such user; no such name
        raise InvalidValue(field, path, "the full path of an audio file, or the id of an asset") from None


def _kind(given: object) -> str:
    is_asset = isinstance(given, str) and (_ASSET_ID.fullmatch(given) or given.startswith(_ADDRESS))
    return "asset_id" if is_asset else "path"


def audio_schema(schema: Schema) -> Schema:
    """Return the schema of audio that a caller names, from that of an AudioInput in the contract."""
    fields = {name: held for name, held in schema["properties"].items() if name != "inline"}
    how = "A full path on the daemon's machine, or the id of an asset; an object may also name a region."
    about = f"{schema.get('description', '')} {how}".strip()
    return {
        "description": about,
        "anyOf": [{"type": "string"}, {"type": "object", "properties": fields, "additionalProperties": False}],
    }
