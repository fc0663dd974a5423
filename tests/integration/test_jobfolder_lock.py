"""One command works on a job folder at a time."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from acebridge.errors import Conflict
from acebridge.hosts.jobfolder import LOCK
from acebridge.hosts.jobfolder.run import supervise
from tests.support.shell import Shell


def content(folder: Path) -> dict[str, tuple[bytes, int]]:
    """The files of a folder with what they hold and when they were changed.

    Not the status, which is written all the time, under a hidden name first.
    """
    files = (file for file in folder.iterdir() if file.name != "status.json" and file.suffix != ".part")
    return {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in files}


def test_a_second_command_ends_at_once_and_touches_nothing(tmp_path: Path, shell: Shell) -> None:
    job = tmp_path / "job"
    job.mkdir()
    (job / "request.json").write_text("{}")

    def work(_: object) -> dict[str, int]:
        before = content(job)
        assert LOCK in before
        for again in (job, Path(os.path.relpath(job))):
            with pytest.raises(Conflict, match=r"^Another command works on the job folder .*\. Wait until"):
                supervise(again, lambda _: {"second": 1})
        said = shell.failure("host", "run", job.as_uri())
        assert said.startswith(f"Another command works on the job folder {job}. Wait until its status.json says")
        assert content(job) == before
        return {"first": 1}

    assert supervise(job, work) == {"first": 1}
    assert sorted(file.name for file in job.iterdir()) == ["log.txt", "request.json", "result.json", "status.json"]
    assert supervise(job, lambda _: {"third": 1}) == {"third": 1}


def test_a_job_that_fails_leaves_the_folder_free(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(Exception, match="in an unexpected way: ZeroDivisionError"):
            supervise(tmp_path, lambda _: {"never": 1 // 0})
        assert not (tmp_path / LOCK).exists()


def test_a_command_that_was_killed_leaves_the_folder_free(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, sys; from acebridge.hosts.jobfolder.run import supervise\n"
        "supervise(pathlib.Path(sys.argv[1]), lambda _: os._exit(9))"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False, timeout=60).returncode == 9
    assert (tmp_path / LOCK).exists()
    assert supervise(tmp_path, lambda _: {"next": 1}) == {"next": 1}
    assert not (tmp_path / LOCK).exists()


def test_a_folder_that_is_removed_in_the_middle_of_the_work_stays_removed(tmp_path: Path) -> None:
    job = tmp_path / "job"
    job.mkdir()
    with pytest.raises(Exception, match="cannot be written"):
        supervise(job, lambda _: shutil.rmtree(job) or {"done": 1})
    assert not job.exists()
