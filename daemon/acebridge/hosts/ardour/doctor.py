"""What can be wrong between Ardour and the command, checked from the command's side."""

from __future__ import annotations

import re
from pathlib import Path

from acebridge.health_check import Finding
from acebridge.hosts.ardour.install import FILE, hook_text
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
    return [Finding("Ardour", True, ", ".join(map(str, folders)), ""), *hooks]


def _hook(file: Path) -> Finding:
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return Finding("hook", False, f"there is no {file}", _INSTALL)
    port = re.search(r"127\.0\.0\.1:([0-9]+)", text)
    if port is None or text != hook_text(int(port[1])):
        return Finding("hook", False, f"{file} is of another version", f"{_INSTALL} Then add the hook in Ardour again.")
    return Finding("hook", True, f"{file} sends to port {port[1]}", "")
