"""Chords by their degree in a key: Roman numerals such as "bVII7" and "V/ii", and numbers such as "6-" (Nashville)."""

from __future__ import annotations

import re

from acestep_runtime.chords.symbols import ChordName, read_quality
from acestep_runtime.values import Key

SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}

_NUMERALS = ("i", "ii", "iii", "iv", "v", "vi", "vii")
#: A numeral and, after a slash, the degree whose key it is taken from.
_ROMAN = re.compile(
    r"([b#]?)(vii|vi|v|iv|iii|ii|i|VII|VI|V|IV|III|II|I)((?:[^/]|/(?=9))*)"
    r"(?:/([b#]?(?:vii|vi|v|iv|iii|ii|i|VII|VI|V|IV|III|II|I)))?"
)
_NUMBER = re.compile(r"([b#]?)([1-7])((?:[^/]|/(?=9))*)(?:/([b#]?)([1-7]))?")
#: "iim7" says its minor third twice.
_MINOR = re.compile(r"^(?:m(?!aj)|min)")
_SIGNS = str.maketrans({"♯": "#", "♭": "b"})
#: What may follow a small numeral, where it is not just minor.
_OF_SMALL = {
    "°": "dim", "o": "dim", "dim": "dim", "°7": "dim7", "o7": "dim7", "dim7": "dim7", "ø": "m7b5", "ø7": "m7b5", "7b5": "m7b5"
}  # fmt: skip


def is_degree(text: str) -> bool:
    """Return whether a text is a chord by its degree, which takes a key to be read."""
    return read_degree(text, Key(0, "major")) is not None


def read_degree(text: str, key: Key) -> ChordName | None:
    """Return the chord of a numeral or number in a key; ``None`` for what is none.

    Degrees are those of the key's own scale, except that ``b`` lowers one of the major scale; ``#`` raises one of the own
    scale. A small numeral is minor. In minor, vii with ° or ø is on the raised seventh, as is usual. ``V/ii`` is V in the key
    of ii; after a number the slash names the bass, as in Nashville charts.
    """
    plain = text.translate(_SIGNS)
    match = _ROMAN.fullmatch(plain)
    if match is not None:
        mark, numeral, figure, of = match.groups()
        return _read_roman(mark, numeral, figure, of, key)
    match = _NUMBER.fullmatch(plain)
    if match is None:
        return None
    sign, number, rest, low_sign, low = match.groups()
    quality = read_quality(rest)
    if quality is None:
        return None
    root = _degree(sign, int(number) - 1, key)
    bass = None if low is None else _degree(low_sign, int(low) - 1, key)
    return ChordName(root, quality, None if bass == root else bass)


def _read_roman(sign: str, numeral: str, rest: str, of: str | None, key: Key) -> ChordName | None:
    if of is not None:
        mark, degree_of = _split(of)
        target = _read_roman(mark, degree_of, "", None, key)
        if target is None:
            return None
        key = Key(target.root, "minor" if of.lstrip("b#").islower() else "major")
    is_small = numeral.islower()
    quality = _OF_SMALL.get(rest) if is_small else read_quality(rest)
    if is_small and quality is None:
        quality = read_quality(f"m{_MINOR.sub('', rest)}")
    if quality is None:
        return None
    degree = _NUMERALS.index(numeral.lower())
    raised = key.mode == "minor" and degree == 6 and not sign and quality in ("dim", "dim7", "m7b5")
    return ChordName((_degree(sign, degree, key) + raised) % 12, quality)


def _split(degree: str) -> tuple[str, str]:
    return degree[: -len(degree.lstrip("b#"))], degree.lstrip("b#")


def _degree(sign: str, degree: int, key: Key) -> int:
    scale = SCALES["major" if sign == "b" else key.mode]
    return (key.tonic + scale[degree] + {"b": -1, "#": 1}.get(sign, 0)) % 12
