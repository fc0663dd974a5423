"""How much memory a worker may take, and how much one takes."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from acebridge.workers import memory
from acebridge.workers.main import describe_error

GIB = 2**30


def machine(folder: Path, *, total_kib: int = 16 * 2**20, group: str = "0::/a/b\n") -> tuple[Path, Path]:
    """A /proc and a /sys/fs/cgroup."""
    proc, cgroups = folder / "proc", folder / "cgroup"
    (proc / "self").mkdir(parents=True)
    (proc / "meminfo").write_text(f"MemTotal:  {total_kib} kB\nMemFree:  5 kB\n")
    (proc / "self" / "cgroup").write_text(group)
    (cgroups / "a" / "b").mkdir(parents=True)
    return proc, cgroups


def test_three_quarters_of_the_machine(tmp_path: Path) -> None:
    assert memory.default_limit(*machine(tmp_path)) == 12 * GIB


@pytest.mark.parametrize("place", [".", "a", "a/b"])
def test_three_quarters_of_what_a_control_group_may_take(tmp_path: Path, place: str) -> None:
    proc, cgroups = machine(tmp_path)
    (cgroups / "memory.max").write_text("max\n")
    (cgroups / place / "memory.max").write_text(f"{4 * GIB}\n")
    assert memory.default_limit(proc, cgroups) == 3 * GIB


def test_the_first_version_of_control_groups(tmp_path: Path) -> None:
    proc, cgroups = machine(tmp_path, group="3:cpu:/x\n2:memory:/docker/1\n")
    (cgroups / "memory").mkdir()
    (cgroups / "memory" / "memory.limit_in_bytes").write_text(f"{2 * GIB}\n")
    assert memory.default_limit(proc, cgroups) == 1.5 * GIB


def test_no_limit_where_nothing_is_known(tmp_path: Path) -> None:
    assert memory.default_limit(tmp_path / "none", tmp_path / "none") == 0


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody says")
def test_what_a_process_takes() -> None:
    before = memory.memory_of(os.getpid())
    held = bytearray(64 << 20)
    held[::4096] = b"x" * (len(held) // 4096)  # memory is taken when it is written
    assert 60 << 20 <= memory.memory_of(os.getpid()) - before <= 80 << 20
    del held
    assert memory.memory_of(2**22 + 1) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="the limit of the system is Linux's")
def test_an_allocation_beyond_the_limit_fails_and_the_process_goes_on() -> None:
    code = (
        "import numpy as np\n"
        "from acebridge.workers.memory import limit_own\n"
        "from acebridge.workers.main import describe_error\n"
        "limit_own(1 << 28)\n"
        "held = np.ones(1 << 25)\n"  # 256 MiB
        "try:\n"
        "    np.empty(1 << 29)\n"
        "except MemoryError as error:\n"
        "    print(describe_error(error, 1 << 28)['message'])\n"
        "limit_own(0)\n"
        "np.empty(1 << 29)\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "There is not enough memory for this job; a worker may take 256 MiB.\n"


@pytest.mark.parametrize(
    ("error", "asked"),
    [
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 4294967296 bytes."),
         ": it asked for 4.00 GiB more, and 1.00 GiB are free"),
        (RuntimeError("unable to mmap 2147483648 bytes from file </models/m>: Cannot allocate memory (12)"),
         ": it asked for 2.00 GiB more, and 1.00 GiB are free"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), ""), (MemoryError(), ""),
    ],
)  # fmt: skip
def test_every_way_to_say_that_memory_is_not_enough(
    monkeypatch: pytest.MonkeyPatch, error: Exception, asked: str
) -> None:
    monkeypatch.setattr(memory.machine, "available_bytes", lambda: GIB)
    said = describe_error(error, 8 * GIB)
    assert said["message"] == f"There is not enough memory for this job{asked}; a worker may take 8.00 GiB."
    assert "report" not in said["remedy"]
    assert "close other programs" in said["remedy"]


def test_other_errors_are_not_about_memory() -> None:
    for error in (
        RuntimeError("shape '[2]' is invalid"),
        OSError(errno.EIO, "disk"),
        ValueError("can't allocate memory"),
    ):
        assert not memory.is_out_of_memory(error)


def test_a_process_that_was_killed_may_have_run_out_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory.machine, "available_bytes", lambda: GIB)
    monkeypatch.setattr(memory.machine, "total_bytes", lambda: 16 * GIB)
    assert "when memory runs out; 1.00 GiB of 16.00 GiB are free now. Close other programs" in memory.remedy_for_kill()
    monkeypatch.setattr(memory.machine, "total_bytes", lambda: 0)
    assert "when memory runs out. Close" in memory.remedy_for_kill()
