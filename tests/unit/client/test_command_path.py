"""What starts AceBridge in the background."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from acebridge.client import command_path


def test_a_program_without_a_console_is_preferred(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = (sys.executable, "-m", "acebridge.cli")
    monkeypatch.setattr(command_path, "own_command", lambda: None)
    assert command_path.background_command() == module
    monkeypatch.setattr(command_path, "own_command", lambda: tmp_path / "acebridge.exe")
    assert command_path.background_command() == module
    (tmp_path / "acebridgew.exe").touch()
    assert command_path.background_command() == (str(tmp_path / "acebridgew.exe"),)
