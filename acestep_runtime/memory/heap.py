"""Memory of the C heap that is free, given back to the system. Needs no torch."""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress


def return_free_heap() -> None:
    """Give back what the heap keeps between blocks in use. Linux only, where the C library is that of GNU."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL(None).malloc_trim(0)
