"""Which process a file means: one that runs still, not another with its number."""

from __future__ import annotations

import os
import subprocess
import sys

import psutil
import pytest

from acebridge.processes import is_running, start_of


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has /proc")
def test_a_process_is_known_by_its_start() -> None:
    own = start_of(os.getpid())
    boot_s, ticks = psutil.boot_time(), os.sysconf("SC_CLK_TCK")
    assert abs(boot_s + int(own) / ticks - psutil.Process().create_time()) < 2
    assert is_running(os.getpid(), own)
    assert not is_running(os.getpid(), str(int(own) + 1))
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        start = start_of(process.pid)
        assert is_running(process.pid, start)
        process.kill()
        psutil.Process(process.pid).status()
        while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
            pass
        assert not is_running(process.pid, start)  # it has ended, though nobody has asked how
    assert not is_running(process.pid, start)


def test_without_a_start_the_number_counts() -> None:
    assert is_running(os.getpid(), "") is (os.name != "nt")
    assert not is_running(0, "")
    assert not is_running(-1, "")
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    assert not is_running(process.pid, "")
    assert start_of(-1) == start_of(process.pid) == ""
