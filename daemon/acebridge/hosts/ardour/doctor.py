"""What can be wrong between Ardour and the command, checked from the command's side."""

from __future__ import annotations

import re
from pathlib import Path

from acebridge.health_check import Finding
from acebridge.hosts.ardour.install import FILE, action_texts, hook_text
from acebridge.hosts.ardour.paths import OLDEST, config_folders, config_root

_INSTALL = "Run `acebridge host install ardour`."


def examine(_job: Path | None) -> list[Finding]:
    """Make the checks about Ardour."""
    root = config_root()
    folders = config_folders(root)
    if not folders:
        says = f"there is no configuration folder of Ardour {OLDEST} or newer in {root}"
        return [Finding("Ardour", False, says, "Start Ardour once, then run `acebridge host install ardour`.")]
    hooks = [_hook(folder / "scripts" / FILE) for folder in folders]
    scripts = [_scripts(folder) for folder in folders]
    return [Finding("Ardour", True, ", ".join(map(str, folders)), ""), *scripts, *hooks]


def _scripts(folder: Path) -> Finding:
    old = [name for name, text in action_texts(folder).items() if _read(folder / "scripts" / name) != text]
    if not old:
        return Finding("scripts", True, f"those in {folder / 'scripts'} are of this version", "")
    says = f"{len(old)} scripts in {folder / 'scripts'} are missing or of another version, such as {old[0]}"
    return Finding("scripts", False, says, f"{_INSTALL} Then add the scripts in Ardour again.")


def _read(file: Path) -> str | None:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _hook(file: Path) -> Finding:
    text = _read(file)
    if text is None:
        return Finding("hook", False, f"there is no {file}", _INSTALL)
    port = re.search(r"127\.0\.0\.1:([0-9]+)", text)
    if port is None or text != hook_text(int(port[1])):
        return Finding("hook", False, f"{file} is of another version", f"{_INSTALL} Then add the hook in Ardour again.")
    return Finding("hook", True, f"{file} sends to port {port[1]}", "")
