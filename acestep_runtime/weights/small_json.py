"""JSON in folders of models: files, and texts in the headers of others."""

from __future__ import annotations

import json
from pathlib import Path

from acestep_runtime.json_values import JsonObject

_MAX_BYTES = 64 << 20
_ENDS = 64


def read_small_json(path: Path) -> JsonObject:
    """Return the object in a file, empty where there is none that can be read. Raises nothing."""
    return _read_object(path) or {}


def is_json_object(path: Path) -> bool:
    """Return whether a file holds an object, which may be empty. Raises nothing."""
    return _read_object(path) is not None


def _read_object(path: Path) -> JsonObject | None:
    try:
        if not path.is_file() or path.stat().st_size > _MAX_BYTES:  # reading a pipe would block
            return None
        return parse_object(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None


def parse_object(text: str) -> JsonObject | None:
    """Return the object that a text holds, ``None`` where it holds none. Raises nothing."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def looks_whole(path: Path) -> bool:
    """Return whether a file begins and ends as a JSON object does. Tokenizers have files of many megabytes. Raises nothing."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            first = file.read(_ENDS)
            file.seek(max(0, path.stat().st_size - _ENDS))
            last = file.read(_ENDS)
    except (OSError, ValueError):
        return False
    return first.lstrip().startswith(b"{") and last.rstrip().endswith(b"}")
