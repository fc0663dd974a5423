"""The page on a daemon on another machine: its commands and its program run as they stand, its settings are settings."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile

from acebridge.client.known_daemons import read_known
from acebridge.config import Config, tomllib
from tests.support.certificates import make_pair
from tests.support.daemon import PATIENCE_S
from tests.support.paths import ROOT
from tests.support.studio import Studio, on_the_laptop, on_the_studio, studio_at
from tests.support.terminal import converse

PAGE = (ROOT / "docs" / "remote.md").read_text("utf-8")
#: What stands on the page for what only a reader knows.
_ADDRESS, _FINGERPRINT = "studio.local:50710", "sha256:3f5a…"


def blocks(language: str) -> list[str]:
    found = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return [str(each).replace("\n  ", "\n") for each in found]


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    (setting, _) = blocks("toml")
    with studio_at(tmp_path_factory.mktemp("studio"), setting) as studio:
        yield studio


def with_path(environment: dict[str, str]) -> dict[str, str]:
    return {**environment, "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))}


def run(*command: str | Path, folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        command, cwd=folder, env=with_path(environment), capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_commands_on_the_studio_machine_run(studio: Studio, tmp_path: Path) -> None:
    (commands, _, _, _) = blocks("sh")
    home = studio.daemon.home
    said = run("sh", "-e", "-c", commands, folder=tmp_path, environment=on_the_studio(studio))
    assert f"ok   TLS: on at 0.0.0.0; certificate {studio.fingerprint}, valid until " in said
    assert f"\ncertificate: {studio.fingerprint}\n" in said
    assert re.fullmatch("[0-9a-f]{64}", said.splitlines()[-1])
    assert (
        Path(run("acebridge", "config", "path", folder=tmp_path, environment=on_the_studio(studio)).strip()).parent
        == home
    )


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such terminals")
def test_the_commands_on_the_laptop_run(studio: Studio, tmp_path: Path, home: Path) -> None:
    (_, _, commands, _) = blocks("sh")
    commands = commands.replace(_ADDRESS, studio.address)
    environment = with_path(on_the_laptop(home))
    said, code = converse(["sh", "-e", "-c", commands], ["y", studio.token], folder=tmp_path, environment=environment)
    assert code == 0, said
    assert (
        soundfile.info(tmp_path / "song.wav").frames == soundfile.info(tmp_path / "repainted.wav").frames == 4 * 48_000
    )
    assert f" at {studio.address}, process {studio.daemon.pid}" in said


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such terminals")
def test_the_commands_that_connect_run(studio: Studio, tmp_path: Path, home: Path) -> None:
    (_, commands, _, _) = blocks("sh")
    commands = commands.replace(_ADDRESS, studio.address) + "acebridge stop\n"
    (home / "config.toml").write_text("port = 0\n", "utf-8")
    environment = with_path(on_the_laptop(home))
    said, code = converse(["sh", "-e", "-c", commands], ["y", studio.token], folder=tmp_path, environment=environment)
    assert code == 0, said
    assert soundfile.info(tmp_path / "song.wav").frames == 4 * 48_000
    assert f"connected: neural jobs go to {studio.address}" in said
    assert f"connected to {studio.address}: it answers" in said
    assert f"connected to {studio.address}: version " in said
    assert f"disconnected from {studio.address}" in said
    assert (home / "config.toml").read_text("utf-8") == "port = 0\n"


def test_the_commands_of_a_script_run(studio: Studio, tmp_path: Path, home: Path) -> None:
    (_, _, _, commands) = blocks("sh")
    (tmp_path / "token.txt").write_text(studio.token)
    commands = commands.replace(_ADDRESS, studio.address).replace(_FINGERPRINT, studio.fingerprint)
    said = run("sh", "-e", "-c", commands, folder=tmp_path, environment=on_the_laptop(home))
    assert said.splitlines()[1:] == [f"{studio.address}\t{studio.fingerprint}\tyes", f"forgot {studio.address}"]
    assert read_known(home) == {}


def test_the_program_runs(studio: Studio, tmp_path: Path, home: Path) -> None:
    (program,) = blocks("python")
    trust = ("trust", studio.address, "--fingerprint", studio.fingerprint)
    environment = {**on_the_laptop(home), "ACEBRIDGE_TOKEN": studio.token}
    run("acebridge", *trust, folder=tmp_path, environment=environment)
    program = program.replace(_ADDRESS, studio.address)
    run(sys.executable, "-c", program, folder=tmp_path, environment=on_the_laptop(home))
    assert soundfile.info(tmp_path / "from python.flac").frames == 4 * 48_000


def test_the_settings_are_settings(tmp_path: Path) -> None:
    make_pair("studio").write(tmp_path)
    for block in blocks("toml"):
        assert Config.model_validate(tomllib.loads(block))
