"""``checksums.json``: a record of sizes and digests beside the files of a model, and the check of the files against it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from acestep_runtime.errors import EngineFailure
from acestep_runtime.file_hashes import hash_file

NAME = "checksums.json"
#: Called with the size of every block that was read, in bytes.
OnRead = Callable[[int], None]


@dataclass(frozen=True)
class FileDigest:
    """The expected size and digest of a file. ``digest`` is hex: SHA-256, or for small files the SHA-1 of Git's blob."""

    size_bytes: int
    digest: str


@dataclass(frozen=True)
class Record:
    """What is recorded of a folder: the repository and the commit it is from, and the digests of its files by name."""

    repo: str
    revision: str
    files: Mapping[str, FileDigest]


def _digest_like(path: Path, like: str, on_read: OnRead | None = None) -> str:
    """Return the digest of a file with the algorithm of ``like``: SHA-256 (64 digits), else SHA-1 of Git's blob."""
    hasher = hashlib.sha256()
    if len(like) != hasher.digest_size * 2:
        hasher = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    return hash_file(path, hasher=hasher, on_read=on_read)


def find_fault(path: Path, expected: FileDigest, on_read: OnRead | None = None) -> str:
    """Return the fault of a file in a few words, "" if there is none. A file of wrong size is not read."""
    try:
        size = path.stat().st_size
        if size != expected.size_bytes:
            return f"{path} has {size} bytes instead of {expected.size_bytes}"
        return "" if _digest_like(path, expected.digest, on_read) == expected.digest else f"{path} is damaged"
    except OSError as error:
        return f"{path} is missing" if isinstance(error, FileNotFoundError) else f"{path}: {error.strerror}"


def write_record(folder: Path, record: Record) -> None:
    """Write the record of the files of ``folder``."""
    files = {name: {"size": each.size_bytes, "digest": each.digest} for name, each in sorted(record.files.items())}
    text = json.dumps({"repo": record.repo, "revision": record.revision, "files": files}, indent=1)
    (folder / NAME).write_text(text + "\n", "utf-8")


def read_record(folder: Path) -> Record:
    """Return the record of ``folder``. Raises `EngineFailure` for an unreadable one."""
    path = folder / NAME
    try:
        value = json.loads(path.read_text("utf-8"))
        files = {str(name): FileDigest(int(each["size"]), str(each["digest"])) for name, each in value["files"].items()}
        if any(not _is_inside(name) for name in files):
            raise ValueError("it names files elsewhere")
        return Record(str(value.get("repo", "")), str(value.get("revision", "")), files)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        remedy = f"Delete it, then pull the model again: {path.name} is written again, from what the Hub says then."
        raise EngineFailure(f"{path} cannot be read: {error}.", remedy=remedy) from error


def find_record(folder: Path) -> Record | None:
    """Return the record of ``folder`` if it has one. Raises `EngineFailure` for an unreadable one."""
    return read_record(folder) if (folder / NAME).exists() else None


def _is_inside(name: str) -> bool:
    return not Path(name).is_absolute() and ".." not in Path(name).parts


def find_records(folder: Path) -> Iterator[Path]:
    """Yield the folders with a record: ``folder`` itself and up to two levels below it."""
    for pattern in (NAME, f"*/{NAME}", f"*/*/{NAME}"):
        yield from (path.parent for path in sorted(folder.glob(pattern)))
