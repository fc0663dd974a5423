"""A cache of encoded tiles, by content: in memory, and in a folder that outlives the process."""

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
    """Tensors by key with least-recently-used eviction. Not thread-safe; several processes may share a folder."""

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
        self._tensors: OrderedDict[str, Tensor] = OrderedDict()
        self._tensor_bytes = 0
        self._file_bytes: int | None = None

    def get(self, key: str) -> Tensor | None:
        """Return the tensor of ``key`` on the CPU, or ``None``. Do not write into it."""
        tensor = self._tensors.get(key)
        if tensor is None:
            tensor = self._read_file(key)
            if tensor is not None:
                self._put_in_memory(key, tensor)
        else:
            self._tensors.move_to_end(key)
        return tensor

    def put(self, key: str, tensor: Tensor) -> None:
        """Store a copy of a tensor under ``key``: hexadecimal digits, which become its file name.

        A folder that cannot be written to is not an error; tiles are then encoded again in the next process.
        """
        tensor = tensor.detach().to("cpu", copy=True).contiguous()
        self._put_in_memory(key, tensor)
        with contextlib.suppress(OSError):
            self._write_file(key, tensor)

    def _put_in_memory(self, key: str, tensor: Tensor) -> None:
        self._tensor_bytes += tensor.nbytes - self._size(self._tensors.pop(key, None))
        self._tensors[key] = tensor
        while self._tensor_bytes > self._memory_bytes:
            self._tensor_bytes -= self._size(self._tensors.popitem(last=False)[1])

    @staticmethod
    def _size(tensor: Tensor | None) -> int:
        return 0 if tensor is None else tensor.nbytes

    def _read_file(self, key: str) -> Tensor | None:
        from safetensors import SafetensorError
        from safetensors.torch import load

        if self._folder is None:
            return None
        path = self._folder / (key + _SUFFIX)
        try:
            tensor = load(path.read_bytes())["latents"]
            os.utime(path)  # marks it as recently used
        except FileNotFoundError:
            return None
        except (OSError, SafetensorError, KeyError):  # unreadable, or not written by this class: a miss
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        return tensor

    def _write_file(self, key: str, tensor: Tensor) -> None:
        from safetensors.torch import save

        if self._folder is None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        data = save({"latents": tensor})
        partial = self._folder / f"{key}.{os.getpid()}.part"
        try:
            partial.write_bytes(data)
            partial.replace(self._folder / (key + _SUFFIX))  # atomic
        finally:
            partial.unlink(missing_ok=True)
        if self._file_bytes is not None:
            self._file_bytes += len(data)
        if self._file_bytes is None or self._file_bytes > self._folder_bytes:
            self._file_bytes = self._evict_oldest(self._folder)

    def _evict_oldest(self, folder: Path) -> int:
        """Remove the least recently used files beyond the limit; return the bytes of the rest."""
        files: list[tuple[int, int, Path]] = []
        for path in folder.iterdir():
            if path.suffix in (_SUFFIX, ".part"):
                with contextlib.suppress(OSError):
                    stat = path.stat()
                    files.append((stat.st_mtime_ns, stat.st_size, path))
        total = sum(size for _, size, _ in files)
        # A margin of 10 %, so that not every write has to scan the folder.
        for _, size, path in sorted(files) if total > self._folder_bytes else ():
            if total <= 0.9 * self._folder_bytes:
                break
            with contextlib.suppress(OSError):
                path.unlink()
                total -= size
        return total
