"""The threads of OpenBLAS, which NumPy and SciPy each bring along. A copy starts its threads when it is loaded."""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

#: The environment variable with their number, which a copy reads when it is loaded.
THREADS = "OPENBLAS_NUM_THREADS"
#: Where it holds no number above 0, the next one counts.
_VARIABLES = (THREADS, "GOTO_NUM_THREADS", "OPENBLAS_DEFAULT_NUM_THREADS", "OMP_NUM_THREADS")
#: Builds differ in the names of their functions.
_SETTERS = [
    f"{prefix}openblas_set_num_threads{suffix}" for prefix in ("", "scipy_") for suffix in ("", "_", "64_", "_64")
]


def set_threads(wanted: str) -> None:
    """Set the variable, and have copies that were loaded before use as many threads as if it had been set then. Linux only."""
    os.environ[THREADS] = wanted
    cores = len(os.sched_getaffinity(0))
    numbers = (re.match(r"\s*(\d+)", os.environ.get(variable, "")) for variable in _VARIABLES)
    threads = min(next((int(number[1]) for number in numbers if number and int(number[1])), cores), cores)
    for library in _copies_in_process():
        for name in _SETTERS:
            if setter := getattr(library, name, None):
                setter(threads)
                break


def _copies_in_process() -> Iterator[ctypes.CDLL]:
    lines = Path("/proc/self/maps").read_text().splitlines()
    for file in {line.split(maxsplit=5)[-1] for line in lines if "openblas" in line}:
        with suppress(OSError):  # an update has replaced the file
            yield ctypes.CDLL(file, mode=os.RTLD_NOLOAD)
