"""The files that describe a service, read back by an independent reader of each format."""

from __future__ import annotations

import plistlib
import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

from acebridge.errors import AceBridgeError, Unavailable
from acebridge.system_service.base import Command, Program
from acebridge.system_service.install import ServiceFailed, check_program, install, is_active, run_command, uninstall
from acebridge.system_service.registry import SERVICES, service_of

AWKWARD = r"""a b"c%d$e\f'g"""
SPACE = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"


@pytest.fixture(autouse=True)
def user_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return tmp_path / "user"


def program(folder: Path, name: str = "acebridge") -> Program:
    executable = folder / name
    executable.parent.mkdir(parents=True, exist_ok=True)
    executable.write_text("#!/bin/sh\n")
    executable.chmod(0o755)
    return Program((str(executable), "serve", "--home", str(folder)), folder)


def unit_words(line: str) -> list[str]:
    """Split a command line as systemd.service(5) says."""
    words = re.findall(r'"((?:\\.|[^"\\])*)"', line)
    return [re.sub(r"\\(.)", r"\1", word).replace("%%", "%").replace("$$", "$") for word in words]


def test_a_unit(tmp_path: Path) -> None:
    wanted = program(tmp_path / AWKWARD, AWKWARD)
    text = SERVICES["linux"].text(wanted)
    (start,) = re.findall(r"^ExecStart=(.*)$", text, re.M)
    assert unit_words(start) == list(wanted.command)
    (folder,) = re.findall(r"^WorkingDirectory=(.*)$", text, re.M)
    assert folder.replace("%%", "%") == str(wanted.data_dir)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "acebridge.service"
    unit.write_text(SERVICES["linux"].text(program(tmp_path / "a b%c")))
    done = subprocess.run(
        ["systemd-analyze", "--user", "verify", str(unit)], capture_output=True, text=True, timeout=120
    )
    assert "acebridge.service" not in done.stderr, done.stderr


def test_an_agent(tmp_path: Path) -> None:
    wanted = program(tmp_path / AWKWARD)
    agent = plistlib.loads(SERVICES["darwin"].text(wanted).encode())
    assert agent["ProgramArguments"] == list(wanted.command)
    assert agent["WorkingDirectory"] == str(wanted.data_dir)
    assert agent["RunAtLoad"] is True
    assert agent["KeepAlive"] == {"SuccessfulExit": False}


def test_a_task(tmp_path: Path) -> None:
    wanted = program(tmp_path / "a <b> & c")
    text = SERVICES["win32"].text(wanted)
    task = ElementTree.fromstring(text.encode("utf-16"))
    assert task.tag == f"{SPACE}Task"
    found = {each.tag.removeprefix(SPACE): each.text for each in task.iter()}
    assert found["Command"] == wanted.command[0]
    assert found["Arguments"] == f'serve --home "{wanted.data_dir}"'
    assert found["WorkingDirectory"] == str(wanted.data_dir)
    assert found["ExecutionTimeLimit"] == "PT0S"
    order = ["RegistrationInfo", "Triggers", "Principals", "Settings", "Actions"]
    assert [child.tag.removeprefix(SPACE) for child in task] == order


class System:
    """Commands that are noted, and end as they are told."""

    def __init__(self, **fails: str) -> None:
        self.ran: list[Command] = []
        self._fails = fails

    def __call__(self, command: Command) -> tuple[int, str]:
        self.ran.append(command)
        says = next((text for word, text in self._fails.items() if word in command), None)
        return (0, "") if says is None else (1, says)


@pytest.mark.parametrize("name", SERVICES)
def test_install_and_uninstall(name: str, tmp_path: Path, user_home: Path) -> None:
    service, wanted = SERVICES[name], program(tmp_path / "data")
    system = System()
    assert uninstall(service, wanted.data_dir, system) is None
    assert not system.ran
    for _ in range(2):  # once more after an update
        file = install(service, wanted, system)
        assert file.read_text(service.encoding) == service.text(wanted)
    assert file.is_relative_to(wanted.data_dir if name == "win32" else user_home)
    assert is_active(service, system)
    before = len(system.ran)
    assert uninstall(service, wanted.data_dir, system) == file
    assert not file.exists()
    assert len(system.ran) > before
    assert len({command[0] for command in system.ran}) == 1


@pytest.mark.parametrize(
    ("name", "word"), [("linux", "restart"), ("linux", "enable"), ("darwin", "bootstrap"), ("win32", "/Create")]
)
def test_what_the_system_refuses_is_said_with_the_command_to_try(name: str, word: str, tmp_path: Path) -> None:
    service, wanted = SERVICES[name], program(tmp_path / "data")
    system = System(**{word: "Failed to connect to bus: No medium found.\nmore"})
    with pytest.raises(ServiceFailed) as caught:
        install(service, wanted, system)
    file = service.file(wanted.data_dir)
    assert caught.value.message == (
        f"The {service.name} is written to {file}, but not started: Failed to connect to bus: No medium found."
    )
    assert caught.value.remedy.startswith("Start it with: ")
    assert word in caught.value.remedy
    assert file.exists()
    assert not is_active(service, System(**{service.query()[1]: "no", service.query()[-1]: "no"}))


def test_a_command_that_is_not_there() -> None:
    assert run_command(("no-such-command-here",)) == (127, "no-such-command-here: No such file or directory")


@pytest.mark.parametrize(("name", "program"), [("linux", "systemctl"), ("darwin", "launchctl"), ("win32", "schtasks")])
def test_a_machine_without_the_program_for_services(name: str, program: str) -> None:
    asked: list[str] = []
    check_program(service_of(name), lambda word: asked.append(word) or "/bin/it")
    assert asked == [program]
    with pytest.raises(ServiceFailed, match=rf"^There is no .* here: this machine has no `{program}`\.") as caught:
        check_program(service_of(name), lambda _: None)
    assert "`acebridge serve`" in caught.value.remedy


def test_a_system_without_services() -> None:
    with pytest.raises(Unavailable, match="knows no services of the system plan9"):
        service_of("plan9")
    assert issubclass(ServiceFailed, AceBridgeError)
