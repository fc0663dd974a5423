"""The audio files of a folder, as commands take them."""

from __future__ import annotations

from pathlib import Path

from acestep_runtime.errors import InvalidValue, printable

_SUFFIXES = {".wav", ".flac", ".aif", ".aiff", ".ogg", ".opus", ".mp3", ".m4a", ".w64", ".caf"}


def list_audio(folder: Path) -> list[Path]:
    """Return the audio files in a folder, by name. Raises `InvalidValue` for a folder without any."""
    held = sorted(
        path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES and not path.name.startswith(".")
    )
    if not held:
        raise InvalidValue("files", printable(str(folder)), "a folder that holds audio files")
    return held
