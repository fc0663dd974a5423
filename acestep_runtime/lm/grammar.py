"""What the model may write: metadata as YAML in a fixed order, then lyrics; writing such metadata, and reading it.

A grammar is text in the dialect of Lark that llguidance takes; it says after every token which ones may follow.

    bpm: 92
    caption: Warm piano ballad with brushed drums and a close, breathy
      voice
    duration: 180
    genres: pop, soul
    keyscale: A minor
    language: en
    timesignature: 4
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import TypeAlias

import yaml

from acestep_runtime.errors import EngineFailure, InvalidValue

#: Values by the names of `FIELDS`: whole numbers for bpm, duration and timesignature, texts for the others.
Metadata: TypeAlias = Mapping[str, str | int]

#: ISO 639 codes of the languages that models know how to sing.
LANGUAGES = (
    "ar", "az", "bg", "bn", "ca", "cs", "da", "de", "el", "en", "es", "fa", "fi", "fr", "he", "hi", "hr", "ht",
    "hu", "id", "is", "it", "ja", "ko", "la", "lt", "ms", "ne", "nl", "no", "pa", "pl", "pt", "ro", "ru", "sa",
    "sk", "sr", "sv", "sw", "ta", "te", "th", "tl", "tr", "uk", "ur", "vi", "yue", "zh", "unknown",
)  # fmt: skip
#: Words that YAML reads as they stand, in one line: a letter or digit first, and no colon or hash that means something.
_WORDS = r"/[\p{L}\p{N}]([\p{L}\p{M}\p{N}\p{P}\p{S} &&[^:#]]|[\p{L}\p{N}][:#][\p{L}\p{N}]){0,%d}/"
#: YAML folds captions at 80 characters; so many lines hold any that models write.
_LINE_LENGTH, _MORE_LINES, _GENRES_LENGTH = 96, 7, 80
_LYRICS_LENGTH = 4096
_LYRICS = r"/[^\x00-\x09\x0b-\x1f\x7f-\x9f]([^\x00-\x08\x0b-\x1f\x7f-\x9f]){0,%d}/"
#: Fields in their order → what each may hold: bpm 30 to 300, seconds 10 to 600, a key, a language, beats per bar.
FIELDS = {
    "bpm": "/3[0-9]|[4-9][0-9]|[12][0-9][0-9]|300/",
    "caption": rf'LINE ("\n  " LINE){{0,{_MORE_LINES}}}',
    "duration": "/[1-9][0-9]|[1-5][0-9][0-9]|600/",
    "genres": _WORDS % _GENRES_LENGTH,
    "keyscale": "/[A-G][#b♯♭]? (major|minor)/",
    "language": " | ".join(f'"{language}"' for language in LANGUAGES),
    "timesignature": "/[2346]/",
}
_WHOLE = ("bpm", "duration", "timesignature")


def grammar(given: Metadata, skipped: Collection[str], *, thought: int, end: int | None = None) -> str:
    """Return the grammar of what follows ``<think>`` and a line break, as llguidance takes it.

    Metadata: fields that are ``given`` come out as they are, those that are ``skipped`` not at all. Then the token
    ``thought``, and lyrics up to the token ``end`` where one is named. Raises `InvalidValue` for a field that there is not.
    """
    for name in (*given, *skipped):
        if name not in FIELDS:
            raise InvalidValue("fields", name, ", ".join(FIELDS))
    parts = [
        _literal(written({name: given[name]})) if name in given else f'"{name}: " {name} "\\n"'
        for name in FIELDS
        if name in given or name not in skipped
    ]
    lyrics = "" if end is None else f'"\\n\\n# Lyric\\n" LYRICS <[{end}]>'
    rules = [f"{name}: {held}" for name, held in FIELDS.items() if name not in given and name not in skipped]
    return "\n".join(
        (
            f"start: {' '.join(parts)} <[{thought}]> {lyrics}",
            *rules,
            f"LINE: {_WORDS % _LINE_LENGTH}",
            f"LYRICS: {_LYRICS % (_LYRICS_LENGTH - 1)}",
        )
    )


def _literal(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def written(metadata: Mapping[str, str | int | None]) -> str:
    """Return metadata as the YAML that models were trained on; a field that is ``None`` is left out."""
    held = {name: metadata[name] for name in FIELDS if metadata.get(name) is not None}
    if not held:
        return ""
    text: str = yaml.safe_dump(held, allow_unicode=True, sort_keys=True)
    return text


def read(thought: str) -> dict[str, str | int]:
    """Return the metadata that a thought holds: numbers for bpm, duration and timesignature, texts for the rest.

    Raises `EngineFailure` for a thought that a grammar would not have let through.
    """
    try:
        found = yaml.load(thought, yaml.BaseLoader) or {}  # which makes nothing but texts
        metadata = {name: int(found[name]) if name in _WHOLE else str(found[name]).strip() for name in found}
    except (yaml.YAMLError, TypeError, ValueError) as error:
        raise EngineFailure(
            f"The language model wrote metadata that cannot be read: {thought[:200]!r}.",
            remedy="Try another seed; if it happens again, please report it with the caption and lyrics.",
        ) from error
    return metadata
