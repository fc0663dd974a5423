"""How long a file really is: its container is read, and nothing decoded.

The number of frames in a header is an estimate: of MP3 without an Info frame, of files that were joined, cut off or written
to a pipe. Here every kind of container says which parts a file has, from the bytes that are there. Reading them is in
`acestep_runtime.audio.decode`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

from acestep_runtime.audio.containers.chunks import read_aiff, read_au, read_caf, read_nist, read_w64, read_wave
from acestep_runtime.audio.containers.flac import has_flac_after_tag, read_flac
from acestep_runtime.audio.containers.mpeg import read_mp3, tag_bytes
from acestep_runtime.audio.containers.ogg import read_ogg
from acestep_runtime.audio.containers.parts import Layout, Part, View, Window

__all__ = ["Layout", "Part", "View", "find_mpeg", "read_layout", "size_of_tag"]

#: Offset and bytes by which a container is known → its reader. The first that matches counts.
_READERS: tuple[tuple[int, bytes, Callable[[Window], Layout | None]], ...] = (
    (8, b"WAVE", read_wave),
    (0, b"riff\x2e\x91\xcf\x11", read_w64),
    (8, b"AIFF", read_aiff),
    (8, b"AIFC", read_aiff),
    (0, b"caff", read_caf),
    (0, b".snd", read_au),
    (0, b"dns.", read_au),
    (0, b"NIST_1A", read_nist),
    (0, b"fLaC", read_flac),
    (0, b"OggS", read_ogg),
    (0, b"ID3", lambda window: (read_flac if has_flac_after_tag(window) else read_mp3)(window)),
    (0, b"\xff", read_mp3),
)


def read_layout(file: BinaryIO) -> Layout | None:
    """Return the layout of a file, ``None`` for a container that is not known here."""
    window = Window(file)
    for at, mark, read in _READERS:
        if window.read(at, len(mark)) == mark:
            return read(window)
    return None


def find_mpeg(file: BinaryIO) -> Layout | None:
    """Return the layout of MPEG audio behind garbage, where nothing else could read a file."""
    return read_mp3(Window(file))


def size_of_tag(file: BinaryIO) -> int:
    """Return the size of the ID3 tag that a file begins with, 0 if it begins otherwise."""
    window = Window(file)
    return tag_bytes(window, 0, window.size)
