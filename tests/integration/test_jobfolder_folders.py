"""The folder of a host's jobs: what is pending, what goes, what a doctor finds, and where the command says that it is."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from acebridge.client import command_path
from acebridge.hosts.jobfolder import folders
from acebridge.hosts.jobfolder.folders import clean, pending
from acebridge.hosts.jobfolder.outputs import file_state
from acebridge.hosts.jobfolder.run import supervise
from acebridge.version import VERSION
from tests.support.daemon import Daemon
from tests.support.job_folders import Job, outputs, part
from tests.support.leftovers import dead_pid, leave_temporary
from tests.support.paths import REAPER_SCRIPTS
from tests.support.schemas import check
from tests.support.shell import Shell

HOUR_S, DAY_S = 3600.0, 86400.0


class Jobs:
    """A folder of job folders in any state."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "jobs"
        self.media = root / "Media"
        self.folder.mkdir()
        self.media.mkdir()

    def add(self, number: int, state: str | None, age_s: float, *marks: str, name: str = "") -> Path:
        job = self.folder / (name or f"20261122-21050{number}-1a2b3c4d")
        job.mkdir()
        (job / "request.json").write_text(
            json.dumps({"version": 1, "title": f"Job {number}", "media": {"folder": str(self.media)}})
        )
        if state is not None:
            status = {"version": 1, "state": state, "stage": state, "update_time": time.time() - age_s}
            (job / "status.json").write_text(json.dumps(status))
        for mark in marks:
            (job / mark).touch()
        os.utime(job, (time.time() - age_s,) * 2)
        return job

    @property
    def left(self) -> list[str]:
        return sorted(job.name[14] for job in self.folder.iterdir())


@pytest.fixture
def jobs(tmp_path: Path) -> Jobs:
    return Jobs(tmp_path)


def test_pending(jobs: Jobs, shell: Shell) -> None:
    jobs.add(0, "done", 5 * DAY_S)
    jobs.add(1, "done", 10, "placed")
    jobs.add(2, "running", 1)
    jobs.add(3, "running", 60)  # its command has gone
    jobs.add(4, "failed", 1)
    jobs.add(5, "waiting", 1)
    jobs.add(6, "cancelled", 1)
    jobs.add(7, "done", 1, name="notes")
    assert [(job.title, job.state) for job in pending(jobs.folder)] == [
        ("Job 0", "done"), ("Job 2", "running"), ("Job 5", "waiting"),
    ]  # fmt: skip
    message = json.loads(shell.run("host", "pending", jobs.folder.as_uri(), "--json").stdout)
    assert [job["id"][14] for job in message] == ["0", "2", "5"]
    assert message[1]["age_s"] >= 1
    assert {key: message[1][key] for key in message[1] if key != "age_s"} == {
        "id": "20261122-210502-1a2b3c4d", "folder": str(jobs.folder / "20261122-210502-1a2b3c4d"), "title": "Job 2",
        "action": "", "state": "running", "stage": "running", "placed": False,
    }  # fmt: skip
    assert "20261122-210505-1a2b3c4d  waiting  Job 5\n" in shell.run("reaper", "pending", str(jobs.folder)).stdout
    assert shell.failure("host", "pending", "gone").startswith("JOBS_FOLDER is ")


@pytest.mark.parametrize(("age_s", "state"), [(0.0, "running"), (29.9, "running"), (30.1, "lost")])
def test_a_command_that_is_silent_for_30_s_has_gone(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch, age_s: float, state: str
) -> None:
    job = jobs.add(0, "running", 0)
    updated = json.loads((job / "status.json").read_text())["update_time"]
    monkeypatch.setattr(folders.time, "time", lambda: updated + age_s)
    assert [job.state for job in folders.job_folders(jobs.folder)] == [state]


def test_what_is_over_goes_after_an_hour_and_the_rest_after_days(jobs: Jobs, shell: Shell) -> None:
    jobs.add(0, "done", 2 * HOUR_S, "placed")
    jobs.add(1, "done", 1800, "placed")
    jobs.add(2, "failed", 2 * HOUR_S)
    jobs.add(3, "cancelled", 1800)
    jobs.add(4, "done", 6 * DAY_S)
    jobs.add(5, "done", 8 * DAY_S)
    jobs.add(6, "running", 8 * DAY_S)  # its command ended long ago
    jobs.add(7, None, 8 * DAY_S)  # never started
    jobs.add(8, None, 10)  # just sent
    jobs.add(9, "running", 1)
    assert [job.name[14] for job in clean(jobs.folder, 7)] == ["0", "2", "5", "6", "7"]
    assert jobs.left == ["1", "3", "4", "8", "9"]
    assert shell.run("reaper", "clean", str(jobs.folder), "--days", "0").stdout.count("removed") == 3
    assert jobs.left == ["8", "9"]


def test_an_empty_folder_goes_after_an_hour(jobs: Jobs) -> None:
    for number, age_s in enumerate((2 * HOUR_S, 1800)):
        folder = jobs.add(number, None, age_s)
        for entry in folder.iterdir():
            entry.unlink()
        os.utime(folder, (time.time() - age_s,) * 2)
    assert [job.name[14] for job in clean(jobs.folder, 7)] == ["0"]
    assert jobs.left == ["1"]


def test_what_is_no_job_folder_stays(jobs: Jobs, tmp_path: Path) -> None:
    old = 30 * DAY_S
    for name in ("notes", "20261122", "20261122-210501-", "20261122-210501-1a2b3c4d.bak", ".20261122-210501-1a2b3c4d"):
        jobs.add(0, "failed", old, name=name)
    (jobs.folder / "20261122-210501-1a2b3c4d").write_text("a file")
    (jobs.folder / "20261122-210502-1a2b3c4d").mkdir()  # nothing of ours in it
    (jobs.folder / "20261122-210502-1a2b3c4d" / "song.rpp").touch()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "status.json").write_text('{"state": "failed", "update_time": 1}')
    (jobs.folder / "20261122-210503-1a2b3c4d").symlink_to(elsewhere)
    before = sorted(jobs.folder.iterdir())
    assert clean(jobs.folder, 0) == []
    assert sorted(jobs.folder.iterdir()) == before
    assert (elsewhere / "status.json").exists()


def test_cleaning_removes_what_killed_commands_left_in_media_folders(jobs: Jobs) -> None:
    running_job = jobs.add(1, "running", 1)
    stale, running = leave_temporary(jobs.media, dead_pid()), leave_temporary(jobs.media, os.getpid())
    assert clean(jobs.folder, 7) == []
    assert not stale.exists()
    assert running.exists()
    assert running_job.exists()


def test_audio_that_was_never_placed_goes_with_its_job(
    tmp_path: Path, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACEBRIDGE_HOME", str(daemon.home))  # the key of the seals is there
    job = Job(tmp_path).ask(part("extract", tracks=["bass", "fx"], output={"seeds": [3]}))
    result = job.run(daemon)
    bass, other = (Path(output["file"]) for output in outputs(result))
    other.write_bytes(other.read_bytes() + b"edited")
    (job.media / "mine.wav").write_bytes(b"mine")
    outside = tmp_path / "outside.wav"
    outside.write_bytes(bass.read_bytes())
    link = job.media / "link.wav"
    link.symlink_to(outside)
    # A result that lists more than it wrote.
    listed = result["parts"][0]["takes"][0]["outputs"]
    for file in (outside, job.media / ".." / ".." / "outside.wav", link, job.media / "mine.wav"):
        for seal in (listed[0]["seal"], "", "ä", 7, None):
            listed.append({**listed[0], "file": str(file), "written": file_state(file), "seal": seal})
    for file in ("", None, 7):
        listed.append({**listed[0], "file": str(file) if file != 7 else 7})
    result["parts"].append("nonsense")
    (job.folder / "result.json").write_text(json.dumps(result))
    assert clean(job.folder.parent, 7) == []
    status = job.status
    (job.folder / "status.json").write_text(json.dumps({**status, "update_time": time.time() - 8 * DAY_S}))
    assert clean(job.folder.parent, 7) == [job.folder]
    assert not bass.exists()
    assert job.media_files == {other.name, "mine.wav", "link.wav"}
    assert outside.exists()


def test_audio_on_tracks_stays(tmp_path: Path, daemon: Daemon) -> None:
    job = Job(tmp_path).ask(part())
    (made,) = outputs(job.run(daemon))
    (job.folder / "placed").touch()
    assert clean(job.folder.parent, 0) == [job.folder]
    assert Path(made["file"]).exists()


def test_doctor_for_a_script(shell: Shell, tmp_path: Path) -> None:
    job = tmp_path / "REAPER" / "AceBridge" / "jobs" / "20261122-210501-1a2b3c4d"
    job.mkdir(parents=True)
    shell.run("reaper", "doctor", job.as_uri(), code=4)  # for lack of scripts
    result: Any = json.loads((job / "result.json").read_text("utf-8"))
    check("result", result)
    found = {finding["about"]: finding for finding in result["findings"]}
    assert result["version"] == 1
    assert {"Python", "daemon", "engines", "command", "REAPER", "scripts"} <= set(found)
    assert set(found["REAPER"]) == {"about", "ok", "says", "remedy"}
    assert (found["REAPER"]["ok"], str(tmp_path / "REAPER") in found["REAPER"]["says"]) == (True, True)
    assert found["scripts"]["ok"] is False
    assert "ReaPack" in found["scripts"]["remedy"]
    assert json.loads((job / "status.json").read_text("utf-8"))["state"] == "done"
    scripts = tmp_path / "REAPER" / "Scripts" / "AceBridge"
    scripts.mkdir(parents=True)
    (scripts / "AceBridge_Cover.lua").touch()
    shutil.copytree(REAPER_SCRIPTS / "lib", scripts / "lib")
    message = json.loads(
        shell.run("reaper", "doctor", str(job), "--json", code=0 if command_path.own_command() else 4).stdout
    )
    (finding,) = [finding for finding in message if finding["about"] == "scripts"]
    assert (finding["ok"], finding["says"]) == (True, f"1 actions in {scripts}, version {VERSION}")
    assert pending(job.parent) == []


def test_doctor_for_any_host(shell: Shell, tmp_path: Path) -> None:
    job = tmp_path / "jobs" / "20261122-210501-1a2b3c4d"
    job.mkdir(parents=True)
    code = 0 if command_path.own_command() else 4
    message = json.loads(shell.run("host", "doctor", job.as_uri(), "--json", code=code).stdout)
    result = json.loads((job / "result.json").read_text("utf-8"))
    check("result", result)
    assert result == {"version": 1, "command_version": VERSION, "findings": message}
    about = [finding["about"] for finding in message]
    assert about[-1] == "command"
    assert "REAPER" not in about
    message = json.loads(shell.run("host", "doctor", "--host", "reaper", "--json", code=4).stdout)
    assert [finding["about"] for finding in message] == [*about, "REAPER", "scripts"]
    assert (
        shell.failure("host", "doctor", "--host", "cubase")
        == "--host is 'cubase'; allowed: generic, reaper, ardour, protools, live."
    )


def test_doctor_for_people(shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("HOME", "XDG_CONFIG_HOME", "APPDATA"):
        monkeypatch.setenv(name, str(tmp_path))
    done = shell.run("reaper", "doctor", code=4)
    assert "BAD  REAPER: there is no resource folder " in done.stdout
    assert "     Install REAPER and start it once" in done.stdout


def test_a_script_may_remove_the_folder_once_it_has_its_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from acebridge.hosts.jobfolder import run

    def then_gone(path: Path, _: Any) -> None:
        for file in path.parent.iterdir():
            file.unlink()
        path.parent.rmdir()

    job = tmp_path / "job"
    job.mkdir()
    monkeypatch.setattr(run, "write_json", then_gone)
    assert supervise(job, lambda _: {"findings": []}) == {"findings": []}
    assert not job.exists()


def test_the_result_of_an_earlier_run_is_gone_while_the_next_one_works(tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    result.write_text('{"earlier": true}')
    assert supervise(tmp_path, lambda _: {"there": result.exists()}) == {"there": False}
    assert json.loads(result.read_text()) == {"there": False}


def test_the_command_says_where_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    home, name = tmp_path / "기타 home", command_path.NAME
    monkeypatch.setenv("ACEBRIDGE_HOME", str(home))
    tools = tmp_path / "tools"
    tools.mkdir()
    monkeypatch.setattr(sys, "executable", str(tools / "python"))
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "daemon" / "cli" / "__main__.py")])
    command_path.record()
    assert not home.exists()  # nothing is known
    (tools / name).touch()
    command_path.record()
    assert (home / "command").read_text("utf-8") == f"{tools / name}\n"
    other = tmp_path / "other" / name
    other.parent.mkdir()
    other.touch()
    monkeypatch.setattr(sys, "argv", [str(other)])
    command_path.record()
    assert (home / "command").read_text("utf-8") == f"{other}\n"
    monkeypatch.setenv("ACEBRIDGE_HOME", str(tools / name))  # a file: no folder to write to
    command_path.record()


def test_serving_notes_the_command(shell: Shell, daemon: Daemon) -> None:
    beside = Path(sys.executable).parent / command_path.NAME
    if beside.is_file():
        assert (daemon.home / "command").read_text("utf-8") == f"{beside}\n"
    (daemon.home / "command").unlink(missing_ok=True)
    jobs = shell.folder / "jobs"
    jobs.mkdir()
    shell.run("reaper", "pending", str(jobs))
    assert (daemon.home / "command").exists() == beside.is_file()
