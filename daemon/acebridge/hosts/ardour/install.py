"""Puts the hook of AceBridge into Ardour's scripts folder, and takes it out again.

Ardour keeps the text of a hook from the moment that it is added, so adding and removing it are clicks of the user.
"""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

from acebridge.atomic_files import write_whole
from acebridge.errors import NotFound
from acebridge.hosts.ardour.paths import OLDEST, config_folders, config_root
from acestep_runtime.errors import InvalidValue

#: The file in Ardour's folder ``scripts``, and the name of the hook in Ardour's dialogs.
FILE, HOOK = "acebridge_follow.lua", "AceBridge: Follow"
#: Where `acebridge osc follow ardour` listens.
DEFAULT_PORT = 50712
_PORT = re.compile(r'(local URL = "osc\.udp://127\.0\.0\.1:)[0-9]+(")')


def hook_text(port: int = DEFAULT_PORT) -> str:
    """Return the hook that sends to a port. Raises `InvalidValue`."""
    if not 1 <= port <= 65535:
        raise InvalidValue("port", port, "1 to 65535")
    text = resources.files("acebridge.ardour_scripts").joinpath("follow.lua").read_text("utf-8")
    changed, count = _PORT.subn(rf"\g<1>{port}\g<2>", text)
    assert count == 1, "the hook has one line with its address"
    return changed


def install(port: int = DEFAULT_PORT, root: Path | None = None) -> list[Path]:
    """Write the hook for every version of Ardour that this user has started; return the files.

    Raises `NotFound` when there is no such version, and ``OSError`` as the file system does.
    """
    text = hook_text(port)
    root = root or config_root()
    folders = config_folders(root)
    if not folders:
        raise NotFound(
            f"There is no configuration folder of Ardour {OLDEST} or newer in {root}.",
            remedy="Start Ardour once, then run this again.",
        )
    files = [folder / "scripts" / FILE for folder in folders]
    for file in files:
        write_whole(file, [text.encode()])
    return files


def uninstall(root: Path | None = None) -> list[Path]:
    """Remove the hook's files; return those that were there."""
    files = [folder / "scripts" / FILE for folder in config_folders(root or config_root())]
    found = [file for file in files if file.exists()]
    for file in found:
        file.unlink()
    return found


INSTALL_STEPS = (
    "In Ardour, once:",
    "1. Edit > Preferences > Control Surfaces: enable Open Sound Control (OSC).",
    f'2. Edit > Lua Scripts > Script Manager > Action Hooks > New Hook: choose "{HOOK}", then Add.',
    "Then run `acebridge osc follow ardour` while you work.",
)
UNINSTALL_STEPS = (f'In Ardour: Edit > Lua Scripts > Script Manager > Action Hooks: choose "{HOOK}", then Remove.',)
