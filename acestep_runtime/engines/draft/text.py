"""The draft engine's text tasks: create_sample and format_sample. No audio."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator
from zlib import crc32

import numpy as np

from acestep_runtime.engines.base import EngineEvent, EngineRequest, Metadata, Progress
from acestep_runtime.engines.metadata import TakeMetadata
from acestep_runtime.lyrics.normalize import normalize_lyrics
from acestep_runtime.lyrics.text import lyric_lines, parse
from acestep_runtime.text.style import style_from_caption
from acestep_runtime.text.tags import complete_tags, join_tags
from acestep_runtime.text.writing import INSTRUMENTAL, Sheet, is_instrumental, propose, write_song
from acestep_runtime.values import CancelToken, Key

#: Language by the script of most letters, as their Unicode names begin.
_SCRIPTS = {"HANGUL": "ko", "HIRAGANA": "ja", "KATAKANA": "ja", "CJK": "zh", "CYRILLIC": "ru", "LATIN": "en"}
#: Bars of a sung line and of an instrumental section; length in seconds of a song without words.
_LINE_BARS, _INSTRUMENTAL_BARS = 2, 4
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
    """Normalise caption and lyrics and propose missing values. No word of the user is lost."""
    yield Progress("writing", 0.0)
    cancel.check()
    music = request.music
    style = style_from_caption(music.caption)
    rng = np.random.default_rng([request.seed, crc32(f"{music.caption}\n{music.lyrics}".encode())])
    bpm, key, meter = propose(music.caption, style, rng)
    bpm, meter = music.bpm or bpm, music.timesignature or meter
    key = Key.parse(music.keyscale) if music.keyscale else key
    lyrics = normalize_lyrics(music.lyrics)
    words = " ".join(line.text for line in lyric_lines(lyrics))
    no_vocals = not words and (bool(lyrics) or is_instrumental(music.caption))
    language = music.language if music.language != "unknown" else _language(words or music.caption)
    caption = complete_tags(music.caption, style, key, bpm, _language(music.caption) if music.caption else language)
    stanzas = parse(lyrics)
    bars = sum(_LINE_BARS * len(stanza.lines) or _INSTRUMENTAL_BARS for stanza in stanzas)
    length_s = bars * meter * 60 / bpm if words else float(rng.uniform(*_USUAL_S))
    yield Metadata(
        _metadata(
            Sheet(
                caption=join_tags(caption),
                lyrics=lyrics or (INSTRUMENTAL if no_vocals else ""),
                bpm=bpm,
                keyscale=music.keyscale or str(key),
                timesignature=meter,
                duration_s=float(round(min(_LENGTH_S[1], max(_LENGTH_S[0], length_s)))),
                language=language,
                instrumental=no_vocals,
            )
        )
    )
    yield Progress("writing", 1.0)


def _language(text: str) -> str:
    """Return the language code of a text's script, "unknown" for none."""
    names = Counter(unicodedata.name(char, "").split(" ")[0].split("-")[0] for char in text if char.isalpha())
    counts = {script: names[script] for script in _SCRIPTS if names[script]}
    if counts.keys() & {"HIRAGANA", "KATAKANA"}:
        return "ja"
    return _SCRIPTS[max(counts, key=lambda script: counts[script])] if counts else "unknown"


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
