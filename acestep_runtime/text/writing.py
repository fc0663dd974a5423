"""Writing a song sheet from one sentence: caption, lyrics, tempo, key and length. The lines are data: writing.toml.

No sound, and only word matching: a description names a style (`style`), a subject ("about …") and a theme.
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

from acestep_runtime.text.style import Style, find_style_words, style_from_caption, word_pattern
from acestep_runtime.text.tags import complete_tags, join_tags
from acestep_runtime.values import Key, clip_bpm

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
    """The inputs of a song. ``lyrics`` are `INSTRUMENTAL` without vocals; ``duration_s`` is whole."""

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
    """Return the content of writing.toml."""
    with (Path(__file__).parent / "writing.toml").open("rb") as file:
        return tomllib.load(file)


def is_instrumental(text: str) -> bool:
    """Return whether a caption or description asks for music without vocals."""
    low = text.lower()
    return any(word in low for word in table()["sayings"]["instrumental"])


def write_song(description: str, *, instrumental: bool = False, seed: int = 0) -> Sheet:
    """Write a song sheet from a description in English or Korean; deterministic for a seed.

    Tempo, key, meter and length in the description are kept. A subject ("about …") appears in the lines.
    """
    language = "ko" if _HANGUL.search(description) else "en"
    rng = np.random.default_rng([seed, crc32(description.encode())])
    theme = _find_theme(description, language)
    subject, rest = _split_subject(description, language)
    no_vocals = instrumental or is_instrumental(description)
    style = style_from_caption(rest)
    bpm, key, meter = propose(description, style, rng, sad=theme in _SAD_THEMES)
    low_s, high_s = table()["lengths"].get(style.genre, table()["lengths"]["usual"])
    bar_s = meter * 60 / bpm
    requested_s = _parse_length_s(description)
    name = _choose_form(requested_s or float(rng.uniform(low_s, high_s)), bar_s)
    duration_s = requested_s or float(round(min(high_s, max(low_s, _form_bars(name) * bar_s))))
    caption = join_tags(complete_tags(_strip_request_words(rest), style, key, bpm, language))
    lyrics = (
        INSTRUMENTAL
        if no_vocals
        else _write_lyrics(name, theme, subject or table()[language][theme]["subject"], language, rng)
    )
    return Sheet(caption, lyrics, bpm, str(key), meter, duration_s, language, no_vocals)


def propose(text: str, style: Style, rng: np.random.Generator, *, sad: bool = False) -> tuple[float, Key, int]:
    """Return tempo, key and beats per bar: from the text ("at 90 bpm", "in A minor", "waltz"), else from the style."""
    meter = 3 if any(word in text.lower() for word in _WALTZ) else 6 if any(w in text for w in _COMPOUND) else 4
    random_bpm = float(round(rng.uniform(*style.bpm))) * (1.5 if meter == 6 else 1.0)
    tempo_match = _BPM.search(text)
    bpm = clip_bpm(float(tempo_match[1]) if tempo_match else random_bpm)
    mode = style.mode or ("minor" if sad or rng.random() < 0.3 else "major")
    key = Key(_TONICS[mode][rng.integers(len(_TONICS[mode]))], mode)
    if key_match := _KEY.search(text):
        key = Key.parse(f"{key_match[1]} {'major' if key_match[2].lower() in ('major', '장조') else 'minor'}")
    return bpm, key, meter


def _parse_length_s(text: str) -> float:
    """Return the length that a text names, in seconds, 10 to 600; 0 when it names none."""
    match = _LENGTH.search(text)
    if not match:
        return 0.0
    seconds = float(match[1]) * (60 if match[2][0].lower() in "m분" else 1)
    return float(round(min(600.0, max(10.0, seconds))))


def _find_theme(text: str, language: str) -> str:
    """Return the theme with the most words in a text; the first of equals; "neutral" for none."""
    low = text.lower()
    counts = {}
    for name, row in table()[language].items():
        words = [w for w in row["words"] if (w in low if language == "ko" else word_pattern(w).search(low))]
        counts[name] = len(words)
    # "lost love" is about loss: among equally frequent themes, love gives way.
    best = max(counts, key=lambda name: (counts[name], name != "love"))
    return best if counts[best] else "neutral"


def _split_subject(description: str, language: str) -> tuple[str, str]:
    """Return the subject that a description names, empty for none, and the rest of it."""
    match = (_ABOUT_KO if language == "ko" else _ABOUT_EN).search(description)
    if not match:
        return "", description
    raw = match[1]
    if language == "en":
        end = _SUBJECT_ENDS.search(raw)
        words, after = (raw[: end.start()], raw[end.start() :]) if end else (raw, "")
        subject = _clean_words(words)[: _LONGEST_SUBJECT[0]]
        while subject and subject[-1].lower() in ("a", "an", "the", "of", "and", "or", "to", "in", "my", "our"):
            subject.pop()
        rest = f"{description[: match.start()].strip()} {after.strip()}"
    else:
        subject = re.split(r"[,.;:!?\n()\[\]{}\"]", raw)[-1].split()[-3:]
        word_count = len(subject)
        while len(subject) > 1 and find_style_words(subject[0]):
            subject.pop(0)
        before = raw.rsplit(" ".join(subject), 1)[0] if word_count else raw
        subject = _clean_words(" ".join(subject))
        rest = f"{before.strip()} {description[match.end() :].strip()}"
    phrase = " ".join(subject)
    return (phrase if len(phrase) <= _LONGEST_SUBJECT[1] else ""), rest.strip(" ,")


def _clean_words(text: str) -> list[str]:
    """Return the words of a text, with nothing in them but letters, digits, apostrophes and hyphens."""
    words = (re.sub(r"[^\w'’-]|_", "", word).strip("-") for word in text.split())
    return [word for word in words if any(c.isalnum() for c in word)]


def _strip_request_words(text: str) -> str:
    """Return a description without request words such as "write me a song"."""
    filler = set(table()["sayings"]["filler"])
    tags = []
    for tag in re.split(r"[,;\n]", text):
        words = tag.split()
        while words and words[0].lower().strip(".!") in filler:
            words.pop(0)
        while words and words[-1].lower().strip(".!") in filler:
            words.pop()
        tags.append(" ".join(words).strip(" ."))
    return ", ".join(tag for tag in tags if tag)


def _form_sections(name: str) -> list[tuple[str, str, int]]:
    """Return the sections of a form as (tag, pool letter or "", lines or bars)."""
    rows = []
    for entry in table()["forms"][name]:
        tag, _, size = entry.rpartition(" ")
        rows.append((tag, size[0] if size[0].isalpha() else "", int(size.lstrip("VPCB"))))
    return rows


def _form_bars(name: str) -> int:
    return sum(size * (_BARS_A_LINE if pool else 1) for _, pool, size in _form_sections(name))


def _choose_form(length_s: float, bar_s: float) -> str:
    """Return the form whose lines come nearest to two bars each for a song length."""
    forms: dict[str, list[str]] = table()["forms"]
    return min(forms, key=lambda name: abs(np.log(_form_bars(name) * bar_s / length_s)))


def _write_lyrics(form: str, theme: str, subject: str, language: str, rng: np.random.Generator) -> str:
    own, common = table()[language][theme], table()[language]["neutral"]

    def draw_couplets(*pools: list[list[str]]) -> list[list[str]]:
        """Return the couplets of every pool, each pool in random order, pools in sequence, without repeats."""
        rows = [pool[k] for pool in pools for k in rng.permutation(len(pool))]
        return [row for n, row in enumerate(rows) if row not in rows[:n]]

    verses = draw_couplets(own["verse"], common["verse"])
    hook, other_hook = draw_couplets(common["hooks"])[:2]
    chorus = [hook, *draw_couplets(own["chorus"], common["chorus"])]
    bridge = [other_hook, *draw_couplets(common["bridge"])]
    pre = draw_couplets(common["pre"])
    stanzas = []
    for tag, pool, size in _form_sections(form):
        couplets = size // 2
        if pool == "V":
            rows, verses = verses[:couplets], verses[couplets:]
        else:
            rows = {"P": pre, "C": chorus, "B": bridge, "": []}[pool][:couplets]
        lines = [fill_subject(line, subject) for row in rows for line in row]
        stanzas.append("\n".join([f"[{tag}]", *lines]))
    return "\n\n".join(stanzas)


def fill_subject(line: str, subject: str) -> str:
    """Insert the subject, with the Korean particle that fits its last syllable: ``{subject:을/를}``."""

    def place(match: re.Match[str]) -> str:
        after_consonant, _, after_vowel = (match[1] or "").partition("/")
        last = ord(subject[-1])
        ends_in_consonant = 0xAC00 <= last <= 0xD7A3 and (last - 0xAC00) % 28 > 0
        return subject + (after_consonant if ends_in_consonant else after_vowel)

    return re.sub(r"\{subject(?::([^}]*))?\}", place, line)
