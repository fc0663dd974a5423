"""What a machine and its control groups leave free, by doubles of their files."""

from __future__ import annotations

from pathlib import Path

import pytest

from acestep_runtime.memory import machine

GIB = 2**30


def files(folder: Path, texts: dict[str, str]) -> tuple[Path, Path]:
    """A /proc and a /sys/fs/cgroup with these files."""
    meminfo = f"MemTotal: {16 * 2**20} kB\nMemFree: 5 kB\nMemAvailable: {10 * 2**20} kB\n"
    for name, text in {"proc/meminfo": meminfo, **texts}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder / "proc", folder / "cgroup"


def test_what_is_available_without_control_groups(tmp_path: Path) -> None:
    places = files(tmp_path, {})
    assert (machine.total_bytes(*places), machine.available_bytes(*places)) == (16 * GIB, 10 * GIB)


@pytest.mark.parametrize("group", ["", "job", "job/inner"])
def test_a_limit_of_version_2_counts_in_the_group_and_above(tmp_path: Path, group: str) -> None:
    places = files(tmp_path, {
        "proc/self/cgroup": "0::/job/inner\n", "cgroup/memory.max": "max\n",
        f"cgroup/{group}/memory.max": f"{8 * GIB}\n", f"cgroup/{group}/memory.current": f"{5 * GIB}\n",
        f"cgroup/{group}/memory.stat": f"anon {2 * GIB}\ninactive_file {2 * GIB}\nactive_file {GIB}\n",
    })  # fmt: skip
    assert machine.total_bytes(*places) == 8 * GIB
    assert machine.available_bytes(*places) == 6 * GIB  # files can be dropped, the rest not


def test_a_limit_of_version_1(tmp_path: Path) -> None:
    places = files(tmp_path, {
        "proc/self/cgroup": "9:cpu,cpuacct:/x\n5:memory:/docker/1\n", "cgroup/memory/memory.limit_in_bytes": f"{12 * GIB}\n",
        "cgroup/memory/memory.usage_in_bytes": f"{7 * GIB}\n",
        "cgroup/memory/memory.stat": f"cache 5\ninactive_file 7\ntotal_inactive_file {2 * GIB}\ntotal_active_file {GIB}\n",
    })  # fmt: skip
    assert machine.total_bytes(*places) == 12 * GIB
    assert machine.available_bytes(*places) == 8 * GIB


def test_the_machine_counts_where_its_groups_leave_more(tmp_path: Path) -> None:
    places = files(tmp_path, {
        "proc/self/cgroup": "0::/\n", "cgroup/memory.max": f"{64 * GIB}\n", "cgroup/memory.current": "0\n",
    })  # fmt: skip
    assert (machine.total_bytes(*places), machine.available_bytes(*places)) == (16 * GIB, 10 * GIB)


def test_nothing_is_known_without_these_files(tmp_path: Path) -> None:
    assert machine.total_bytes(tmp_path, tmp_path) == machine.available_bytes(tmp_path, tmp_path) == 0


@pytest.mark.parametrize(
    ("texts", "total", "available"),
    [
        ({"proc/self/cgroup": "nonsense\n\n0:\n", "cgroup/memory.max": f"{GIB}"}, 16 * GIB, 10 * GIB),
        ({"proc/self/cgroup": "nonsense\n0::/j\n", "cgroup/j/memory.max": f"{GIB}"}, GIB, GIB),
        ({"proc/self/cgroup": "0::/j\n", "cgroup/j/memory.max": "x\n"}, 16 * GIB, 10 * GIB),
        ({"proc/self/cgroup": "0::/j\n", "cgroup/j/memory.max": "-1\n"}, 16 * GIB, 10 * GIB),
        ({"proc/self/cgroup": "5:memory:/d\n0::/x\n", "cgroup/x/memory.max": "max",
          "cgroup/memory/d/memory.limit_in_bytes": f"{GIB}"}, GIB, GIB),
        ({"proc/self/cgroup": "0::/j\n", "cgroup/j/memory.max": f"{3 * GIB}", "cgroup/j/memory.current": f"{GIB}",
          "cgroup/j/memory.stat": "\ninactive_file x\n"}, 3 * GIB, 2 * GIB),
        ({"proc/self/cgroup": "0::/j\n", "cgroup/j/memory.max": f"{GIB}", "cgroup/j/memory.current": f"{GIB}"}, GIB, 1),
    ],
)  # fmt: skip
def test_files_of_groups_that_say_nothing_usable_limit_nothing_and_full_groups_leave_a_byte(
    tmp_path: Path, texts: dict[str, str], total: int, available: int
) -> None:
    places = files(tmp_path, texts)
    assert (machine.total_bytes(*places), machine.available_bytes(*places)) == (total, available)


def test_a_group_may_have_a_name_that_is_no_utf_8(tmp_path: Path) -> None:
    places = files(tmp_path, {"proc/self/cgroup": "", "cgroup/memory.max": f"{GIB}"})
    (places[0] / "self" / "cgroup").write_bytes(b"0::/\xff\n")
    assert machine.total_bytes(*places) == GIB


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ({"proc/self/cgroup": "0::/job\n", "cgroup/job/cpu.max": "150000 100000\n"}, 2),
        ({"proc/self/cgroup": "0::/job\n", "cgroup/job/cpu.max": "max 100000\n"}, 8),
        ({"proc/self/cgroup": "0::/job\n", "cgroup/job/cpu.max": "max 100000\n", "cgroup/cpu.max": "50000 100000\n"}, 1),
        ({"proc/self/cgroup": "4:cpu,cpuacct:/x\n", "cgroup/cpu/x/cpu.cfs_quota_us": "300000\n",
          "cgroup/cpu/x/cpu.cfs_period_us": "100000\n"}, 3),
        ({"proc/self/cgroup": "4:cpu,cpuacct:/x\n", "cgroup/cpu/x/cpu.cfs_quota_us": "-1\n",
          "cgroup/cpu/x/cpu.cfs_period_us": "100000\n"}, 8),
        ({}, 8),
        *(({"proc/self/cgroup": "x\n0::/job\n", "cgroup/job/cpu.max": text}, 8) for text in ("100 0", "inf 1", "nan 1", "")),
    ],
)  # fmt: skip
def test_cores_are_those_whose_time_the_groups_leave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, texts: dict[str, str], expected: int
) -> None:
    monkeypatch.setattr(machine.sys, "platform", "linux")
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert machine.usable_cores(*files(tmp_path, texts)) == expected


def test_drivers_tell_of_a_gpu(tmp_path: Path) -> None:
    (tmp_path / "null").touch()
    assert not machine.may_have_gpu_memory(tmp_path)
    assert not machine.may_have_gpu_memory(tmp_path / "nowhere")
    (tmp_path / "nvidia0").touch()
    assert machine.may_have_gpu_memory(tmp_path)
