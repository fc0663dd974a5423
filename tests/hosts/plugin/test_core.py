"""The C++ tests: under ASan and UBSan, under TSan, and those that count what a real-time thread must not do as they are."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.plugin import BUILDS, CPP, build, build_sanitized

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
def plain(binaries: Path) -> Path:
    return build(BUILDS / "plugin-tests/plain", CPP, f"-DBUILT_PLUGIN={binaries.parent}", targets=PLAIN)


@pytest.fixture(scope="session")
def address() -> Path:
    return build_sanitized(*ADDRESS, "test_clap", "AceBridge-clap")


@pytest.fixture(scope="session")
def thread() -> Path:
    return build(BUILDS / "plugin-tests/thread", CPP, "-DSANITIZE=thread", targets=("test_threads", "test_link"))


def test_audio_thread_allocates_locks_and_reads_nothing(plain: Path) -> None:
    run(plain / "test_realtime")


@pytest.mark.parametrize("name", ADDRESS)
def test_units(address: Path, name: str) -> None:
    run(address / name)


@pytest.mark.parametrize("name", ["test_threads", "test_link"])
def test_threads_do_not_race(thread: Path, name: str) -> None:
    run(thread / name)


def test_clap_plugin_in_a_small_host(plain: Path, binaries: Path) -> None:
    run(plain / "test_clap", str(binaries / "AceBridge.clap"))


def test_clap_plugin_misuses_no_memory(address: Path) -> None:
    run(address / "test_clap", str(address / "plugin/bin/AceBridge.clap"))
