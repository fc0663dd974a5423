"""The folder of adapters (LoRA), ``adapters/`` in that of models: a file ``NAME.safetensors``, or a folder ``NAME``, for each.

Requests name adapters, and never paths. Reads names only; needs no torch.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from acestep_runtime.errors import InvalidValue

FOLDER = "adapters"
#: What an adapter may be called.
NAME = re.compile(r"(?!\.)[^/\\:\x00-\x1f\x7f]{1,64}")
NAMES = "up to 64 characters without slashes and colons, no dot first"
_SUFFIX = ".safetensors"


@dataclass(frozen=True)
class AdapterFile:
    """An adapter: its name, its file or folder, and the size and the latest change of its files."""

    name: str
    path: Path
    size_bytes: int
    changed_ns: int


def find_adapters(models: Path) -> tuple[AdapterFile, ...]:
    """Return the adapters in a folder of models, by name."""
    folder = models / FOLDER
    try:
        found = sorted(folder.iterdir()) if folder.is_dir() else []
    except OSError:
        found = []
    described = (_described(path) for path in found)
    return tuple({each.name: each for each in described if each is not None}.values())


def adapter_called(models: Path, name: str) -> AdapterFile:
    """Return the adapter called ``name``. Raises `InvalidValue` where there is none, naming those that there are."""
    there = {each.name: each for each in find_adapters(models)}
    if name not in there:
        raise InvalidValue(
            "sampling.adapters.name", name, ", ".join(there) or "none, as there are no adapters",
            remedy=f"Put its file into {models / FOLDER}, as NAME{_SUFFIX}; names have {NAMES}.",
        )  # fmt: skip
    return there[name]


def _described(path: Path) -> AdapterFile | None:
    name = path.name if path.is_dir() else path.stem
    if not NAME.fullmatch(name) or not (path.is_dir() or path.suffix == _SUFFIX):
        return None
    try:
        files = [each.stat() for each in (path.iterdir() if path.is_dir() else (path,)) if each.is_file()]
        holds = path.suffix == _SUFFIX or any(each.suffix == _SUFFIX for each in path.iterdir())
    except OSError:
        return None
    if not holds or not files:
        return None
    return AdapterFile(name, path, sum(each.st_size for each in files), max(each.st_mtime_ns for each in files))
