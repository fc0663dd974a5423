"""Commands about settings, the log, the service, help and completion."""

from __future__ import annotations

import json
import plistlib
from pathlib import Path

import pytest

from tests.support.daemon import Daemon
from tests.support.shell import Shell


def test_settings_and_their_places(alone: Shell) -> None:
    home = Path(alone.environment["ACEBRIDGE_HOME"])
    file = home / "config.toml"
    assert alone.run("config", "path").stdout == f"{file}\n"
    file.write_text("port = 0\nquota_bytes = 7\n")
    alone.environment["ACEBRIDGE_QUOTA_BYTES"] = "8"
    shown = json.loads(alone.run("config", "show", "--json").stdout)
    assert shown["port"] == {"value": 0, "from": str(file)}
    assert shown["quota_bytes"] == {"value": 8, "from": "the environment variable ACEBRIDGE_QUOTA_BYTES"}
    assert shown["idle_unload_s"] == {"value": 300.0, "from": "default"}
    assert shown["data_dir"] == {"value": str(home), "from": "the environment variable ACEBRIDGE_HOME"}
    rows = dict(line.split("\t", 1) for line in alone.run("config", "show").stdout.splitlines())
    assert rows["port"] == f"0\t{file}"
    assert rows.keys() == shown.keys()
    file.write_text("port = 70000\n")
    assert alone.failure("config", "show").startswith(f"Setting port in {file} is 70000: ")


def test_the_log_of_a_daemon(shell: Shell, daemon: Daemon) -> None:
    lines = shell.run("logs", "--json").stdout.splitlines()
    assert any(json.loads(line)["message"] == "serving" for line in lines)
    assert f"serving address={daemon.address}" in shell.run("logs").stdout
    assert len(shell.run("logs", "-n", "1").stdout.splitlines()) == 1


def test_no_log_yet(alone: Shell) -> None:
    assert alone.failure("logs").startswith("There is no log ")


def test_the_file_of_a_service_runs_this_command_with_this_folder(alone: Shell) -> None:
    home = alone.environment["ACEBRIDGE_HOME"]
    agent = plistlib.loads(alone.run("service", "install", "--print", "--system", "darwin").stdout.encode())
    command, *arguments = agent["ProgramArguments"]
    assert Path(command).is_absolute()
    assert Path(command).exists()
    assert arguments[-3:] == ["serve", "--home", home]
    for system in ("linux", "win32"):
        assert home in alone.run("service", "install", "--print", "--system", system).stdout
    assert alone.failure("service", "install", "--system", "darwin").endswith("Use it with --print only.")


def test_the_option_for_the_data_folder(alone: Shell, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "config.toml").write_text("port = 70000\n")
    assert str(other / "config.toml") in alone.failure("serve", "--home", str(other))


@pytest.mark.parametrize("words", [(), ("generate",), ("jobs", "watch")])
def test_help_is_a_command(shell: Shell, words: tuple[str, ...]) -> None:
    assert shell.run("help", *words).stdout == shell.run(*words, "--help").stdout


def test_completion(alone: Shell) -> None:
    alone.environment |= {"_ACEBRIDGE_COMPLETE": "complete_bash", "COMP_WORDS": "acebridge gen", "COMP_CWORD": "1"}
    assert alone.run().stdout.split() == ["generate"]
