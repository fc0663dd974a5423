"""From one sentence to a song sheet: caption, lyrics, tempo, key and length. The lines themselves are data: writing.toml.

No sound, and no understanding beyond words: a description names a style (`style`), a subject ("about …") and a theme.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from acestep_runtime.text.style import Style, style_of, understood, word_pattern
from acestep_runtime.text.tags import described, joined
from acestep_runtime.values import Key

if sys.version_info >= (3, 11):
    import tomllib
else:  # pragma: no cover
    import tomli as tomllib

INSTRUMENTAL = "[Instrumental]"
_TONICS = {"major": (0, 2, 4, 5, 7, 9, 10), "minor": (9, 11, 0, 2, 4, 5, 7)}
_SAD_THEMES = ("loss", "war")
_BARS_A_LINE = 2
_HANGUL = re.compile("[가-힣]")
_ABOUT_EN = re.compile(r"\b(?:about|regarding|telling of|dedicated to)\s+(.+)", re.IGNORECASE)
_ABOUT_KO = re.compile(r"(.+?)(?:에|을|를)?\s*(?:대한|관한|대해서?|관해서?|주제로(?: 한)?|노래하는|담은)(?=\s|$)")
#: What ends a subject: "about lost love with strings", "about the sea, slow".
_SUBJECT_ENDS = re.compile(
    r"[,.;:!?\n()\[\]{}\"]|\s(?:with|featuring|in the style|in a|in [A-G][#b]?\s|at \d|using|sung by|for my|that has)\b"
)
#: In words and in characters.
_LONGEST_SUBJECT = (6, 48)
_BPM = re.compile(r"(\d{2,3}(?:\.\d+)?)\s*bpm\b", re.IGNORECASE)
_KEY = re.compile(r"\b([A-G][#b♯♭]?)[ -]?(major|minor|장조|단조)\b", re.IGNORECASE)
_LENGTH = re.compile(r"(\d+(?:\.\d+)?)[ -]?(minutes?|mins?|seconds?|secs?|분|초)(?![a-z])", re.IGNORECASE)
_WALTZ = ("waltz", "3/4", "왈츠")
_COMPOUND = ("6/8", "12/8")


@dataclass(frozen=True)
class Sheet:
    """All that a song needs to be made. ``lyrics`` are `INSTRUMENTAL` when nobody sings; ``duration_s`` is whole."""

    caption: str
    lyrics: str
    bpm: float
    keyscale: str
    timesignature: int
    duration_s: float
    language: str
    instrumental: bool


@cache
def table() -> dict[str, Any]:
    """Return writing.toml as it stands."""
    with (Path(__file__).parent / "writing.toml").open("rb") as file:
        return tomllib.load(file)


def is_instrumental(text: str) -> bool:
    """Say whether a caption or description asks for music without singing."""
    low = text.lower()
    return any(word in low for word in table()["sayings"]["instrumental"])


def write_song(description: str, *, instrumental: bool = False, seed: int = 0) -> Sheet:
    """Write a whole song from a description in English or Korean; the same seed gives the same one.

    What the description says of tempo, key, meter and length is kept. A subject ("about …") comes back in the lines.
    """
    language = "ko" if _HANGUL.search(description) else "en"
    rng = np.random.default_rng([seed, crc32(description.encode())])
    theme = _theme(description, language)
    subject, rest = _subject(description, language)
    nobody = instrumental or is_instrumental(description)
    style = style_of(rest)
    bpm, key, meter = propose(description, style, rng, sad=theme in _SAD_THEMES)
    low_s, high_s = table()["lengths"].get(style.genre, table()["lengths"]["usual"])
    bar_s = meter * 60 / bpm
    asked_s = _asked_length(description)
    name = _form(asked_s or float(rng.uniform(low_s, high_s)), bar_s)
    duration_s = asked_s or float(round(min(high_s, max(low_s, _bars(name) * bar_s))))
    caption = joined(described(_stripped(rest), style, key, bpm, language))
    lyrics = (
        INSTRUMENTAL if nobody else _lyrics(name, theme, subject or table()[language][theme]["subject"], language, rng)
    )
    return Sheet(caption, lyrics, bpm, str(key), meter, duration_s, language, nobody)


def propose(text: str, style: Style, rng: np.random.Generator, *, sad: bool = False) -> tuple[float, Key, int]:
    """Return tempo, key and beats per bar: as a text says ("at 90 bpm", "in A minor", "waltz"), or else as suits a style."""
    meter = 3 if any(word in text.lower() for word in _WALTZ) else 6 if any(w in text for w in _COMPOUND) else 4
    drawn = float(round(rng.uniform(*style.bpm))) * (1.5 if meter == 6 else 1.0)
    asked = _BPM.search(text)
    bpm = min(300.0, max(30.0, float(asked[1]) if asked else drawn))
    mode = style.mode or ("minor" if sad or rng.random() < 0.3 else "major")
    key = Key(_TONICS[mode][rng.integers(len(_TONICS[mode]))], mode)
    if named := _KEY.search(text):
        key = Key.parse(f"{named[1]} {'major' if named[2].lower() in ('major', '장조') else 'minor'}")
    return bpm, key, meter


def _asked_length(text: str) -> float:
    """Return the length that a text asks for in seconds, 10 to 600; 0 when it asks for none."""
    found = _LENGTH.search(text)
    if not found:
        return 0.0
    seconds = float(found[1]) * (60 if found[2][0].lower() in "m분" else 1)
    return float(round(min(600.0, max(10.0, seconds))))


def _theme(text: str, language: str) -> str:
    """Return the theme with the most words in a text; the first of equals; "neutral" for none."""
    low = text.lower()
    counts = {}
    for name, row in table()[language].items():
        words = [w for w in row["words"] if (w in low if language == "ko" else word_pattern(w).search(low))]
        counts[name] = len(words)
    # "lost love" is about loss: of themes named as often, love gives way.
    best = max(counts, key=lambda name: (counts[name], name != "love"))
    return best if counts[best] else "neutral"


def _subject(description: str, language: str) -> tuple[str, str]:
    """Return the subject that a description names, empty for none, and the rest of it."""
    found = (_ABOUT_KO if language == "ko" else _ABOUT_EN).search(description)
    if not found:
        return "", description
    raw = found[1]
    if language == "en":
        end = _SUBJECT_ENDS.search(raw)
        words, after = (raw[: end.start()], raw[end.start() :]) if end else (raw, "")
        subject = _plain(words)[: _LONGEST_SUBJECT[0]]
        while subject and subject[-1].lower() in ("a", "an", "the", "of", "and", "or", "to", "in", "my", "our"):
            subject.pop()
        rest = f"{description[: found.start()].strip()} {after.strip()}"
    else:
        subject = re.split(r"[,.;:!?\n()\[\]{}\"]", raw)[-1].split()[-3:]
        kept = len(subject)
        while len(subject) > 1 and understood(subject[0]):
            subject.pop(0)
        before = raw.rsplit(" ".join(subject), 1)[0] if kept else raw
        subject = _plain(" ".join(subject))
        rest = f"{before.strip()} {description[found.end() :].strip()}"
    named = " ".join(subject)
    return (named if len(named) <= _LONGEST_SUBJECT[1] else ""), rest.strip(" ,")


def _plain(text: str) -> list[str]:
    """Return the words of a text, with nothing in them but letters, digits, apostrophes and hyphens."""
    words = (re.sub(r"[^\w'’-]|_", "", word).strip("-") for word in text.split())
    return [word for word in words if any(c.isalnum() for c in word)]


def _stripped(text: str) -> str:
    """Return a description without the words that say nothing about the sound, such as "write me a song"."""
    filler = set(table()["sayings"]["filler"])
    kept = []
    for tag in re.split(r"[,;\n]", text):
        words = tag.split()
        while words and words[0].lower().strip(".!") in filler:
            words.pop(0)
        while words and words[-1].lower().strip(".!") in filler:
            words.pop()
        kept.append(" ".join(words).strip(" ."))
    return ", ".join(tag for tag in kept if tag)


def _parts(name: str) -> list[tuple[str, str, int]]:
    """Return the sections of a form as (tag, pool letter or "", lines or bars)."""
    rows = []
    for entry in table()["forms"][name]:
        tag, _, size = entry.rpartition(" ")
        rows.append((tag, size[0] if size[0].isalpha() else "", int(size.lstrip("VPCB"))))
    return rows


def _bars(name: str) -> int:
    return sum(size * (_BARS_A_LINE if pool else 1) for _, pool, size in _parts(name))


def _form(length_s: float, bar_s: float) -> str:
    """Return the form whose lines get nearest to two bars each in a song of a length."""
    forms: dict[str, list[str]] = table()["forms"]
    return min(forms, key=lambda name: abs(np.log(_bars(name) * bar_s / length_s)))


def _lyrics(form: str, theme: str, subject: str, language: str, rng: np.random.Generator) -> str:
    own, common = table()[language][theme], table()[language]["neutral"]

    def drawn(*pools: list[list[str]]) -> list[list[str]]:
        """Return the couplets of every pool in an order of its own, one pool after the other, each once."""
        rows = [pool[k] for pool in pools for k in rng.permutation(len(pool))]
        return [row for n, row in enumerate(rows) if row not in rows[:n]]

    verses = drawn(own["verse"], common["verse"])
    hook, other_hook = drawn(common["hooks"])[:2]
    chorus = [hook, *drawn(own["chorus"], common["chorus"])]
    bridge = [other_hook, *drawn(common["bridge"])]
    pre = drawn(common["pre"])
    stanzas = []
    for tag, pool, size in _parts(form):
        couplets = size // 2
        if pool == "V":
            rows, verses = verses[:couplets], verses[couplets:]
        else:
            rows = {"P": pre, "C": chorus, "B": bridge, "": []}[pool][:couplets]
        lines = [filled(line, subject) for row in rows for line in row]
        stanzas.append("\n".join([f"[{tag}]", *lines]))
    return "\n\n".join(stanzas)


def filled(line: str, subject: str) -> str:
    """Put the subject in its place, with the Korean particle that its last syllable wants: ``{subject:을/를}``."""

    def place(match: re.Match[str]) -> str:
        after_consonant, _, after_vowel = (match[1] or "").partition("/")
        last = ord(subject[-1])
        closed = 0xAC00 <= last <= 0xD7A3 and (last - 0xAC00) % 28 > 0
        return subject + (after_consonant if closed else after_vowel)

    return re.sub(r"\{subject(?::([^}]*))?\}", place, line)
