"""How much memory this machine has, how much of it is free, and how many cores: all, or what control groups leave.

Linux only: elsewhere nothing is known. Both versions of control groups are read. Needs no torch.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROC, CGROUPS, DEVICES = Path("/proc"), Path("/sys/fs/cgroup"), Path("/dev")
#: Device files of drivers of GPUs that have memory of their own: NVIDIA, AMD, and those of WSL.
_GPU_DRIVERS = ("nvidia*", "kfd", "dxg")
#: Fields of /proc/PID/status that no other process shares and no file holds, in KiB.
_OWN = ("RssAnon:", "RssShmem:", "VmSwap:")


@dataclass(frozen=True)
class _Version:
    """A version of control groups: where memory is below their root, and the names of its files.

    ``cached`` are rows of ``memory.stat``, bytes of files that the system can drop.
    """

    folder: str
    limit: str
    used: str
    cached: tuple[str, ...]


_VERSIONS = {
    "": _Version("", "memory.max", "memory.current", ("inactive_file", "active_file")),
    "memory": _Version(
        "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", ("total_inactive_file", "total_active_file")
    ),
}


def total_bytes(proc: Path = PROC, cgroups: Path = CGROUPS) -> int:
    """Return the memory of this machine, or what its control groups let this process take; 0 where that is unknown."""
    limits = [limit for limit, _ in _group_sizes(proc / "self" / "cgroup", cgroups)]
    return min([*_meminfo(proc / "meminfo", "MemTotal:"), *limits], default=0)


def available_bytes(proc: Path = PROC, cgroups: Path = CGROUPS) -> int:
    """Return the memory that this process can still take without swapping, at least a byte; 0 where that is unknown."""
    left = [max(1, limit - used) for limit, used in _group_sizes(proc / "self" / "cgroup", cgroups)]
    return min([*_meminfo(proc / "meminfo", "MemAvailable:"), *left], default=0)


def own_bytes(pid: int | str = "self", proc: Path = PROC) -> int:
    """Return the memory that a process alone takes, swapped or not; 0 when it is gone, or where nobody knows."""
    return sum_fields(pid, _OWN, proc)


def left_of(limit_bytes: int) -> int:
    """Return what this process may still take of a limit of its own memory, at least a byte; 0, any, for the limit 0."""
    return max(1, limit_bytes - own_bytes()) if limit_bytes else 0


def sum_fields(pid: int | str, names: tuple[str, ...], proc: Path = PROC) -> int:
    """Return the sum of fields of /proc/PID/status, in bytes."""
    try:
        lines = (proc / str(pid) / "status").read_text(errors="replace").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(names))


def may_have_gpu_memory(devices: Path = DEVICES) -> bool:
    """Return whether there may be a GPU with memory of its own, so that a model need not fit into that of the machine."""
    return any(True for driver in _GPU_DRIVERS for _ in devices.glob(driver))


def usable_cores(proc: Path = PROC, cgroups: Path = CGROUPS) -> int:
    """Return how many cores this process can use at a time, at least one: those it may run on, or the time of its groups."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    shares = [math.ceil(quota) for quota in _quotas(proc / "self" / "cgroup", cgroups)]
    return max(1, min([cores, *shares]))


def _quotas(own: Path, cgroups: Path) -> Iterator[float]:
    """Yield the cores that the control groups of this process, and those above them, leave it."""
    for place in _group_folders(own, cgroups, {"": "", "cpu": "cpu"}):
        with suppress(OSError, ValueError):  # "max"
            if (place / "cpu.max").exists():
                quota, period = (place / "cpu.max").read_text().split()
            else:
                quota, period = ((place / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
            if int(quota) > 0 and int(period) > 0:
                yield int(quota) / int(period)


def format_gib(size_bytes: float) -> str:
    """Return a size for a message: "12.4 GiB", below half a GiB in MiB."""
    return f"{size_bytes / 2**30:.1f} GiB" if size_bytes >= 2**29 else f"{size_bytes / 2**20:.0f} MiB"


def _meminfo(meminfo: Path, name: str) -> Iterator[int]:
    with suppress(OSError, ValueError, IndexError):
        for line in meminfo.read_text().splitlines():
            if line.startswith(name):
                yield int(line.split()[1]) * 1024


def _group_sizes(own: Path, cgroups: Path) -> Iterator[tuple[int, int]]:
    """Yield the limit of each control group of this process and of all above them, and what is used and cannot be dropped."""
    for name, version in _VERSIONS.items():
        for place in _group_folders(own, cgroups, {name: version.folder}):
            with suppress(OSError, ValueError):  # "max"
                limit = int((place / version.limit).read_text())
                if limit > 0:
                    yield limit, _used(place, version)


def _group_folders(own: Path, cgroups: Path, roots: Mapping[str, str]) -> Iterator[Path]:
    """Yield the folders of the control groups of this process and of those above them; ``roots`` are folders by controller."""
    with suppress(OSError):
        for line in own.read_text(errors="surrogateescape").splitlines():
            parts = line.split(":", 2)
            if len(parts) < 3:
                continue
            _, controllers, group = parts
            root = next((cgroups / roots[each] for each in controllers.split(",") if each in roots), None)
            if root is None:
                continue
            folder = root / group.strip("/")
            # In a container the folder of the group is mounted as the root.
            yield from (
                place
                for place in dict.fromkeys((folder, *folder.parents, root))
                if place == root or root in place.parents
            )


def _used(place: Path, version: _Version) -> int:
    """Return what is used and cannot be dropped; all that is used where nothing says more, 0 where nothing is known."""
    used = cached = 0
    with suppress(OSError, ValueError, IndexError):
        used = int((place / version.used).read_text())
        rows = [line.split() for line in (place / "memory.stat").read_text().splitlines()]
        cached = sum(int(row[1]) for row in rows if row[:1] and row[0] in version.cached)
    return max(0, used - cached)
