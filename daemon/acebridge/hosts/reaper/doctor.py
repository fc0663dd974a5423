"""What can be wrong between REAPER and the command, checked from the command's side."""

from __future__ import annotations

import re
from pathlib import Path

from acebridge.health_check import Finding
from acebridge.hosts.jobfolder import doctor as jobfolder
from acebridge.hosts.jobfolder.script_version import version_clash
from acebridge.hosts.reaper.paths import resource_folder, resources_of
from acebridge.version import VERSION

_VERSION = re.compile(r'^  M\.SCRIPTS = "([^"]+)"', re.MULTILINE)
_INSTALL = "Install the scripts of AceBridge with ReaPack, or copy them into the folder Scripts there."


def examine(job: Path | None) -> list[Finding]:
    """Make the checks about REAPER; ``job`` is a job folder in its resource folder, if a script asks."""
    resources = resources_of(job) or resource_folder()
    return [*jobfolder.examine(job), _reaper(resources), _scripts(resources)]


def _reaper(resources: Path | None) -> Finding:
    found = resources is not None and resources.is_dir()
    says = f"its resource folder is {resources}" if found else f"there is no resource folder {resources or ''}".rstrip()
    return Finding(
        "REAPER", found, says, "Install REAPER and start it once; a portable one is found by its own scripts."
    )


def _scripts(resources: Path | None) -> Finding:
    folder = resources / "Scripts" if resources is not None else None
    found = sorted(folder.rglob("AceBridge_*.lua")) if folder is not None and folder.is_dir() else []
    if not found:
        return Finding("scripts", False, f"none in {folder or 'the folder Scripts of REAPER'}", _INSTALL)
    version = _version(found[0].parent)
    says = f"{len(found)} actions in {found[0].parent}, version {version or 'unknown'}"
    clash = version_clash(version)
    if clash is not None:
        return Finding("scripts", False, f"{says}. {clash[0]}", clash[1])
    if version and version != VERSION:
        says += f"; this command is {VERSION}, and they work together"
    return Finding("scripts", True, says)


def _version(folder: Path) -> str:
    """Return the version of the scripts in a folder; empty when it cannot be read."""
    try:
        text = (folder / "lib" / "shared" / "version.lua").read_text("utf-8")
    except (OSError, ValueError):
        return ""
    match = _VERSION.search(text)
    return match[1] if match else ""
