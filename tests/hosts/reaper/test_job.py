"""job.lua: the request that REAPER's scripts write is as the protocol says."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from acebridge.hosts.jobfolder import VERSION
from acebridge.hosts.jobfolder.request import read_request
from acebridge.version import VERSION as COMMAND_VERSION
from tests.support import schemas
from tests.support.lua_modules import Leaves


def test_scripts_and_command_speak_the_same_version() -> None:
    assert Leaves()["jobs/job"].VERSION == VERSION


def test_a_request_says_which_host_and_version_it_is_of(tmp_path: Path) -> None:
    leaves = Leaves(
        GetResourcePath=lambda: os.fsencode(tmp_path),
        GetAppVersion=lambda: b"7.16/linux-x86_64",
        genGuid=lambda _: b"{0F5C1A2B-3C4D-0000-0000-000000000000}",
    )
    command = tmp_path / "acebridge"
    command.touch()
    leaves["settings"].set(b"command", os.fsencode(command))
    job = leaves["jobs/job"]
    number = job.new()
    parts = leaves.lua.eval('{ { task = "text2music", fields = { duration_s = 8 } } }')
    assert job.submit(number, leaves.lua.table_from({b"parts": parts})) is True
    (folder,) = (tmp_path / "AceBridge" / "jobs").iterdir()
    request = json.loads((folder / "request.json").read_text("utf-8"))
    schemas.check("request", request)
    assert (request["version"], request["id"]) == (VERSION, number.decode())
    assert folder.name == number.decode()
    assert request["host"]["scripts"] == COMMAND_VERSION
    assert read_request(folder).host == "REAPER 7.16/linux-x86_64"
    assert [line.decode().split('"')[-1] for line, _ in leaves.commands] == [f" reaper run {folder.as_uri()}"]


@pytest.fixture
def leaves(tmp_path: Path) -> Leaves:
    """The modules, in a REAPER whose jobs lie below ``tmp_path``."""
    return Leaves(
        GetResourcePath=lambda: os.fsencode(tmp_path), GetAppVersion=lambda: b"7.40/x64", time_precise=lambda: 1.0
    )


def state_after(leaves: Leaves, tmp_path: Path, seconds: float, *files: str) -> dict[str, Any]:
    """Return the state of a job whose request was made that long ago, and whose command has said nothing."""
    folder = tmp_path / "AceBridge" / "jobs" / "a"
    folder.mkdir(parents=True, exist_ok=True)
    for name in files:
        (folder / name).touch()
    request = leaves.lua.table_from({b"create_time": int(time.time() - seconds)})
    return {key.decode(): value for key, value in leaves["jobs/job"].status(b"a", request).items()}


def test_a_command_that_starts_slowly_is_waited_for(leaves: Leaves, tmp_path: Path) -> None:
    assert state_after(leaves, tmp_path, 60)["stage"] == b"starting"
    for seconds in (100, 3500):
        state = state_after(leaves, tmp_path, seconds)
        assert state["state"] == b"starting"
        assert state["stage"].startswith(b"still starting")
    state = state_after(leaves, tmp_path, 3700)
    assert (state["state"], state["message"]) == (b"failed", b"The acebridge command did not start.")


def test_a_job_whose_command_has_not_started_can_be_cancelled(leaves: Leaves, tmp_path: Path) -> None:
    assert state_after(leaves, tmp_path, 5, "cancel")["state"] == b"starting", (
        "it may come at any moment, and says how it ends"
    )
    assert state_after(leaves, tmp_path, 100, "cancel") == {"state": b"cancelled"}


def test_a_command_that_does_not_fit_is_stopped(leaves: Leaves, tmp_path: Path) -> None:
    folder = tmp_path / "AceBridge" / "jobs" / "a"
    folder.mkdir(parents=True)
    (folder / "status.json").write_text(json.dumps({"state": "running", "command_version": "0.9.0", "update_time": 1}))
    state = leaves["jobs/job"].status(b"a", None)
    assert state[b"state"] == b"failed"
    assert state[b"message"].decode() == f"The scripts are {COMMAND_VERSION}, the command is 0.9.0: update the scripts."
    assert (folder / "cancel").exists()
