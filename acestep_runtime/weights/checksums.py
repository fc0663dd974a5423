"""``checksums.json``: beside the files of a model, their sizes and SHA-256; and whether the files still are as it says."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from acestep_runtime.errors import EngineFailure

NAME = "checksums.json"
_BLOCK = 1 << 20
#: Told of every block that was read, in bytes.
Read = Callable[[int], None]


@dataclass(frozen=True)
class Sum:
    """What a file should be: ``size_bytes``, and ``digest`` in hex: its SHA-256, or for small files Git's own SHA-1."""

    size_bytes: int
    digest: str


def digest(path: Path, like: str, read: Read | None = None) -> str:
    """Return the digest of a file, of the kind that ``like`` is: SHA-256 (64 digits), else Git's SHA-1 of a blob."""
    found = hashlib.sha256()
    if len(like) != found.digest_size * 2:
        found = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            found.update(block)
            if read:
                read(len(block))
    return found.hexdigest()


def fault(path: Path, expected: Sum, read: Read | None = None) -> str:
    """Return what is wrong with a file, in a few words; "" if nothing is. A wrong size is seen without reading it."""
    try:
        size = path.stat().st_size
        if size != expected.size_bytes:
            return f"{path} has {size} bytes instead of {expected.size_bytes}"
        return "" if digest(path, expected.digest, read) == expected.digest else f"{path} is damaged"
    except OSError as error:
        return f"{path} is missing" if isinstance(error, FileNotFoundError) else f"{path}: {error.strerror}"


def write(folder: Path, repo: str, revision: str, sums: Mapping[str, Sum]) -> None:
    """Record what the files of ``folder`` are, by their names in it."""
    files = {name: {"size": each.size_bytes, "digest": each.digest} for name, each in sorted(sums.items())}
    text = json.dumps({"repo": repo, "revision": revision, "files": files}, indent=1)
    (folder / NAME).write_text(text + "\n", "utf-8")


def recorded(folder: Path) -> dict[str, Sum]:
    """Return what the files of ``folder`` should be. Raises `EngineFailure` for a record that cannot be read."""
    path = folder / NAME
    try:
        files = json.loads(path.read_text("utf-8"))["files"]
        sums = {str(name): Sum(int(each["size"]), str(each["digest"])) for name, each in files.items()}
        if any(not _inside(name) for name in sums):
            raise ValueError("it names files elsewhere")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise EngineFailure(f"{path} cannot be read: {error}.", remedy="Pull the model again.") from error
    return sums


def _inside(name: str) -> bool:
    return not Path(name).is_absolute() and ".." not in Path(name).parts


def records_below(folder: Path) -> Iterator[Path]:
    """Yield the folders, ``folder`` itself or up to two levels below it, that have a record."""
    for pattern in (NAME, f"*/{NAME}", f"*/*/{NAME}"):
        yield from (path.parent for path in sorted(folder.glob(pattern)))
