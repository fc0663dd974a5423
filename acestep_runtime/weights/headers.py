"""Headers of safetensors files: the names of the tensors, and whether the file is whole. Reads no tensor; needs no torch.

The format: eight bytes with the length of the header, the header as JSON, then the data that its offsets divide among tensors
(https://github.com/huggingface/safetensors#format).
"""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from acestep_runtime.json_values import to_list, to_number, to_object

_LENGTH_BYTES = 8
_MAX_HEADER_BYTES = 64 << 20
_METADATA = "__metadata__"


@dataclass(frozen=True)
class Header:
    """The names of the tensors, and the metadata. ``fault`` is the end of a sentence about the file, "" if it is whole."""

    keys: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    fault: str = ""


def read_header(path: Path) -> Header:
    """Return the header of a file. It is read again only when the file has changed. Raises nothing."""
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):  # reading a pipe would block
            return Header(fault="is no file")
        return _read(path, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns)
    except FileNotFoundError:
        return Header(fault="is missing")
    except (OSError, ValueError) as error:
        return Header(fault=f"cannot be read ({getattr(error, 'strerror', None) or error})")


@lru_cache(maxsize=512)
def _read(path: Path, size_bytes: int, *_changes_ns: int) -> Header:
    if not size_bytes:
        return Header(fault="is empty")
    with path.open("rb") as file:
        length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
        begins_like_one = file.read(1) == b"{"
        if not begins_like_one or length > _MAX_HEADER_BYTES:
            return Header(fault="is no safetensors file")
        if _LENGTH_BYTES + length > size_bytes:
            return Header(fault="is cut short")
        file.seek(_LENGTH_BYTES)
        text = file.read(length)
    try:
        entries = to_object(json.loads(text))
        metadata = to_object(entries.get(_METADATA) or {})
        tensors = {key: to_object(entry) for key, entry in entries.items() if key != _METADATA}
        ends = [int(to_number(to_list(entry["data_offsets"])[1])) for entry in tensors.values()]
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError):
        return Header(fault="has a damaged header")
    expected_bytes = _LENGTH_BYTES + length + max(ends, default=0)
    if size_bytes != expected_bytes:
        state = "is cut short" if size_bytes < expected_bytes else "is longer than its header says"
        return Header(fault=f"{state} ({size_bytes:,} of {expected_bytes:,} bytes)")
    if not tensors:
        return Header(fault="holds no tensors")
    return Header(tuple(tensors), {str(name): str(value) for name, value in metadata.items()})
