"""The grammar of generated text: metadata as YAML in a fixed order, then lyrics. Also writes and parses such metadata.

A grammar is text in the Lark dialect of llguidance, which computes the tokens allowed at each position.

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
from acestep_runtime.values import LANGUAGES

#: Values by the names of `FIELDS`: whole numbers for bpm, duration and timesignature, texts for the others.
LmMetadata: TypeAlias = Mapping[str, str | int]

#: One line of text that YAML reads unquoted: starts with a letter or digit, without a colon or hash that has a meaning.
_LINE_PATTERN = r"/[\p{L}\p{N}]([\p{L}\p{M}\p{N}\p{P}\p{S} &&[^:#]]|[\p{L}\p{N}][:#][\p{L}\p{N}]){0,%d}/"
#: YAML folds captions at 80 characters; this many lines hold the 512 tokens that a caption may have in the public code.
_LINE_LENGTH, _MAX_EXTRA_LINES, _GENRES_LENGTH = 96, 31, 80
_LYRICS_LENGTH = 4096
_LYRICS_PATTERN = r"/[^\x00-\x09\x0b-\x1f\x7f-\x9f]([^\x00-\x08\x0b-\x1f\x7f-\x9f]){0,%d}/"
#: Fields in order → pattern of their values: bpm 30 to 300, seconds 10 to 600, a key, a language, beats per bar.
FIELDS = {
    "bpm": "/3[0-9]|[4-9][0-9]|[12][0-9][0-9]|300/",
    "caption": rf'LINE ("\n  " LINE){{0,{_MAX_EXTRA_LINES}}}',
    "duration": "/[1-9][0-9]|[1-5][0-9][0-9]|600/",
    "genres": _LINE_PATTERN % _GENRES_LENGTH,
    "keyscale": "/[A-G][#b♯♭]? (major|minor)/",
    "language": " | ".join(f'"{language}"' for language in LANGUAGES),
    "timesignature": "/[2346]/",
}
_INTEGER_FIELDS = ("bpm", "duration", "timesignature")


def build_grammar(preset: LmMetadata, skip: Collection[str], *, think_end: int, end: int | None = None) -> str:
    """Return the grammar of the text after ``<think>`` and a line break.

    The text is metadata, the token ``think_end``, and lyrics up to the token ``end`` if one is passed. ``preset`` fields have
    fixed values, fields in ``skip`` are absent. Raises `InvalidValue` for an unknown field.
    """
    for name in (*preset, *skip):
        if name not in FIELDS:
            raise InvalidValue("fields", name, ", ".join(FIELDS))
    parts = [
        _literal(metadata_to_yaml({name: preset[name]})) if name in preset else f'"{name}: " {name} "\\n"'
        for name in FIELDS
        if name in preset or name not in skip
    ]
    lyrics = "" if end is None else f'"\\n\\n# Lyric\\n" LYRICS <[{end}]>'
    rules = [f"{name}: {pattern}" for name, pattern in FIELDS.items() if name not in preset and name not in skip]
    return "\n".join(
        (
            f"start: {' '.join(parts)} <[{think_end}]> {lyrics}",
            *rules,
            f"LINE: {_LINE_PATTERN % _LINE_LENGTH}",
            f"LYRICS: {_LYRICS_PATTERN % (_LYRICS_LENGTH - 1)}",
        )
    )


def _literal(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def metadata_to_yaml(metadata: Mapping[str, str | int | None]) -> str:
    """Return metadata as the YAML that models were trained on, without fields that are ``None``."""
    values = {name: metadata[name] for name in FIELDS if metadata.get(name) is not None}
    if not values:
        return ""
    # U+0085 is a line break for YAML, which reads it back as a space.
    style = '"' if any("\x85" in str(value) for value in values.values()) else None
    text: str = yaml.safe_dump(values, allow_unicode=True, sort_keys=True, default_style=style)
    return text


def parse_metadata(thought: str) -> dict[str, str | int]:
    """Return the metadata of a thought: integers for bpm, duration and timesignature, text for the rest.

    Raises `EngineFailure` for a thought that does not follow the grammar.
    """
    try:
        values = yaml.load(thought, yaml.BaseLoader) or {}  # which returns only text
        metadata = {
            name: int(values[name]) if name in _INTEGER_FIELDS else str(values[name]).strip() for name in values
        }
    except (yaml.YAMLError, TypeError, ValueError) as error:
        raise EngineFailure(
            f"The language model wrote metadata that cannot be read: {thought[:200]!r}.",
            remedy="Try another seed; if it happens again, please report it with the caption and lyrics.",
        ) from error
    return metadata
