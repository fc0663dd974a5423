"""Sources on a node: each is there once, by its hash, for all actors and all jobs. The least recently used go first."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from acebridge.private_files import make_private_folder
from acestep_runtime.file_hashes import hash_file
from acestep_runtime.latents_files import is_whole, latents_path, read_file
from acestep_runtime.temporary_files import remove_stale, temporary_path

#: What the sources on a node may take together.
MAX_BYTES = 8 * 2**30
#: What goes to a node at once.
PIECE_BYTES = 8 * 2**20
_DIGEST_BYTES = 32


def names_of(assets: Mapping[str, str]) -> dict[str, Path]:
    """Return what has to be on a node for an order, each by the name that says its content.

    ``assets`` are ids and paths. Latents beside an asset have the name ``ASSET.DIGEST``, with the digest that ends their file.
    """
    names: dict[str, Path] = {}
    for asset_id, path in assets.items():
        names[asset_id] = Path(path)
        with suppress(OSError, ValueError):
            names[f"{asset_id}.{read_file(latents_path(Path(path)))[-_DIGEST_BYTES:].hex()}"] = latents_path(Path(path))
    return names


def read_piece(path: Path, offset_bytes: int) -> tuple[bytes, bool]:
    """Return the next piece of a file, and whether it is the last one. Raises ``OSError``."""
    with path.open("rb") as file:
        file.seek(offset_bytes)
        piece = file.read(PIECE_BYTES)
        return piece, offset_bytes + len(piece) >= os.fstat(file.fileno()).st_size


class SourceFolder:
    """The sources on this node, in ``folder``."""

    def __init__(self, folder: Path, *, max_bytes: int = MAX_BYTES) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        #: Name → the file that grows until all of it is here.
        self._arriving: dict[str, Path] = {}
        make_private_folder(folder)
        remove_stale(folder)

    def missing(self, names: list[str]) -> list[str]:
        """Return those of ``names`` that are not here. The others count as used now."""
        return [name for name in names if not self._touch(name)]

    def _touch(self, name: str) -> bool:
        try:
            os.utime(self._folder / name)
        except FileNotFoundError:
            return False
        return True

    def keep(self, name: str, piece: bytes, offset_bytes: int, *, is_last: bool) -> None:
        """Store a piece of a file that arrives, from its first one at 0 on.

        Raises ``ValueError`` where the bytes of a whole file are not what its name says, and ``OSError``.
        """
        if not offset_bytes:
            self._arriving[name] = temporary_path(self._folder / name)
        path = self._arriving[name]
        self._make_room(len(piece))
        with path.open("ab" if offset_bytes else "wb") as file:
            file.write(piece)
            if is_last:
                file.flush()
                os.fsync(file.fileno())
        if not is_last:
            return
        del self._arriving[name]
        if not _is_whole(name, path):
            path.unlink()
            raise ValueError(f"source {name} arrived damaged")
        path.replace(self._folder / name)

    def _make_room(self, size_bytes: int) -> None:
        files = []
        for path in self._folder.iterdir():
            if path in self._arriving.values():
                continue
            with suppress(FileNotFoundError):  # another actor makes room, too
                state = path.stat()
                files.append((state.st_mtime, state.st_size, path))
        total = sum(size for _, size, _ in files) + size_bytes
        for _, size, path in sorted(files, key=lambda each: each[0]):
            if total <= self._max_bytes:
                return
            path.unlink(missing_ok=True)
            total -= size

    def link(self, names: list[str], folder: Path) -> dict[str, str]:
        """Put sources into the folder of an order, where nothing evicts them; return the paths of the assets.

        Latents stand beside their audio there. Raises ``OSError``, and ``ValueError`` for a file that was damaged here.
        """
        paths: dict[str, str] = {}
        for name in names:
            asset_id, _, digest = name.partition(".")
            audio = folder / asset_id
            if not digest:
                paths[asset_id] = str(audio)
            target = latents_path(audio) if digest else audio
            _link(self._folder / name, target)
            if not _is_whole(name, target):
                (self._folder / name).unlink(missing_ok=True)
                raise ValueError(f"source {name} was damaged on the node")
        return paths


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:  # a file system without links
        shutil.copyfile(source, target)


def _is_whole(name: str, path: Path) -> bool:
    """Return whether the bytes of a file are what its name says."""
    asset_id, _, digest = name.partition(".")
    if not digest:
        return hash_file(path) == asset_id
    data = read_file(path)
    return is_whole(data) and data[-_DIGEST_BYTES:].hex() == digest
