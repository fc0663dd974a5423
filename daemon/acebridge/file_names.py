"""Text as the name of a file, whatever the text. Light to import."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

#: Of a file name without its ending. File systems count bytes, of which a letter may need four.
MAX_LETTERS, _MAX_BYTES = 90, 180
#: The longest beginning that a file gives the name of another: room for the task, the role, the take, a number and the suffix.
LONGEST_STEM_BYTES = 180
#: What one of the file systems does not take.
_FORBIDDEN = set('\\/:*?"<>|')
#: Invisible, yet part of how emoji and some scripts are written.
JOINERS = {"\N{ZERO WIDTH JOINER}", "\N{ZERO WIDTH NON-JOINER}"}
#: Device names on Windows, with any ending.
_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in "0123456789¹²³")}


def file_name(text: str, longest: int = MAX_LETTERS, longest_bytes: int = _MAX_BYTES) -> str:
    """Return ``text`` as a name that a file may have on Windows, macOS and Linux, at most ``longest`` letters long.

    It keeps its letters of all scripts and its emoji, has no ending of its own, and may be empty.
    """
    clean = "".join(_safe_text(c) for c in unicodedata.normalize("NFC", text))
    name = " ".join(clean.split())[:longest]
    while len(name.encode("utf-8")) > longest_bytes:
        name = name[:-1]
    name = name.strip(" .")
    return f"_{name}" if name.split(".")[0].strip().lower() in _RESERVED else name


def short_stem(file: Path) -> str:
    """Return the name of a file without its ending, at most `LONGEST_STEM_BYTES` long, as the beginning of another name."""
    stem = file.stem
    while len(os.fsencode(stem)) > LONGEST_STEM_BYTES:
        stem = stem[:-1]
    return stem


def _safe_text(c: str) -> str:
    if c in _FORBIDDEN or c.isspace():
        return " "
    invisible = unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn")
    return "" if invisible and c not in JOINERS else c
