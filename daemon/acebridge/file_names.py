"""Text as the name of a file, whatever the text. Light to import."""

from __future__ import annotations

import unicodedata

#: Of a file name without its ending. File systems count bytes, of which a letter may need four.
MAX_LETTERS, _MAX_BYTES = 90, 180
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


def _safe_text(c: str) -> str:
    if c in _FORBIDDEN or c.isspace():
        return " "
    invisible = unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn")
    return "" if invisible and c not in JOINERS else c
