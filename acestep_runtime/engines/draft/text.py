"""The draft engine's tasks that make words of words: create_sample and format_sample. No audio."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator
from zlib import crc32

import numpy as np

from acestep_runtime.engines.base import EngineEvent, EngineRequest, Metadata, Progress
from acestep_runtime.engines.metadata import TakeMetadata
from acestep_runtime.lyrics.normalize import tidied
from acestep_runtime.lyrics.text import parse, sung_lines
from acestep_runtime.text.style import style_of
from acestep_runtime.text.tags import described, joined
from acestep_runtime.text.writing import INSTRUMENTAL, Sheet, is_instrumental, propose, write_song
from acestep_runtime.values import CancelToken, Key

#: Language by the script that most letters are of, as their names in Unicode begin.
_SCRIPTS = {"HANGUL": "ko", "HIRAGANA": "ja", "KATAKANA": "ja", "CJK": "zh", "CYRILLIC": "ru", "LATIN": "en"}
#: Bars of a line that is sung and of a section that is not; seconds of a song without words.
_LINE_BARS, _UNSUNG_BARS = 2, 4
_USUAL_S = (150.0, 210.0)
_LENGTH_S = (30.0, 600.0)


def create_sample(request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
    """Write a song sheet from a description (``music.caption``); ``mode`` is "instrumental" or "song"."""
    yield Progress("writing", 0.0)
    cancel.check()
    yield Metadata(
        _metadata(write_song(request.music.caption, instrumental=request.mode == "instrumental", seed=request.seed))
    )
    yield Progress("writing", 1.0)


def format_sample(request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
    """Put caption and lyrics in order and propose what is not given. No word of the user's is lost."""
    yield Progress("writing", 0.0)
    cancel.check()
    music = request.music
    style = style_of(music.caption)
    rng = np.random.default_rng([request.seed, crc32(f"{music.caption}\n{music.lyrics}".encode())])
    bpm, key, meter = propose(music.caption, style, rng)
    bpm, meter = music.bpm or bpm, music.timesignature or meter
    key = Key.parse(music.keyscale) if music.keyscale else key
    lyrics = tidied(music.lyrics)
    words = " ".join(line.text for line in sung_lines(lyrics))
    nobody = not words and (bool(lyrics) or is_instrumental(music.caption))
    language = music.language if music.language != "unknown" else _language(words or music.caption)
    caption = described(music.caption, style, key, bpm, _language(music.caption) if music.caption else language)
    stanzas = parse(lyrics)
    bars = sum(_LINE_BARS * len(stanza.lines) or _UNSUNG_BARS for stanza in stanzas)
    length_s = bars * meter * 60 / bpm if words else float(rng.uniform(*_USUAL_S))
    yield Metadata(
        _metadata(
            Sheet(
                caption=joined(caption),
                lyrics=lyrics or (INSTRUMENTAL if nobody else ""),
                bpm=bpm,
                keyscale=music.keyscale or str(key),
                timesignature=meter,
                duration_s=float(round(min(_LENGTH_S[1], max(_LENGTH_S[0], length_s)))),
                language=language,
                instrumental=nobody,
            )
        )
    )
    yield Progress("writing", 1.0)


def _language(text: str) -> str:
    """Return the code of the language that a text's script suggests, "unknown" for none."""
    names = Counter(unicodedata.name(char, "").split(" ")[0].split("-")[0] for char in text if char.isalpha())
    found = {script: names[script] for script in _SCRIPTS if names[script]}
    if found.keys() & {"HIRAGANA", "KATAKANA"}:
        return "ja"
    return _SCRIPTS[max(found, key=lambda script: found[script])] if found else "unknown"


def _metadata(sheet: Sheet) -> TakeMetadata:
    return {
        "engine": "draft",
        "caption": sheet.caption,
        "lyrics": sheet.lyrics,
        "bpm": round(sheet.bpm, 2),
        "keyscale": sheet.keyscale,
        "timesignature": sheet.timesignature,
        "duration_s": sheet.duration_s,
        "language": sheet.language,
        "instrumental": sheet.instrumental,
    }
