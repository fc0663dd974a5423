"""A folder that assets are downloaded into, under names of their own; what is there already is not fetched again.

A table in the folder notes which asset each file held when it was written, with its size and time. So a file that nobody has
touched since is known without being read, and only another one is hashed.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from acebridge.atomic_files import check_writable, write_whole
from acestep_runtime.file_hashes import hash_file
from acestep_runtime.temporary_files import remove_stale

TABLE = ".acebridge-assets.json"


class Downloads(Protocol):
    """What has assets: a client."""

    def download(self, asset_id: str) -> Iterable[bytes]:
        """Yield an asset in pieces."""


def fetch_assets(client: Downloads, wanted: Mapping[str, str], folder: Path) -> dict[str, Path]:
    """Download assets into ``folder``; ``wanted`` are their ids with the names of their files. Return the file of each.

    A file that holds its asset stays; one of the same name with something else keeps its name, and the asset gets a number.
    Raises `InvalidValue` where the folder cannot be written, and what the client raises.
    """
    check_writable(folder)
    remove_stale(folder)
    before = _read_table(folder)
    known = dict(before)
    files: dict[str, Path] = {}
    try:
        for asset_id, name in wanted.items():
            path = _file_for(folder, name, asset_id, known, taken=list(files.values()))
            if not path.exists():
                write_whole(path, client.download(asset_id))
                known[path.name] = _entry(path, asset_id)
            files[asset_id] = path
    except BaseException:
        with suppress(OSError):
            folder.rmdir()  # unless something is in it
        raise
    if known != before:
        write_whole(folder / TABLE, [json.dumps(known, indent=1).encode()])
    return files


def _file_for(folder: Path, name: str, asset_id: str, known: dict[str, Any], taken: list[Path]) -> Path:
    """Return the file for an asset: one that holds it already, else one with a name that is still free."""
    whole = Path(name)
    names = (name if number == 1 else f"{whole.stem} ({number}){whole.suffix}" for number in itertools.count(1))
    for path in (folder / each for each in names):
        if path not in taken and (not path.exists() or (path.is_file() and _holds(path, asset_id, known))):
            return path
    raise AssertionError("there is always another number")


def _holds(path: Path, asset_id: str, known: dict[str, Any]) -> bool:
    """Return whether a file holds an asset. If it has to be read for that, what it holds is noted in ``known``."""
    noted = known.get(path.name)
    if isinstance(noted, dict) and noted == _entry(path, str(noted.get("asset"))):
        return bool(noted["asset"] == asset_id)
    before = _entry(path, asset_id)  # whoever edits the file from here on changes its time
    known[path.name] = before | {"asset": hash_file(path)}
    return bool(known[path.name]["asset"] == asset_id)


def _entry(path: Path, asset_id: str) -> dict[str, str | int]:
    facts = path.stat()
    return {"asset": asset_id, "bytes": facts.st_size, "time_ns": facts.st_mtime_ns}


def _read_table(folder: Path) -> dict[str, Any]:
    """Return what is noted; nothing where that cannot be read: then the files are hashed."""
    with suppress(OSError, ValueError, RecursionError):
        found = json.loads((folder / TABLE).read_text("utf-8"))
        if isinstance(found, dict):
            return found
    return {}
