"""The commands of docs/http.md run as they stand, in order; its settings are all that there are."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from acebridge.config import HttpSettings
from tests.support.daemon import Daemon
from tests.support.edge import edge_of
from tests.support.paths import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TEXT = (ROOT / "docs" / "http.md").read_text("utf-8")


@pytest.mark.slow
def test_the_commands_run(daemon: Daemon, tmp_path: Path) -> None:
    first, *blocks = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
    assert "acebridge panel serve" in first  # which is what the test does
    with edge_of(daemon) as edge:
        script = "set -eo pipefail\n" + "".join(blocks).replace("127.0.0.1:50780", f"127.0.0.1:{edge.port}")
        environment = {**daemon.environment, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
        done = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    song = (tmp_path / "song.wav").read_bytes()
    assert song[:4] == b"RIFF"
    assert (tmp_path / "same.wav").read_bytes() == song
    assert (tmp_path / "header.bin").read_bytes() == song[:44]
    assert '"openapi":"3.1.0"' in (tmp_path / "openapi.json").read_text("utf-8")
    assert done.stdout.count("event: completed") == 2
    assert '"expire_time"' in done.stdout


def test_the_settings_that_are_shown_are_all() -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    table = tomllib.loads(text)["http"]
    assert table == HttpSettings().model_dump()


def test_the_error_that_is_shown_is_what_is_answered(daemon: Daemon) -> None:
    (shown,) = re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)
    with edge_of(daemon) as edge:
        assert edge.ask("POST", "/v1/TaskService/TextToMusic", {"duration_s": 601}).json == json.loads(shown)
