"""The C++ tests: under ASan and UBSan, under TSan, and those that count what a real-time thread must not do as they are."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.plugin import BUILDS, CPP, build, build_plugin, build_sanitized

pytestmark = pytest.mark.host

PLAIN = ("test_realtime", "test_clap")
ADDRESS = (
    "test_transport",
    "test_capture",
    "test_take_player",
    "test_audition",
    "test_resample",
    "test_state",
    "test_text_edit",
    "test_waveform",
    "test_panel",
    "fuzz_state",
    "test_link",
    "test_link_files",
    "test_link_jobs",
)


def run(program: Path, *arguments: str) -> None:
    environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=1", "UBSAN_OPTIONS": "print_stacktrace=1"}
    result = subprocess.run([program, *arguments], capture_output=True, text=True, env=environment)
    assert result.returncode == 0, f"{result.stdout}\n{result.stderr[-8000:]}"


@pytest.fixture(scope="session")
def plain() -> Path:
    build_plugin()
    return build(BUILDS / "plugin-tests/plain", CPP, f"-DBUILT_PLUGIN={BUILDS / 'plugin'}", targets=PLAIN)


@pytest.fixture(scope="session")
def address() -> Path:
    return build_sanitized("tests", "AceBridge-clap")


@pytest.fixture(scope="session")
def thread() -> Path:
    return build(BUILDS / "plugin-tests/thread", CPP, "-DSANITIZE=thread", targets=("tests",))


def test_audio_thread_allocates_locks_and_reads_nothing(plain: Path) -> None:
    run(plain / "test_realtime")


@pytest.mark.parametrize("name", ADDRESS)
def test_units(address: Path, name: str) -> None:
    run(address / "tests", name)


def test_a_full_disk_is_said(address: Path, tmp_path: Path) -> None:
    """The disk is 2 MiB of memory that only the test's own mount namespace has."""
    enter = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(tmp_path)]
    if shutil.which("unshare") is None or subprocess.run([*enter, *mount], capture_output=True).returncode != 0:
        pytest.skip("this system lets nobody mount in a namespace of their own")
    script = f"{shlex.join(mount)} && exec {shlex.join(map(str, (address / 'tests', 'test_full_disk', tmp_path)))}"
    run(Path("/usr/bin/env"), *enter, "sh", "-c", script)


@pytest.mark.parametrize("name", ["test_threads", "test_link"])
def test_threads_do_not_race(thread: Path, name: str) -> None:
    run(thread / "tests", name)


def test_clap_plugin_in_a_small_host(plain: Path, binaries: Path) -> None:
    run(plain / "test_clap", str(binaries / "AceBridge.clap"))


def test_clap_plugin_misuses_no_memory(address: Path) -> None:
    run(address / "tests", "test_clap", str(address / "plugin/bin/AceBridge.clap"))
