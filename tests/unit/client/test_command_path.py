"""What starts AceBridge in the background."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from acebridge.client import command_path
from acebridge.hosts.jobfolder import doctor


def test_a_program_without_a_console_is_preferred(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = (sys.executable, "-m", "acebridge.cli")
    monkeypatch.setattr(command_path, "own_command", lambda: None)
    assert command_path.background_command() == module
    monkeypatch.setattr(command_path, "own_command", lambda: tmp_path / "acebridge.exe")
    assert command_path.background_command() == module
    (tmp_path / "acebridgew.exe").touch()
    assert command_path.background_command() == (str(tmp_path / "acebridgew.exe"),)


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        (r"C:\Program Files\WindowsApps\PythonSoftwareFoundation.Python.3.12_3.12.2800.0_x64__qbz5n2kfra8p0", True),
        (r"c:\program files\windowsapps\pythonsoftwarefoundation.python.3.12_3.12.2800.0_x64__qbz5n2kfra8p0", True),
        ("C:/Program Files/WindowsApps/PythonSoftwareFoundation.Python.3.13_x", True),
        (r"C:\Users\a\AppData\Local\Programs\Python\Python312", False),
        (r"C:\Users\a\AppData\Local\Microsoft\WindowsApps", False),
        (sys.base_prefix, False),
    ],
)
def test_the_python_of_the_microsoft_store_is_known(prefix: str, expected: bool) -> None:
    assert command_path.is_python_of_store(prefix) is expected


def test_a_doctor_says_that_scripts_see_nothing_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "is_python_of_store", lambda: True)
    (found,) = doctor.examine(None)
    assert (found.about, found.ok) == ("command", False)
    assert "Microsoft Store" in found.says
    assert "python.org" in found.remedy
