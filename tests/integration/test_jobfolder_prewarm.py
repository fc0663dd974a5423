"""A command that is started before there is a request waits for it, and for no longer than somebody will write one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from acebridge.hosts.jobfolder import READYING, prewarm
from acebridge.hosts.jobfolder.prewarm import wait_for_request
from acebridge.hosts.jobfolder.run import run_named
from tests.support.daemon import Daemon
from tests.support.job_folders import LENGTH_S, RATE_HZ, Job, outputs, part


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
    assert wait_for_request(folder)
    assert time.monotonic() - began >= 0.1


def test_it_ends_when_the_script_gives_up(folder: Path) -> None:
    _later(lambda: shutil.rmtree(folder))
    assert not wait_for_request(folder)
    assert not folder.exists()


def test_it_ends_when_nobody_answers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that stands still while anything is done."""
    began = now = (folder / READYING).stat().st_mtime
    growing = folder / "source-1.wav"

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds
        if now - began >= 100 and not growing.exists():
            growing.write_bytes(b"audio is still read")
            os.utime(growing, (now, now))

    monkeypatch.setattr(prewarm, "time", SimpleNamespace(time=lambda: now, sleep=sleep))
    assert not wait_for_request(folder)
    assert now - began == pytest.approx(100 + prewarm._PATIENCE_S, abs=0.1)
    assert {file.name for file in folder.iterdir()} == {"source-1.wav"}


def test_a_script_that_is_faster_by_a_hair_is_served(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prewarm, "_PATIENCE_S", -1.0)

    def ask_meanwhile(_: Path) -> list[float]:
        (folder / "request.json").write_text("{}")
        (folder / READYING).unlink(missing_ok=True)
        return [0.0]

    monkeypatch.setattr(prewarm, "_changes", ask_meanwhile)
    assert wait_for_request(folder)


def test_it_performs_what_is_asked_in_the_end(tmp_path: Path, daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACEBRIDGE_HOME", str(daemon.home))
    job = Job(tmp_path)
    (job.folder / READYING).touch()

    def ask() -> None:
        job.ask(part(start_s=0.5, end_s=1.0))
        (job.folder / READYING).unlink()

    _later(ask)
    assert len(outputs(run_named(str(job.folder)))) == 1
    assert job.status["state"] == "done"


#: Loads modules, then runs a job; writes down which modules each of them loaded, and which the run loaded after that.
RECORD = """
import atexit, importlib, json, sys
from pathlib import Path
from acebridge.cli import main
from acebridge.hosts.jobfolder import run
_, folder, record, names = sys.argv
rows = {}
for name in names.split():
    before = set(sys.modules)
    importlib.import_module(name)
    rows[name] = sorted(set(sys.modules) - before)
before = set(sys.modules)
atexit.register(lambda: Path(record).write_text(json.dumps([rows, sorted(set(sys.modules) - before)])))
sys.argv = ["acebridge", "host", "run", folder]
main()
"""


def _modules_of_run(job: Job, daemon: Daemon, names: Sequence[str]) -> tuple[dict[str, list[str]], set[str]]:
    """Repaint a mix, which takes everything that the package has; return what each name loaded, and then the run."""
    mix = {"mix": [{"file": "source-1.wav", "left": 0.5}], "frames": round(LENGTH_S * RATE_HZ)}
    job.ask({**part(start_s=0.5, end_s=1.0), "source": mix})
    record = job.folder / "record.json"
    command = [sys.executable, "-c", RECORD, str(job.folder), str(record), " ".join(names)]
    done = subprocess.run(command, env=daemon.environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr, job.status["state"]) == (0, "", "done")
    rows, run = json.loads(record.read_text("utf-8"))
    return rows, {name for name in run if name.split(".")[0] not in sys.stdlib_module_names}


def test_the_list_of_modules_is_what_a_run_loads(tmp_path: Path, daemon: Daemon) -> None:
    rows, late = _modules_of_run(Job(tmp_path / "1"), daemon, prewarm.MODULES)
    assert not late, "a run loads these itself: add a row that does it to MODULES"
    assert all(name in loaded for name, loaded in rows.items()), "another row loads it already"
    _, needed = _modules_of_run(Job(tmp_path / "2"), daemon, ())
    assert set(rows) <= needed, "a run does without: take the row out of MODULES"
