"""Workers that outlive their daemon."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from acebridge.workers.orphans import WorkerRecord, start_of

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no process can be stopped there")


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process that is stopped."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"]) as process:
        psutil.Process(process.pid).suspend()
        yield process
        process.kill()


def test_one_that_is_stopped_is_ended(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    WorkerRecord(tmp_path / "workers.json").add(sleeper.pid)
    WorkerRecord(tmp_path / "workers.json").end_all()
    assert sleeper.wait() == -9
    assert not (tmp_path / "workers.json").exists()
    WorkerRecord(tmp_path / "workers.json").end_all()


def test_another_process_of_the_same_id_is_left_alone(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    (tmp_path / "workers.json").write_text(json.dumps({sleeper.pid: "5", 2**22 + 1: ""}))
    WorkerRecord(tmp_path / "workers.json").end_all()
    assert sleeper.poll() is None


def test_those_that_have_ended_are_forgotten(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    record = WorkerRecord(tmp_path / "workers.json")
    ended = subprocess.Popen([sys.executable, "-c", ""])
    record.add(ended.pid)
    ended.wait()
    record.add(sleeper.pid)
    record.add(ended.pid)
    assert json.loads((tmp_path / "workers.json").read_text()) == {str(sleeper.pid): start_of(sleeper.pid)}


@pytest.mark.parametrize("text", ["", "[]", "{", '{"x": 1}'])
def test_a_damaged_record_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "workers.json").write_text(text)
    WorkerRecord(tmp_path / "workers.json").end_all()
    assert not (tmp_path / "workers.json").exists()


def test_a_record_that_cannot_be_written_stops_no_worker(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    (tmp_path / "file").write_text("")
    WorkerRecord(tmp_path / "file" / "workers.json").add(sleeper.pid)  # as on a full disk
