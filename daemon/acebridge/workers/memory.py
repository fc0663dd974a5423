"""How much memory a worker may take, and how much it takes. Linux only: elsewhere nothing is known, and nothing is limited."""

from __future__ import annotations

import errno
import re
import sys
from pathlib import Path

from acestep_runtime.errors import EngineFailure
from acestep_runtime.memory import machine

#: The part of the machine's memory, or of what its control group may take, that a worker may take.
_SHARE = 0.75
#: What a process reserves later and never touches: stacks of threads, buffers of BLAS.
_RESERVE_BYTES = 2**29


def default_limit(proc: Path = machine.PROC, cgroups: Path = machine.CGROUPS) -> int:
    """Return how many bytes a worker may take here: three quarters of all memory; 0, no limit, where that is unknown."""
    return int(machine.total_bytes(proc, cgroups) * _SHARE)


def memory_of(pid: int) -> int:
    """Return how much memory a process alone takes, swapped or not; 0 when it is gone, or where nobody knows."""
    return machine.own_bytes(pid)


def limit_own(limit_bytes: int) -> None:
    """Have allocations fail that make this process larger by more than a limit, 0 for none; a limit of the system stays.

    Counted is what is reserved, touched or not, so that there is some slack. For engines that compute with NumPy: GPU drivers
    reserve more than a machine has.
    """
    if sys.platform != "linux":
        return
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    reserved = machine.sum_fields("self", ("VmData:",)) + _RESERVE_BYTES
    wanted = limit_bytes + reserved if limit_bytes else resource.RLIM_INFINITY
    if hard != resource.RLIM_INFINITY:
        wanted = hard if wanted == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard))


#: What torch says where memory is not enough: for an array, and for a file that it maps.
_TORCH_SAYS = re.compile(
    r"can't allocate memory|not enough memory|unable to mmap (\d+) bytes|cannot allocate memory", re.I
)
_ASKED = re.compile(r"(?:tried to allocate|unable to mmap) (\d+) bytes", re.I)


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error of Python, of the system or of torch says that memory is not enough."""
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and bool(_TORCH_SAYS.search(str(error))))


def describe_shortage(error: BaseException, limit_bytes: int) -> EngineFailure:
    """Return the error for the user of an error that says that memory is not enough, with what it asked for."""
    asked = _ASKED.search(str(error))
    return out_of_memory(limit_bytes, asked=int(asked[1]) if asked else 0)


def out_of_memory(limit_bytes: int, taken: int = 0, asked: int = 0) -> EngineFailure:
    """Return the error of a job that needs more memory than a worker may take; 0 for a number that is not known.

    ``taken`` is what it took, ``asked`` what it asked for in addition.
    """
    takes = (
        f"The engine took {_gib(taken)} of memory for this job" if taken else "There is not enough memory for this job"
    )
    more = f": it asked for {_gib(asked)} more, and {_gib(machine.available_bytes())} are free" if asked else ""
    limit = f"; a worker may take {_gib(limit_bytes)}" if limit_bytes else ""
    return EngineFailure(
        f"{takes}{more}{limit}.",
        remedy="Ask for a shorter region, fewer takes or less context, close other programs, set int8_weights to true, or"
        " raise worker_memory_bytes in config.toml.",
    )


def remedy_for_kill() -> str:
    """Return what to do about a job whose process the system has killed: it does that when memory runs out."""
    free, total = machine.available_bytes(), machine.total_bytes()
    there = f"; {_gib(free)} of {_gib(total)} are free now" if total else ""
    return (
        f"Somebody killed it, or the system did, as it does when memory runs out{there}. Close other programs, set"
        " int8_weights to true, or choose a smaller model or --engine draft; finished takes are kept, so send this one again."
    )


def _gib(size_bytes: int) -> str:
    return f"{size_bytes / 2**30:.2f} GiB" if size_bytes >= 2**29 else f"{size_bytes / 2**20:.0f} MiB"
