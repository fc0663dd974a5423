"""MIDI files on the disk as the text that a request holds: read whole, and not looked into, which what runs them does."""

from __future__ import annotations

import base64
import os
import stat
from pathlib import Path

from acestep_runtime.errors import InvalidValue, printable
from acestep_runtime.midi.events import file_error

#: The largest file, in bytes, and as base64, in characters.
MAX_BYTES = 512 * 1024
MAX_MIDI_TEXT = (MAX_BYTES + 2) // 3 * 4


def _open_at_once(name: str, flags: int) -> int:
    """Open a file; a pipe does not wait for somebody to write to it."""
    return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))


def file_text(data: bytes) -> str:
    """Return a file as the text that a request holds. Raises `InvalidValue` for an empty one, whose text means no file."""
    if not data:
        raise file_error("it is empty")
    return base64.b64encode(data).decode("ascii")


def read_file_text(path: Path, field: str = "midi") -> str:
    """Return a file as base64. Raises `InvalidValue`, which names ``field``, for one that cannot be read or is too large."""
    name = printable(str(path))
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise InvalidValue(field, name, "a MIDI file", message=f"{name} is no file.")
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        message = f"The MIDI file {name} cannot be read: {reason}."
        raise InvalidValue(field, name, "a MIDI file", message=message, remedy="Check its name.") from error
    if not data:  # its text would mean no file
        message = f"The MIDI file {name} is empty."
        raise InvalidValue(field, name, "a MIDI file", message=message, remedy="Export it again.")
    if len(data) > MAX_BYTES:
        message = f"The MIDI file {name} has more than {MAX_BYTES} bytes."
        raise InvalidValue(field, name, f"at most {MAX_BYTES} bytes", message=message, remedy="Leave tracks out of it.")
    return file_text(data)
