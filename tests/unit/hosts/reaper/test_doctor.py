"""What the command's doctor says of the scripts in REAPER's resource folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from acebridge.hosts.reaper import doctor
from acebridge.version import VERSION


def finding(resources: Path, version: str | None) -> tuple[bool, str, str]:
    """Return what is found of scripts that say a version; ``None``: of scripts that say none."""
    folder = resources / "Scripts" / "AceBridge" / "Generation"
    (folder / "lib" / "shared").mkdir(parents=True)
    (folder / "AceBridge_Cover.lua").touch()
    if version is not None:
        (folder / "lib" / "shared" / "version.lua").write_text(f'  M.SCRIPTS = "{version}"\n', "utf-8")
    (resources / "AceBridge" / "jobs" / "x").mkdir(parents=True)
    (found,) = [each for each in doctor.examine(resources / "AceBridge" / "jobs" / "x") if each.about == "scripts"]
    return found.ok, found.says.removeprefix(f"1 actions in {folder}, version "), found.remedy


def test_scripts_of_the_same_version_are_well(tmp_path: Path) -> None:
    assert finding(tmp_path, VERSION) == (True, VERSION, "")


def test_scripts_without_a_version_are_well(tmp_path: Path) -> None:
    assert finding(tmp_path, None) == (True, "unknown", "")


def test_a_difference_that_is_compatible_is_mentioned(tmp_path: Path) -> None:
    major, minor, _ = VERSION.split(".")
    other = f"{major}.{minor}.99"
    assert finding(tmp_path, other) == (True, f"{other}; this command is {VERSION}, and they work together", "")


@pytest.mark.parametrize(("version", "older"), [("99.0.0", "command"), ("0.0.1", "scripts")])
def test_scripts_that_do_not_fit_are_a_fault(tmp_path: Path, version: str, older: str) -> None:
    ok, says, remedy = finding(tmp_path, version)
    assert not ok
    assert says == f"{version}. The scripts are {version}, the command is {VERSION}: update the {older}."
    assert remedy.startswith(f"Update the {older}: ")
