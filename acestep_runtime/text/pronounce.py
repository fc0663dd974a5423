"""Sounds of syllables of any script: the class of the first consonant and the vowel, as vocal_tract.py writes them.

A rough approximation from Unicode character names: HIRAGANA LETTER KA, HANGUL SYLLABLE NEUN. The words are not
intelligible, but plosives, fricatives, nasals and vowels are in their places.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_CLASSES = {letter: kind for kind, letters in (("t", "bpdtgkqc"), ("s", "szfvhxj"), ("n", "mnlr"))
            for letter in letters}  # fmt: skip
#: Spellings of vowels, longest first; in English the following letters change the last vowel.
_SPELLINGS = (
    (r"igh|[iy][^aeiouy]+e$", "a"),  # light, time
    (r"ee|ea|ie|ui|yi|ey$", "i"),
    (r"ai|ay|ae|ei|a[^aeiouy]+e$|oe|we", "e"),
    (r"oo|ou|eu|ew|ue|u[^aeiouy]+e$|yu|wu", "u"),
    (r"oa|ow|aw|au|eo|o", "o"),
    (r"a", "a"), (r"e", "e"), (r"i|y", "i"), (r"u|w", "u"),
)  # fmt: skip
_NO_SPELLING = ("CJK UNIFIED", "CJK COMPATIBILITY", "DIGIT")


@lru_cache(maxsize=4096)
def syllable_sound(syllable: str) -> str:
    """Return the sound of a syllable, such as "ta" for "과" or "na" for "la": see vocal_tract.py. Never empty."""
    spelling = "".join(_romanise(char) for char in unicodedata.normalize("NFC", syllable))
    if not spelling:
        return _arbitrary_sound(syllable)
    spelling = re.sub(r"^[yw](?=[aeiou])", "", spelling)  # glides are vowels, and soft
    first = "s" if re.match(r"ch|sh|th|ts|ph", spelling) else _CLASSES.get(spelling[0], "")
    vowels = [(match.start(), order, vowel) for order, (pattern, vowel) in enumerate(_SPELLINGS)
             if (match := re.search(pattern, spelling))]  # fmt: skip
    if not vowels:
        return first + ("m" if first == "n" else "u")  # a syllable without a vowel is hummed or murmured
    return first + min(vowels)[2]


def _romanise(char: str) -> str:
    """Return Latin letters for a character: "é" → e, "か" → ka, "는" → neun; nothing where its name has none."""
    name = unicodedata.name(char, "")
    if not char.isalpha() or name.startswith(_NO_SPELLING):
        return ""
    word = (name.split(" WITH ")[0].split() or [""])[-1].lower()
    if name.startswith(("CYRILLIC", "GREEK")):  # their names name the letter: DE, EN, ALPHA
        word = word[1:] if re.fullmatch("e[flmnrs]", word) else (re.match("[aeiouy]+|[^aeiouy]+", word) or [""])[0]
    return word if word.isascii() and word.isalpha() else ""


def _arbitrary_sound(syllable: str) -> str:
    """Return an arbitrary sound, always the same for the same characters."""
    number = sum(ord(char) * (7 + place) for place, char in enumerate(syllable))
    return ("", "t", "s", "n")[number % 4] + "aeiou"[number // 4 % 5]
