"""Captions as tags: splitting, ordering and completing them from the style. No music, no lyrics."""

from __future__ import annotations

import re
from dataclasses import replace

from acestep_runtime.text.style import Instrument, Style, find_style_words, style_from_caption, table
from acestep_runtime.values import MAX_TEXT, Key

_ORDER = ("genre", "mood", "instrument", "solo")
_TEMPI = ((82.0, "slow tempo", "느린 템포"), (124.0, "medium tempo", "중간 템포"), (1e9, "fast tempo", "빠른 템포"))
_TEMPO_WORDS = re.compile(r"tempo|bpm|템포|\b(?:slow|fast|quick)|느린|빠른", re.IGNORECASE)
_KEY_WORDS = re.compile(r"\b[A-G][#b♯♭]?[ -]?(?:major|minor|maj|min|장조|단조)\b|\bkey of\b", re.IGNORECASE)
#: Captions with fewer instruments get the first ones of their style.
_INSTRUMENTS = 2
_HANGUL = re.compile("[가-힣]")


def split_tags(caption: str) -> list[str]:
    """Return the tags of a caption, its own words unchanged, each once (whatever its case). A sentence is one tag."""
    tags = (" ".join(tag.split()) for tag in re.split(r"[,;\n、，]", caption))
    first: dict[str, str] = {}
    for tag in tags:
        if tag:
            first.setdefault(tag.casefold(), tag)
    return list(first.values())


def join_tags(tags: list[str]) -> str:
    """Return tags as a caption; the last ones are dropped where they do not fit."""
    while len(tags) > 1 and len(", ".join(tags)) > MAX_TEXT:
        tags = tags[:-1]
    return ", ".join(tags)


def order_tags(tags: list[str]) -> list[str]:
    """Order tags: genres, moods, instruments, others, tempo and key; unchanged where this would change the style."""

    def rank(tag: str) -> int:
        if _TEMPO_WORDS.search(tag) or _KEY_WORDS.search(tag):
            return len(_ORDER) + 1
        kinds = [kind for _, kind, _ in find_style_words(tag)]
        return min((_ORDER.index(kind) for kind in kinds if kind in _ORDER), default=len(_ORDER))

    after = sorted(tags, key=rank)
    same = replace(style_from_caption(join_tags(after)), words=()) == replace(
        style_from_caption(join_tags(tags)), words=()
    )
    return after if same else tags


def complete_tags(caption: str, style: Style, key: Key, bpm: float, language: str) -> list[str]:
    """Return a caption's tags in order, completed with missing genre, instruments, tempo word and key."""
    tags = split_tags(caption)
    kinds = {kind for _, kind, _ in find_style_words(caption)}
    korean = language == "ko"
    if "genre" not in kinds:
        tags.append(_first_word("genre", style.genre, korean))
    instruments = {name for _, kind, name in find_style_words(caption) if kind == "instrument"}
    tracks = {table()["instrument"][name]["track"] for name in instruments}
    for instrument in style.instruments:
        if (
            len(tracks) < _INSTRUMENTS
            and instrument.track not in tracks
            and (name := _instrument_word(instrument, korean))
        ):
            tags.append(name)
            tracks.add(instrument.track)
    if not _TEMPO_WORDS.search(caption):
        tags.append(next(ko if korean else en for limit, en, ko in _TEMPI if bpm < limit))
    if not _KEY_WORDS.search(caption):
        tags.append(str(key))
    return order_tags(split_tags(join_tags(tags)))


def _first_word(kind: str, name: str, korean: bool) -> str:
    """Return the first word for a genre or instrument in a language."""
    words: list[str] = table()[kind][name]["words"]
    first = next((word for word in words if bool(_HANGUL.search(word)) == korean), words[0])
    return first + "s" if first + "s" in words else first


def _instrument_word(instrument: Instrument, korean: bool) -> str:
    """Return a word that names an instrument: by its voice, or else by its track."""
    rows = {name: row for name, row in table()["instrument"].items() if "pattern" not in row}
    exact = [
        name for name, row in rows.items() if row["track"] == instrument.track and row.get("voice") == instrument.voice
    ]
    usual = [name for name, row in rows.items() if row["track"] == instrument.track and "voice" not in row]
    return next((_first_word("instrument", name, korean) for name in exact + usual), "")
