"""Lyrics as people give them, words or timed lyrics in any format, read as words to sing."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from acestep_runtime.errors import InvalidValue
from acestep_runtime.lyrics.formats import FORMATS
from acestep_runtime.lyrics.marks import remove_times
from acestep_runtime.lyrics.timed import Timing

_STAMPED = re.compile(r"\s*\[\s*\d{1,5}:\d")
#: The beginning of a cue of subtitles: a number or a name, its times, and words.
_CUE = re.compile(r"^(?:.*\n)?[ \t]*\d{1,4}:\d\d(?::\d\d)?[,.]\d{1,3}[ \t]*-->", re.MULTILINE)
_NUMBER_OF_CUE = re.compile(r"^[ \t]*\d+[ \t]*\r?\n(?=.*-->)", re.MULTILINE)


def read_timing(text: str) -> Timing | None:
    """Return the timing of a text that is LRC, SubRip or WebVTT; ``None`` for words, also for timed lyrics that are damaged."""
    name = _format_of(text)
    if not name:
        return None
    try:
        timing = FORMATS[name].read(text)
    except InvalidValue:
        return None
    return timing if timing.lines else None


def _format_of(text: str) -> str:
    """Return the name of the format that a text is in, "" for words."""
    text = text.lstrip("\ufeff \t\r\n")
    if text.startswith("WEBVTT"):
        return "vtt"
    if "-->" in text and _CUE.search(text):
        return "srt"
    rows = [row for row in text.splitlines() if row.strip()]
    stamped = sum(_STAMPED.match(row) is not None for row in rows)
    words = sum(not row.lstrip().startswith("[") for row in rows)
    return "lrc" if stamped and stamped >= words else ""


@dataclass(frozen=True)
class WordsToSing:
    """Words and section tags; ``note`` is a sentence about the lines that were left out, "" where none was."""

    text: str
    note: str = ""


def words_to_sing(lyrics: str, start_s: float = -math.inf, end_s: float = math.inf) -> WordsToSing:
    """Return the words of ``lyrics`` without times; of timed lyrics those sung from ``start_s`` to ``end_s``.

    Words without times are unchanged.
    """
    if (timing := read_timing(lyrics)) is not None:
        return words_of_timing(timing, start_s, end_s)
    if "-->" in lyrics:
        lyrics = _NUMBER_OF_CUE.sub("", lyrics.removeprefix("WEBVTT"))
    return WordsToSing(remove_times(lyrics))


def words_of_timing(timing: Timing, start_s: float, end_s: float) -> WordsToSing:
    """Return the words of ``timing`` from ``start_s`` to ``end_s``."""
    part = timing.between(start_s, end_s)
    used, total = len(part.lines), len(timing.lines)
    if used == total:
        return WordsToSing(remove_times(timing.lyrics))
    place = f"from {start_s:g} s on" if end_s == math.inf else f"between {start_s:g} and {end_s:g} s"
    if not used:
        return WordsToSing("", f"None of the {total} lines of the lyrics is sung {place}, so there are no words.")
    return WordsToSing(remove_times(part.lyrics), f"Of the {total} lines of the lyrics, the {used} {place} are used.")
