"""Where Ardour keeps its configuration, one folder for each major version."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

#: The first version whose Lua has what the scripts need.
OLDEST = 7
#: The folder of AceBridge in Ardour's configuration folder: jobs, inbox, settings, messages.
FOLDER = "acebridge"
_FOLDER = re.compile(r"ardour([0-9]+)", re.IGNORECASE)


def config_root() -> Path | None:
    """Return the folder that holds those of all versions; ``None`` without a home folder."""
    try:
        if folder := os.environ.get("XDG_CONFIG_HOME"):  # on Windows and macOS too, as Ardour does
            return Path(folder)
        if sys.platform == "win32":
            local = os.environ.get("LOCALAPPDATA")
            return Path(local) if local else Path.home() / "AppData" / "Local"
        if sys.platform == "darwin":
            return Path.home() / "Library" / "Preferences"
        return Path.home() / ".config"
    except RuntimeError:
        return None


def config_folders(root: Path | None) -> list[Path]:
    """Return the configuration folders of the versions that the scripts work in, oldest first."""
    if root is None or not root.is_dir():
        return []
    found = [
        (int(match[1]), path) for path in root.iterdir() if (match := _FOLDER.fullmatch(path.name)) and path.is_dir()
    ]
    return [path for version, path in sorted(found) if version >= OLDEST]


def inbox_folder() -> Path | None:
    """Return the inbox that the hook of the newest Ardour watches; ``None`` where no Ardour was started."""
    folders = config_folders(config_root())
    return folders[-1] / FOLDER / "inbox" if folders else None
