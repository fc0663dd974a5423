"""JSON files that are whole whenever they are read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from acebridge.atomic_files import write_whole

if TYPE_CHECKING:
    from pydantic import JsonValue


def write_json(path: Path, content: Mapping[str, object]) -> None:
    """Write a JSON file, whole at any time. Raises `InvalidValue` when its folder cannot be written."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False)
    write_whole(path, [text.encode("utf-8", "replace")], make_folder=False)


def read_object(path: Path) -> dict[str, JsonValue]:
    """Return the object in a JSON file; an empty one when there is none that can be read."""
    try:
        content: JsonValue = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
