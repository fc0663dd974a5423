"""Without the extra for Live, everything else works, and what needs it says how to add it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from acebridge.cli.app import app
from acebridge.hosts.live import package
from acebridge.hosts.live.doctor import examine

_WITHOUT = "import sys; sys.modules['ableton_extensions'] = None; import acebridge.cli.app, acebridge.hosts.registry"


def test_the_command_loads_without_the_package() -> None:
    done = subprocess.run([sys.executable, "-c", _WITHOUT], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("arguments", [["live", "run"], ["live", "install"]])
def test_what_needs_the_package_says_how_to_add_it(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "find_spec", lambda _: None)
    done = CliRunner().invoke(app, arguments)
    assert isinstance(done.exception, package.MissingPackage)
    assert done.exception.message == "The package ableton-extensions is not installed."
    assert "live" in done.exception.remedy


def test_the_doctor_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "find_spec", lambda _: None)
    (finding,) = examine()
    assert (finding.about, finding.ok) == ("Live's package", False)
    assert "live" in finding.remedy
