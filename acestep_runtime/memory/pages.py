"""Memory of mapped files that is not needed any more, given back to the system before the mapping ends. Linux only."""

from __future__ import annotations

import ctypes
import mmap
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_MAPS = Path("/proc/self/maps")
#: Advice of Linux that pages are not needed: those of a file are read again when somebody does need them.
_DONTNEED = 4


def find_file_mappings(maps: Path = _MAPS) -> list[range]:
    """Return the addresses at which files are mapped; none where the system does not say."""
    found = []
    with suppress(OSError):
        for line in os.fsdecode(maps.read_bytes()).splitlines():
            addresses, _, _, _, inode, *_ = line.split(maxsplit=5)
            if inode != "0":
                first, end = (int(each, 16) for each in addresses.split("-"))
                found.append(range(first, end))
    return found


def whole_pages(first: int, length: int, page: int = mmap.PAGESIZE) -> range:
    """Return the addresses of the pages that lie within ``length`` bytes from ``first`` on; empty where none does."""
    start, end = -(-first // page) * page, (first + length) // page * page
    return range(start, max(start, end))


def release_all(tensors: Iterable[torch.Tensor]) -> None:
    """Give back the pages of tensors that are as they are in mapped files, see `release_pages`."""
    mapped = find_file_mappings()
    for tensor in tensors:
        release_pages(tensor, mapped)


def release_pages(tensor: torch.Tensor, mapped: list[range]) -> None:
    """Give back the pages of a tensor in one of the ``mapped`` files. Others stay: their values would be lost.

    The values of the tensor must be those of the file; they are read again when somebody asks.
    """
    pages = whole_pages(tensor.data_ptr(), tensor.nbytes)
    if not tensor.is_contiguous() or not pages or sys.platform != "linux":
        return
    if any(pages[0] in each and pages[-1] in each for each in mapped):
        with suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL(None).madvise(ctypes.c_void_p(pages.start), ctypes.c_size_t(len(pages)), _DONTNEED)
