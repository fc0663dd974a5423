"""job.lua: the request that REAPER's scripts write is as the protocol says."""

from __future__ import annotations

import json
import os
from pathlib import Path

from acebridge.hosts.jobfolder import VERSION
from acebridge.hosts.jobfolder.request import read_request
from tests.support import schemas
from tests.support.lua_modules import Leaves


def test_scripts_and_command_speak_the_same_version() -> None:
    assert Leaves()["job"].VERSION == VERSION


def test_a_request_says_which_host_and_version_it_is_of(tmp_path: Path) -> None:
    leaves = Leaves(
        GetResourcePath=lambda: os.fsencode(tmp_path),
        GetAppVersion=lambda: b"7.16/linux-x86_64",
        genGuid=lambda _: b"{0F5C1A2B-3C4D-0000-0000-000000000000}",
    )
    command = tmp_path / "acebridge"
    command.touch()
    leaves["settings"].set(b"command", os.fsencode(command))
    job = leaves["job"]
    number = job.new()
    parts = leaves.lua.eval('{ { task = "text2music", fields = { duration_s = 8 } } }')
    assert job.submit(number, leaves.lua.table_from({b"parts": parts})) is True
    (folder,) = (tmp_path / "AceBridge" / "jobs").iterdir()
    request = json.loads((folder / "request.json").read_text("utf-8"))
    schemas.check("request", request)
    assert (request["version"], request["id"]) == (VERSION, number.decode())
    assert folder.name == number.decode()
    assert read_request(folder).host == "REAPER 7.16/linux-x86_64"
    assert [line.decode().split('"')[-1] for line, _ in leaves.commands] == [f" reaper run {folder.as_uri()}"]
