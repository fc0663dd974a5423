"""Puts the scripts of AceBridge into Ardour's scripts folder, and takes them out again.

Ardour keeps the text of a script from the moment that it is added, so adding and removing it are clicks of the user.
"""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

from acebridge.atomic_files import write_whole
from acebridge.errors import NotFound
from acebridge.hosts.ardour.paths import FOLDER, OLDEST, config_folders, config_root
from acebridge.hosts.ardour.scripts import JOBS_HOOK, SCRIPTS, assemble
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


def action_texts(config_folder: Path) -> dict[str, str]:
    """Return the texts of all scripts but the hook that follows, by the names of their files."""
    return {script.file: assemble(script, config_folder / FOLDER) for script in SCRIPTS}


def install(port: int = DEFAULT_PORT, root: Path | None = None) -> list[Path]:
    """Write the scripts for every version of Ardour that this user has started; return the files.

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
    written = [(folder / "scripts" / FILE, text) for folder in folders]
    written += [(folder / "scripts" / name, text) for folder in folders for name, text in action_texts(folder).items()]
    for file, content in written:
        write_whole(file, [content.encode()])
    for folder in folders:
        (folder / FOLDER / "jobs").mkdir(parents=True, exist_ok=True)
    return [file for file, _ in written]


def uninstall(root: Path | None = None) -> list[Path]:
    """Remove the scripts' files; return those that were there. Jobs and settings stay, in the folder ``acebridge``."""
    names = [FILE, *(script.file for script in SCRIPTS)]
    files = [folder / "scripts" / name for folder in config_folders(root or config_root()) for name in names]
    found = [file for file in files if file.exists()]
    for file in found:
        file.unlink()
    return found


INSTALL_STEPS = (
    "In Ardour, once, in Edit > Lua Scripts > Script Manager:",
    f'1. Action Hooks > New Hook: choose "{JOBS_HOOK.name}", then Add. It sends audio and places results.',
    "2. Action Scripts: choose a free action, Add/Set, and one of the scripts whose names begin with AceBridge.",
    "To follow Ardour from a tablet as well:",
    "3. Edit > Preferences > Control Surfaces: enable Open Sound Control (OSC).",
    f'4. Action Hooks > New Hook: choose "{HOOK}", then Add. Then run `acebridge osc follow ardour` while you work.',
)
UNINSTALL_STEPS = (
    "In Ardour, in Edit > Lua Scripts > Script Manager:",
    f'Remove the hooks "{JOBS_HOOK.name}" and "{HOOK}", and the actions that you have added.',
)
