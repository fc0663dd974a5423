"""Lyrics as stanzas, lines and syllables.

A tag in square brackets, ``[Verse 1]``, opens a stanza; without tags, empty lines do. Times and marks of languages are neither.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from itertools import pairwise

from acestep_runtime.lyrics.marks import IS_SECTION, blank_marks, close_gaps

#: Text in square brackets, also in several; an unclosed bracket ends with its line, as where lyrics are truncated.
TAG = re.compile(rf"\[+{IS_SECTION}([^\[\]\r\n]{{1,200}})(?:\]+|(?=[\r\n]|\Z))")
#: Vowels of the alphabets whose syllables are counted by their vowels, accents removed: Latin, Greek, Cyrillic.
_VOWELS = frozenset("aeiouyæœøıəαεηιουωаеиоуыэюяєії")
#: Kana that only change the one before them.
_SMALL_KANA = frozenset("ゃゅょぁぃぅぇぉゎャュョァィゥェォヮーっッん" + "ン")
#: Two consonants that open a syllable together.
_ONSETS = re.compile("[bcfgkpst]l|[bcdfgkptw]r|[cgpstw]h|qu|s[cklmnptw]|tw")
#: An e that English does not sound: love, moved, makes; but little, wanted, roses.
_SILENT_E = re.compile(r"(?<=[a-z])(?:(?<![aeiouy])(?<![^aeiouy]l)e|[^aeioutdy]ed|[^aeiouycsxzhg]es)$")


@dataclass(frozen=True)
class Line:
    """A line as written, and its syllables (at least one), without the punctuation."""

    text: str
    syllables: tuple[str, ...]


@dataclass(frozen=True)
class Stanza:
    """The lines under a tag; ``tag`` is empty when there is none, ``lines`` in an instrumental section."""

    tag: str
    lines: tuple[Line, ...]


def parse(lyrics: str) -> tuple[Stanza, ...]:
    """Return the stanzas of ``lyrics`` in order. Lines without a letter or digit to sing, such as "...", are left out."""
    stanzas: list[tuple[str, list[Line]]] = []
    for row in blank_marks(lyrics).splitlines():
        at = 0
        for tag in TAG.finditer(row):
            _add_line(stanzas, row[at : tag.start()])
            stanzas.append((tag[1].strip(), []))
            at = tag.end()
        if row.strip():
            _add_line(stanzas, row[at:])
        elif stanzas and not stanzas[-1][0] and stanzas[-1][1]:
            stanzas.append(("", []))
    return tuple(Stanza(tag, tuple(lines)) for tag, lines in stanzas if tag or lines)


def _add_line(stanzas: list[tuple[str, list[Line]]], text: str) -> None:
    if line_syllables := syllables(text):
        if not stanzas:
            stanzas.append(("", []))
        stanzas[-1][1].append(Line(close_gaps(text), line_syllables))


def lyric_lines(lyrics: str) -> tuple[Line, ...]:
    """Return every line of ``lyrics`` in order; none for "", "[Instrumental]" or "..."."""
    return tuple(line for stanza in parse(lyrics) for line in stanza.lines)


#: Scripts that leave no spaces between words: Chinese characters and kana, and what changes the one before.
_SPACELESS = "\u3040-\u30ff\u31f0-\u31ff\u3400-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
_WORD = re.compile(
    rf"[{_SPACELESS}](?:[{''.join(sorted(_SMALL_KANA))}\u3099\u309a]|[^\w\s{_SPACELESS}])*|[^\s{_SPACELESS}]+"
)


def word_spans(text: str) -> list[tuple[int, int]]:
    """Return the spans of words: between spaces, or single characters in scripts without spaces. Marks belong to the word
    before them."""
    return [match.span() for match in _WORD.finditer(text)]


def syllables(text: str) -> tuple[str, ...]:
    """Return the syllables of ``text``: one for each Hangul or Chinese character, kana or digit, else one a vowel.

    Exact for scripts that write syllables; for alphabets a rule of thumb that is right for most words of English and
    nearly all of languages that are spelled as spoken. Together they hold every letter of the text, in order.
    """
    parts: list[str] = []
    for word in re.findall(r"[^\W_]+(?:['’][^\W_]+)*", unicodedata.normalize("NFC", text)):
        parts += _word_syllables(word)
    return tuple(parts)


def _word_syllables(word: str) -> list[str]:
    """Cut a word where its script changes between characters that are syllables and letters that make them up."""
    parts: list[str] = []
    letters = ""
    for char in word:
        if char in _SMALL_KANA and parts and not letters:
            parts[-1] += char
        elif unicodedata.combining(char) or unicodedata.category(char) == "Mc":
            if letters or not parts:
                letters += char
            else:
                parts[-1] += char
        elif _is_alphabetic(char):
            letters += char
        else:
            parts += [*_letter_syllables(letters), char]
            letters = ""
    return parts + _letter_syllables(letters)


def _is_alphabetic(char: str) -> bool:
    name = unicodedata.name(char, "")
    return name.startswith(("LATIN", "GREEK", "CYRILLIC", "APOSTROPHE", "RIGHT SINGLE QUOTATION"))


def _base(char: str) -> str:
    return unicodedata.normalize("NFD", char)[0].lower()


def _letter_syllables(word: str) -> list[str]:
    """Cut a word of an alphabet: a vowel group each, one consonant before it, none for a silent e at the end."""
    if not word:
        return []
    low = "".join(_base(c) for c in word)
    groups = [list(m.span()) for m in re.finditer(f"[{''.join(_VOWELS)}]+", low)]
    if len(groups) > 1 and _SILENT_E.search(word.lower()):
        groups.pop()
    cuts = []
    for (_, end), (start, _) in pairwise(groups):
        between = low[end:start]
        keep = 0 if len(between) < 2 else len(between) - (2 if _ONSETS.fullmatch(between[-2:]) else 1)
        cuts.append(end + keep)
    return [word[a:b] for a, b in zip([0, *cuts], [*cuts, len(word)], strict=True)]
