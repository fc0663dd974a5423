"""A command that is started before there is a request waits for it, and for no longer than somebody will write one."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from acebridge.hosts.jobfolder import READYING, prewarm
from acebridge.hosts.jobfolder.prewarm import is_wanted
from acebridge.hosts.jobfolder.run import run_named
from tests.support.daemon import Daemon
from tests.support.job_folders import Job, outputs, part


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / READYING).touch()
    return tmp_path


def _later(what: Callable[[], object]) -> None:
    timer = threading.Timer(0.1, what)
    timer.daemon = True
    timer.start()


def test_it_waits_for_the_request(folder: Path) -> None:
    def ask() -> None:
        (folder / "request.json").write_text("{}")
        (folder / READYING).unlink()

    began = time.monotonic()
    _later(ask)
    assert is_wanted(folder)
    assert time.monotonic() - began >= 0.1


def test_it_ends_when_the_script_gives_up(folder: Path) -> None:
    _later(lambda: shutil.rmtree(folder))
    assert not is_wanted(folder)
    assert not folder.exists()


def test_it_ends_when_nobody_is_heard_of(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prewarm, "_PATIENCE_S", 0.2)
    growing = folder / "source-1.wav"
    _later(lambda: growing.write_bytes(b"audio is still read"))
    began = time.time()
    assert not is_wanted(folder)
    assert time.time() - began >= 0.29
    assert {file.name for file in folder.iterdir()} == {"source-1.wav"}


def test_a_script_that_is_faster_by_a_hair_is_served(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prewarm, "_PATIENCE_S", -1.0)

    def ask_meanwhile(_: Path) -> list[float]:
        (folder / "request.json").write_text("{}")
        (folder / READYING).unlink(missing_ok=True)
        return [0.0]

    monkeypatch.setattr(prewarm, "_changes", ask_meanwhile)
    assert is_wanted(folder)


def test_it_performs_what_is_asked_in_the_end(tmp_path: Path, house: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACEBRIDGE_HOME", str(house.home))
    job = Job(tmp_path)
    (job.folder / READYING).touch()

    def ask() -> None:
        job.ask(part(start_s=0.5, end_s=1.0))
        (job.folder / READYING).unlink()

    _later(ask)
    assert len(outputs(run_named(str(job.folder)))) == 1
    assert job.status["state"] == "done"
