"""Job folders that are damaged or hostile: they never harm other jobs, nor audio that is on tracks."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from acebridge.hosts.jobfolder.folders import clean, job_folders, pending
from acebridge.hosts.jobfolder.outputs import file_state
from acebridge.hosts.jobfolder.request import parse_request, read_request
from acebridge.hosts.jobfolder.seal import make_seal
from acestep_runtime.errors import InvalidValue
from tests.support.shell import Shell

DAY_S = 86400.0
DEEP = "[" * 200_000


def add(jobs: Path, name: str, age_s: float = 10 * DAY_S, **files: str) -> Path:
    """Add a job that is done; ``files`` are the texts of its documents, where they are other ones."""
    folder = jobs / f"20261122-210501-{name}"
    folder.mkdir(parents=True)
    documents = {
        "request": json.dumps({"version": 1, "title": name}),
        "status": json.dumps({"state": "done", "update_time": time.time() - age_s}),
        **files,
    }
    for document, text in documents.items():
        (folder / f"{document}.json").write_text(text)
    os.utime(folder, (time.time() - age_s,) * 2)
    return folder


DAMAGE = {
    "request nested deeply": {"request": DEEP},
    "status nested deeply": {"status": DEEP},
    "time of 400 digits": {"status": '{"state": "done", "update_time": 1' + "0" * 400 + "}"},
    "time of 5000 digits": {"status": '{"state": "done", "update_time": 1' + "0" * 5000 + "}"},
    "time that is no number": {"status": '{"state": "done", "update_time": NaN}'},
    "time without a begin": {"status": '{"state": "done", "update_time": -Infinity}'},
    "time to come": {"status": '{"state": "done", "update_time": 9e12}'},
    "half a letter": {"request": '{"title": "\\ud800", "action": "\\udfff"}'},
    "control characters": {"request": '{"title": "a\\u001b[31m\\nb"}'},
    "result nested deeply": {"result": DEEP},
}


@pytest.mark.parametrize("files", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_job_hides_no_other_one_and_goes_with_its_time(
    tmp_path: Path, shell: Shell, files: dict[str, str]
) -> None:
    jobs = tmp_path / "jobs"
    bad, good = add(jobs, "bad0", **files), add(jobs, "good")
    assert good in [job.folder for job in pending(jobs)]
    listed = shell.run("host", "pending", str(jobs)).stdout.splitlines()
    assert listed[-1] == f"{good.name}  done  good"
    assert len(listed) <= 2
    assert json.loads(shell.run("host", "pending", str(jobs), "--json").stdout)[-1]["id"] == good.name
    assert clean(jobs, 11) == []
    assert clean(jobs, 9) == [bad, good]


@pytest.mark.parametrize("updated", ["9e12", "NaN", "Infinity", "1e999", "null", '"now"'])
def test_a_status_without_a_time_that_can_be_is_as_old_as_its_folder(tmp_path: Path, updated: str) -> None:
    running = '{"state": "running", "update_time": ' + updated + "}"
    for name, age_s in (("past", 40.0), ("live", 5.0), ("next", -40.0)):
        add(tmp_path, name, age_s, status=running)
    states = {job.title: job.state for job in job_folders(tmp_path)}
    assert states == {"past": "lost", "live": "running", "next": "lost"}
    assert all(0.0 <= job.age_s < 60.0 for job in job_folders(tmp_path))


def test_a_request_that_is_nested_too_deeply_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "request.json").write_text(DEEP)
    with pytest.raises(InvalidValue, match=r"request\.json is nested too deeply\."):
        read_request(tmp_path)
    for depth in (100, 500, 900):
        nested: Any = "[" * depth + "]" * depth
        (tmp_path / "request.json").write_text('{"version": 1, "parts": [{"task": ' + nested + "}]}")
        with pytest.raises(InvalidValue):
            read_request(tmp_path)


@pytest.mark.parametrize("media", ["", "audio", "audio/../more", "../link"])
def test_a_media_folder_inside_the_job_folder_is_refused(tmp_path: Path, media: str) -> None:
    folder = tmp_path / "job"
    folder.mkdir()
    (tmp_path / "link").symlink_to(folder, target_is_directory=True)
    parts = [{"task": "text2music"}]
    with pytest.raises(InvalidValue, match=r"media\.folder is .*; allowed: a folder outside the job folder"):
        parse_request({"version": 1, "media": {"folder": f"{folder}/{media}"}, "parts": parts}, folder)
    for outside in (tmp_path, tmp_path / "job2", folder / ".." / "audio"):
        request = parse_request({"version": 1, "media": {"folder": str(outside)}, "parts": parts}, folder)
        assert request.media == outside


def test_a_job_folder_that_holds_audio_of_its_result_stays(tmp_path: Path) -> None:
    """Also one that is placed: its audio is on tracks. What was never placed and is as it was written goes."""
    jobs, kept = tmp_path / "jobs", {}
    for name, placed, edited in (("plac", True, False), ("edit", False, True), ("free", False, False)):
        audio = jobs / f"20261122-210501-{name}" / "audio"
        file = audio / "song.wav"
        folder = add(jobs, name, request=json.dumps({"media": {"folder": str(audio)}}))
        audio.mkdir()
        file.write_bytes(b"song")
        written = [0, 0] if edited else file_state(file)
        output = {"file": str(file), "written": written, "seal": make_seal(folder, file, written)}
        (folder / "result.json").write_text(json.dumps({"parts": [{"takes": [{"outputs": [output]}]}]}))
        if placed:
            (folder / "placed").touch()
        kept[name] = file
    assert [folder.name[-4:] for folder in clean(jobs, 7)] == ["free"]
    assert {name: file.exists() for name, file in kept.items()} == {"plac": True, "edit": True, "free": False}
    kept["plac"].unlink()  # the project was saved elsewhere, with its media
    assert [folder.name[-4:] for folder in clean(jobs, 7)] == ["plac"]
