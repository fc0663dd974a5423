"""Files of lyrics: their encodings, and the names that are names of files and no words."""

from __future__ import annotations

import math
import re
from pathlib import Path

from acestep_runtime.errors import InvalidValue, printable
from acestep_runtime.lyrics.formats import FORMATS
from acestep_runtime.lyrics.normalize import section_label
from acestep_runtime.lyrics.reading import WordsToSing, read_timing, words_of_timing, words_to_sing
from acestep_runtime.lyrics.text import TAG
from acestep_runtime.lyrics.timed import Timing

#: Marks at the beginning of a file, the longer before those they begin with.
_BYTE_ORDER_MARKS = (
    (b"\xff\xfe\x00\x00", "utf-32"), (b"\x00\x00\xfe\xff", "utf-32"), (b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)  # fmt: skip
_PAGE = "a page of the web"
#: Beginnings of documents that are no plain text.
_DOCUMENTS = {b"{\\rtf": "an RTF document", b"PK\x03\x04": "a document of a word processor", b"%PDF": "a PDF",
              b"\xd0\xcf\x11\xe0": "a document of a word processor", b"<!doctype html": _PAGE,
              b"<html": _PAGE}  # fmt: skip
#: Characters of a path that a message shows: its end says which file it is.
_LONGEST_NAME = 300
_CONTROL = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
#: Endings of files that hold words, or that people take for such files.
_SUFFIXES = """
txt text md markdown lrc elrc srt vtt sbv ass ssa ttml json csv tsv doc docx odt rtf pages pdf htm html xml yaml yml toml tex
log lyric lyrics wav wave flac aif aiff ogg opus mp3 m4a mid midi zip
"""
#: A word with an ending, an underscore or folders, "words.v2", "final_lyrics", "songs/final"; also from a root, or with a "\".
_NAME = re.compile(
    r"\S*[^\s.,!?…]\.[A-Za-z0-9]{1,5}|\S*\w_\w\S*|[^\s/]+/\S*[^\s/]"
    r"|(?:~|\.{1,2})?/\S.*|(?:[A-Za-z]:)?[^\\]*\\\w.*"
)
_LITERAL = "For words that look like a file, put a tag before them: '[Verse] {}'."


def is_file_name(lyrics: str) -> bool:
    """Return whether ``lyrics`` are no words but the name of a file of a known kind, such as "song.lrc".

    Several lines, and words behind the tag of a section, never are.
    """
    name = lyrics.strip()
    stem, dot, suffix = name.rpartition(".")
    known = bool(dot) and suffix.lower() in _SUFFIXES.split() and stem[-1:].strip(". ") != ""
    return known and "\n" not in name and not _begins_with_section(name)


def _begins_with_section(text: str) -> bool:
    tag = TAG.match(text)
    return tag is not None and bool(section_label(tag[1]))


def file_name_error(field: str, lyrics: str, message: str, remedy: str) -> InvalidValue:
    """Return the error for the name of a file in place of words; the sentence says how to write such words."""
    name = printable(lyrics.strip(), 40)
    return InvalidValue(field, name, "words to sing", message=message, remedy=f"{remedy} {_LITERAL.format(name)}")


def read_lyrics(lyrics: str, field: str, start_s: float = -math.inf, end_s: float = math.inf) -> WordsToSing:
    """Return the words of ``lyrics``, or of the file that they name; of timed lyrics those from ``start_s`` to ``end_s``.

    Raises `InvalidValue`, which names ``field``, for a file that is missing, that is no text, that holds no words, or whose
    times cannot be read.
    """
    text, timing = _read(lyrics, field)
    return words_to_sing(text, start_s, end_s) if timing is None else words_of_timing(timing, start_s, end_s)


def read_timed_lyrics(lyrics: str, field: str) -> Timing | None:
    """Return the timing of ``lyrics``, or of the file that they name; ``None`` for words without times.

    Raises `InvalidValue` as `read_lyrics` does.
    """
    text, timing = _read(lyrics, field)
    return read_timing(text) if timing is None else timing


def _read(lyrics: str, field: str) -> tuple[str, Timing | None]:
    """Return the text of lyrics, and its timing if it is in a file of timed lyrics."""
    path = _find_file(lyrics, field)
    if path is None:
        return lyrics, None
    text = decode_text(path.read_bytes(), lyrics.strip(), field)
    read = {form.suffix: form.read for form in FORMATS.values()}.get(path.suffix.lower())
    try:
        timing = None if read is None else read(text)
    except InvalidValue as error:
        message = f"In {printable(lyrics.strip(), _LONGEST_NAME)}, {error.message}"
        remedy = "Words without times go into a file that ends in .txt."
        raise InvalidValue(field, lyrics, "timed lyrics", message=message, remedy=remedy) from None
    if not (text.strip("\ufeff \t\r\n") if timing is None else timing.lines):
        message = f"{field} names {printable(lyrics.strip(), _LONGEST_NAME)}, which holds no words."
        raise InvalidValue(
            field, lyrics, "a file that holds words", message=message, remedy="Check the file, or leave it out."
        )
    return text, timing


def _find_file(lyrics: str, field: str) -> Path | None:
    """Return the file that ``lyrics`` name, ``None`` for words. Raises `InvalidValue` for one that is missing."""
    name = lyrics.strip()
    if not name or "\n" in name or _begins_with_section(name):
        return None
    try:
        path = Path(name).expanduser() if name.startswith("~") else Path(name)
        if path.is_file():
            return path
        missing = path.is_dir() or is_file_name(name) or _NAME.fullmatch(name) is not None or _is_in_folder(path)
    except (OSError, ValueError, RuntimeError):  # too long or too odd for a file name: then it is the lyrics
        return None
    if not missing:
        return None
    raise file_name_error(field, name, f"{field} names no file: {printable(name)}.", "Check the path.")


def _is_in_folder(path: Path) -> bool:
    return len(path.parts) > 1 and path.name == path.name.strip() and path.parent.is_dir()


def decode_text(data: bytes, name: str, field: str, *, may_be_page: bool = False) -> str:
    """Return the text in the bytes of a file: UTF-8, or UTF-16 and UTF-32 by their mark, UTF-16 also by its zeros.

    A page of the web is no text, unless it ``may_be_page``.
    Raises `InvalidValue` for other encodings and for what is no text; the sentence names the file and ``field``.
    """
    start = data[:16].lower()
    kind = next((kind for begin, kind in _DOCUMENTS.items() if start.startswith(begin.lower())), "")
    kind = "" if may_be_page and kind == _PAGE else kind
    text = None if kind else _decode(data)
    if text is not None and not _CONTROL.search(text):
        return text
    kind = kind or ("no text" if text is not None or b"\0" in data else "text in an old encoding")
    message = f"{field} names {printable(name)}, which is {kind}; allowed: a text file in UTF-8 or UTF-16."
    remedy = "Open it in the program that wrote it, and save it as UTF-8 (plain text)."
    raise InvalidValue(field, name, "a text file in UTF-8 or UTF-16", message=message, remedy=remedy)


def _decode(data: bytes) -> str | None:
    encodings = [encoding for mark, encoding in _BYTE_ORDER_MARKS if data.startswith(mark)][:1] or ["utf-8"]
    if encodings == ["utf-8"] and b"\0" in data:
        encodings = ["utf-16-le" if data[1::2].count(0) >= data[::2].count(0) else "utf-16-be"]
    try:
        text = data.decode(encodings[0])
    except UnicodeDecodeError:
        return None
    # A zero that stands alone in bytes of another kind makes no UTF-16, which has one in each space and each end of a line.
    guessed = b"\0" in data and not data.startswith(tuple(mark for mark, _ in _BYTE_ORDER_MARKS))
    return None if guessed and 4 * data.count(0) < len(data) and not re.search(r"\s", text) else text
