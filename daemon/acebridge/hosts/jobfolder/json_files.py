"""JSON files that are whole whenever they are read."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from acebridge.atomic_files import write_whole
from acebridge.regular_files import open_regular

if TYPE_CHECKING:
    from pydantic import JsonValue


def write_json(path: Path, content: Mapping[str, object]) -> None:
    """Write a JSON file, whole at any time. Raises `InvalidValue` when its folder cannot be written."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False)
    write_whole(path, [text.encode("utf-8", "replace")], make_folder=False)


def read_text(path: Path, encoding: str = "utf-8") -> str:
    """Return the text of a file that anybody may have put there. Raises ``OSError``, also for a link or a pipe."""
    with open(os.fspath(path), encoding=encoding, opener=open_regular) as file:
        return file.read()


def read_object(path: Path) -> dict[str, JsonValue]:
    """Return the object in a JSON file; an empty one when there is none that can be read."""
    try:
        content: JsonValue = json.loads(read_text(path))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
