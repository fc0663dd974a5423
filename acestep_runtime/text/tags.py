"""Captions as tags: taking them apart, putting them in order, and adding what a style implies. No music, no lyrics."""

from __future__ import annotations

import re
from dataclasses import replace

from acestep_runtime.text.style import Instrument, Style, style_of, table, understood
from acestep_runtime.values import MAX_TEXT, Key

_ORDER = ("genre", "mood", "instrument", "solo")
_TEMPI = ((82.0, "slow tempo", "느린 템포"), (124.0, "medium tempo", "중간 템포"), (1e9, "fast tempo", "빠른 템포"))
_TEMPO_TOLD = re.compile(r"tempo|bpm|템포|\b(?:slow|fast|quick)|느린|빠른", re.IGNORECASE)
_KEY_TOLD = re.compile(r"\b[A-G][#b♯♭]?[ -]?(?:major|minor|maj|min|장조|단조)\b|\bkey of\b", re.IGNORECASE)
#: A caption that names fewer instruments gets those that its style begins with.
_INSTRUMENTS = 2
_HANGUL = re.compile("[가-힣]")


def split(caption: str) -> list[str]:
    """Return the tags of a caption, its own words unchanged, each once (whatever its case). A sentence is one tag."""
    tags = (" ".join(tag.split()) for tag in re.split(r"[,;\n、，]", caption))
    first: dict[str, str] = {}
    for tag in tags:
        if tag:
            first.setdefault(tag.casefold(), tag)
    return list(first.values())


def joined(tags: list[str]) -> str:
    """Return tags as a caption; last ones are left out where they would not fit."""
    while len(tags) > 1 and len(", ".join(tags)) > MAX_TEXT:
        tags = tags[:-1]
    return ", ".join(tags)


def ordered(tags: list[str]) -> list[str]:
    """Put genres first, then moods, instruments, the rest, tempo and key, unless that would change what is understood."""

    def rank(tag: str) -> int:
        if _TEMPO_TOLD.search(tag) or _KEY_TOLD.search(tag):
            return len(_ORDER) + 1
        kinds = [kind for _, kind, _ in understood(tag)]
        return min((_ORDER.index(kind) for kind in kinds if kind in _ORDER), default=len(_ORDER))

    after = sorted(tags, key=rank)
    same = replace(style_of(joined(after)), words=()) == replace(style_of(joined(tags)), words=())
    return after if same else tags


def described(caption: str, style: Style, key: Key, bpm: float, language: str) -> list[str]:
    """Return a caption's tags in order, with what it leaves open: genre, instruments, a word for the tempo, key."""
    tags = split(caption)
    known = {kind for _, kind, _ in understood(caption)}
    korean = language == "ko"
    if "genre" not in known:
        tags.append(_word("genre", style.genre, korean))
    named = {name for _, kind, name in understood(caption) if kind == "instrument"}
    taken = {table()["instrument"][name]["track"] for name in named}
    for who in style.instruments:
        if len(taken) < _INSTRUMENTS and who.track not in taken and (name := _named(who, korean)):
            tags.append(name)
            taken.add(who.track)
    if not _TEMPO_TOLD.search(caption):
        tags.append(next(ko if korean else en for limit, en, ko in _TEMPI if bpm < limit))
    if not _KEY_TOLD.search(caption):
        tags.append(str(key))
    return ordered(split(joined(tags)))


def _word(kind: str, name: str, korean: bool) -> str:
    """Return the first word for a genre or instrument in a language."""
    words: list[str] = table()[kind][name]["words"]
    first = next((word for word in words if bool(_HANGUL.search(word)) == korean), words[0])
    return first + "s" if first + "s" in words else first


def _named(who: Instrument, korean: bool) -> str:
    """Return a word that asks for an instrument: by its voice, or else by its track."""
    rows = {name: row for name, row in table()["instrument"].items() if "pattern" not in row}
    exact = [name for name, row in rows.items() if row["track"] == who.track and row.get("voice") == who.voice]
    usual = [name for name, row in rows.items() if row["track"] == who.track and "voice" not in row]
    return next((_word("instrument", name, korean) for name in exact + usual), "")
