"""The General MIDI sound font that songs are played with: the one of the settings, else an installed one."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

from acestep_runtime.errors import InvalidValue

#: The file to use; "none" for our own voices. A daemon sets it from its setting ``sound_font``.
VARIABLE = "ACEBRIDGE_SOUND_FONT"
#: What the setting says for no sound font.
NO_FONT = "none"
_ENDINGS = (".sf2", ".sf3", ".sfo")
#: Folders of sound fonts on Linux, as its packages use them, and on macOS.
_FOLDERS = (
    "/usr/share/sounds/sf2",
    "/usr/share/sounds/sf3",
    "/usr/share/soundfonts",
    "/usr/local/share/soundfonts",
    "/Library/Audio/Sounds/Banks",
)
#: Parts of the names of fonts that hold all of General MIDI, the best first.
_NAMES = ("musescore_general", "fluidr3", "generaluser", "default-gm", "timgm6mb", "default")


def find_sound_font() -> Path | None:
    """Return the file of a sound font, ``None`` where there is none or nothing that plays one.

    Raises `InvalidValue` where the setting names a file that is not there, or tinysoundfont is missing.
    """
    chosen = os.environ.get(VARIABLE, "").strip()
    has_player = find_spec("tinysoundfont") is not None
    if chosen == NO_FONT:
        return None
    if not chosen:
        return _find_installed() if has_player else None
    path = Path(os.path.expanduser(chosen))  # noqa: PTH111 - Path raises where it is the home of nobody
    if path.suffix.lower() not in _ENDINGS or not path.is_file():
        raise InvalidValue("sound_font", chosen, "an SF2 or SF3 file that is there, or none",
                           remedy=f"Correct the setting sound_font, or {VARIABLE}.")  # fmt: skip
    if not has_player:
        raise InvalidValue(
            "sound_font", chosen, "nothing without the package tinysoundfont",
            remedy="Install it with `pip install --no-deps tinysoundfont`, or leave the setting out.",
        )  # fmt: skip
    return path


def _find_installed() -> Path | None:
    """Return the best of the installed fonts whose name says that it holds all of General MIDI."""
    files = [file for folder in _FOLDERS for file in sorted(Path(folder).glob("*")) if file.suffix.lower() in _ENDINGS]
    for name in _NAMES:
        for file in files:
            if name in file.stem.lower() and file.is_file():
                return file
    return None
