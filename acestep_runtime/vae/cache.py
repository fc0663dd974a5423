"""Latents of tiles that were encoded before, by what is in the tiles: in memory, and in a folder that outlives the process."""

from __future__ import annotations

import contextlib
import os
from collections import OrderedDict
from pathlib import Path

from torch import Tensor

#: Latents of an hour of music are 23 MB.
MEMORY_BYTES = 64 << 20
FOLDER_BYTES = 1 << 30
_SUFFIX = ".safetensors"


class TileCache:
    """Tensors by key, the least recently used of them dropped first. Not for several threads; several processes may share a
    folder."""

    def __init__(
        self,
        *,
        memory_bytes: int = MEMORY_BYTES,
        folder: Path | None = None,
        folder_bytes: int = FOLDER_BYTES,
    ) -> None:
        self._memory_bytes = memory_bytes
        self._folder = folder
        self._folder_bytes = folder_bytes
        self._held: OrderedDict[str, Tensor] = OrderedDict()
        self._held_bytes = 0
        self._written_bytes: int | None = None

    def get(self, key: str) -> Tensor | None:
        """Return what was put under ``key``, on the CPU, if it is still there. Do not write into it."""
        tensor = self._held.get(key)
        if tensor is None:
            tensor = self._read(key)
            if tensor is not None:
                self._hold(key, tensor)
        else:
            self._held.move_to_end(key)
        return tensor

    def put(self, key: str, tensor: Tensor) -> None:
        """Keep a tensor under ``key``: hexadecimal digits, for they name its file.

        A folder that cannot be written to holds nothing; that costs time only, and is not an error.
        """
        tensor = tensor.detach().to("cpu", copy=True).contiguous()
        self._hold(key, tensor)
        with contextlib.suppress(OSError):
            self._write(key, tensor)

    def _hold(self, key: str, tensor: Tensor) -> None:
        self._held_bytes += tensor.nbytes - self._size(self._held.pop(key, None))
        self._held[key] = tensor
        while self._held_bytes > self._memory_bytes:
            self._held_bytes -= self._size(self._held.popitem(last=False)[1])

    @staticmethod
    def _size(tensor: Tensor | None) -> int:
        return 0 if tensor is None else tensor.nbytes

    def _read(self, key: str) -> Tensor | None:
        from safetensors import SafetensorError
        from safetensors.torch import load

        if self._folder is None:
            return None
        path = self._folder / (key + _SUFFIX)
        try:
            tensor = load(path.read_bytes())["latents"]
            os.utime(path)  # it was used just now
        except FileNotFoundError:
            return None
        except (OSError, SafetensorError, KeyError):  # unreadable, or not written by us: it is made again
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        return tensor

    def _write(self, key: str, tensor: Tensor) -> None:
        from safetensors.torch import save

        if self._folder is None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        data = save({"latents": tensor})
        partial = self._folder / f"{key}.{os.getpid()}.part"
        try:
            partial.write_bytes(data)
            partial.replace(self._folder / (key + _SUFFIX))  # whole or not at all
        finally:
            partial.unlink(missing_ok=True)
        if self._written_bytes is not None:
            self._written_bytes += len(data)
        if self._written_bytes is None or self._written_bytes > self._folder_bytes:
            self._written_bytes = self._tidied(self._folder)

    def _tidied(self, folder: Path) -> int:
        """Remove the least recently used files that are too many; returns the bytes of those that stay."""
        found: list[tuple[int, int, Path]] = []
        for path in folder.iterdir():
            if path.suffix in (_SUFFIX, ".part"):
                with contextlib.suppress(OSError):
                    stat = path.stat()
                    found.append((stat.st_mtime_ns, stat.st_size, path))
        total = sum(size for _, size, _ in found)
        # A little more than needed, so that not every write has to look through the folder.
        for _, size, path in sorted(found) if total > self._folder_bytes else ():
            if total <= 0.9 * self._folder_bytes:
                break
            with contextlib.suppress(OSError):
                path.unlink()
                total -= size
        return total
