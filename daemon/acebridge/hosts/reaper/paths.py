"""Where REAPER keeps its files."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def resource_folder() -> Path | None:
    """Return REAPER's resource folder in its usual place, whether it is there or not; ``None`` without a home folder."""
    try:
        if sys.platform == "win32":
            roaming = os.environ.get("APPDATA")
            return (Path(roaming) if roaming else Path.home() / "AppData" / "Roaming") / "REAPER"
        if sys.platform == "darwin":
            return Path.home() / "Library" / "Application Support" / "REAPER"
        return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "REAPER"
    except RuntimeError:
        return None


def inbox_folder() -> Path | None:
    """Return the inbox that the scripts watch, in REAPER's resource folder; ``None`` without a home folder."""
    resources = resource_folder()
    return None if resources is None else resources / "AceBridge" / "inbox"


def resources_of(job: Path | None) -> Path | None:
    """Return the resource folder that a job folder lies in, as the scripts make it: ``…/AceBridge/jobs/ID``."""
    if job is None or len(job.parents) < 3 or (job.parents[1].name, job.parents[0].name) != ("AceBridge", "jobs"):
        return None
    return job.parents[2]
