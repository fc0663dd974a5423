"""Headers of files with weights, safetensors or GGUF: the names and shapes of the tensors, and whether the file is whole.

Reads no tensor; needs no torch. The format of safetensors: eight bytes with the length of the header, the header as JSON, then
the data that its offsets divide among tensors (https://github.com/huggingface/safetensors#format).
"""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from acestep_runtime.json_values import to_list, to_number, to_object
from acestep_runtime.weights.gguf_headers import MAGIC, read_gguf_header
from acestep_runtime.weights.keys import Shape

_LENGTH_BYTES = 8
_MAX_HEADER_BYTES = 64 << 20
_METADATA = "__metadata__"


@dataclass(frozen=True)
class Header:
    """The names and shapes of the tensors, and the metadata.

    ``quantisation`` is the type of most numbers of a GGUF file, "" for safetensors. ``fault`` is the end of a sentence about
    the file, "" if it is whole.
    """

    keys: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    fault: str = ""
    shapes: Mapping[str, Shape] = field(default_factory=dict)
    quantisation: str = ""

    @property
    def is_gguf(self) -> bool:
        """Whether the file is a GGUF file."""
        return bool(self.quantisation)


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
        if file.read(len(MAGIC)) == MAGIC:
            return _read_gguf(path)
        file.seek(0)
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
        shapes = {
            key: tuple(int(to_number(each)) for each in to_list(entry["shape"])) for key, entry in tensors.items()
        }
        ends = [int(to_number(to_list(entry["data_offsets"])[1])) for entry in tensors.values()]
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError):
        return Header(fault="has a damaged header")
    expected_bytes = _LENGTH_BYTES + length + max(ends, default=0)
    if size_bytes != expected_bytes:
        state = "is cut short" if size_bytes < expected_bytes else "is longer than its header says"
        return Header(fault=f"{state} ({size_bytes:,} of {expected_bytes:,} bytes)")
    if not tensors:
        return Header(fault="holds no tensors")
    return Header(tuple(tensors), {str(name): str(value) for name, value in metadata.items()}, shapes=shapes)


def _read_gguf(path: Path) -> Header:
    found = read_gguf_header(path)
    metadata = {name: str(value) for name, value in found.metadata.items()}
    shapes = {name: each.shape for name, each in found.tensors.items()}
    return Header(tuple(shapes), metadata, found.fault, shapes, found.quantisation)
