"""Chord symbols such as "Am7", "F#m7b5/C" and "N.C.": read, written, transposed. No key, no bars."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from acestep_runtime.values import PITCH_NAMES

#: Semitones above the root, by quality: the third (or what stands for it) second, the fifth third, then colours.
#: 11 leaves out its third, as players do: the eleventh would be a minor ninth above it. 5 has its root twice.
QUALITIES = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "7": (0, 4, 7, 10),
    "maj7": (0, 4, 7, 11),
    "m7": (0, 3, 7, 10),
    "sus4": (0, 5, 7),
    "dim": (0, 3, 6),
    "aug": (0, 4, 8),
    "sus2": (0, 2, 7),
    "5": (0, 7, 12),
    "6": (0, 4, 7, 9),
    "m6": (0, 3, 7, 9),
    "69": (0, 4, 7, 9, 14),
    "m69": (0, 3, 7, 9, 14),
    "mb6": (0, 3, 7, 8),
    "mmaj7": (0, 3, 7, 11),
    "m7b5": (0, 3, 6, 10),
    "m7#5": (0, 3, 8, 10),
    "dim7": (0, 3, 6, 9),
    "dimmaj7": (0, 3, 6, 11),
    "7b5": (0, 4, 6, 10),
    "7#5": (0, 4, 8, 10),
    "maj7b5": (0, 4, 6, 11),
    "maj7#5": (0, 4, 8, 11),
    "7sus2": (0, 2, 7, 10),
    "7sus4": (0, 5, 7, 10),
    "add9": (0, 4, 7, 14),
    "madd9": (0, 3, 7, 14),
    "add11": (0, 4, 7, 17),
    "madd11": (0, 3, 7, 17),
    "9": (0, 4, 7, 10, 14),
    "maj9": (0, 4, 7, 11, 14),
    "m9": (0, 3, 7, 10, 14),
    "mmaj9": (0, 3, 7, 11, 14),
    "m9b5": (0, 3, 6, 10, 14),
    "9sus4": (0, 5, 7, 10, 14),
    "9b5": (0, 4, 6, 10, 14),
    "9#5": (0, 4, 8, 10, 14),
    "9#11": (0, 4, 7, 10, 14, 18),
    "maj9#11": (0, 4, 7, 11, 14, 18),
    "11": (0, 5, 7, 10, 14),
    "m11": (0, 3, 7, 10, 14, 17),
    "m11b5": (0, 3, 6, 10, 17),
    "13": (0, 4, 7, 10, 14, 21),
    "maj13": (0, 4, 7, 11, 14, 21),
    "m13": (0, 3, 7, 10, 14, 21),
    "13sus4": (0, 5, 7, 10, 14, 21),
    "13b9": (0, 4, 7, 10, 13, 21),
    "13#9": (0, 4, 7, 10, 15, 21),
    "13#11": (0, 4, 7, 10, 18, 21),
    "maj13#11": (0, 4, 7, 11, 18, 21),
    "maj7#11": (0, 4, 7, 11, 18),
    "7b9": (0, 4, 7, 10, 13),
    "7#9": (0, 4, 7, 10, 15),
    "7#11": (0, 4, 7, 10, 18),
    "7b13": (0, 4, 7, 10, 20),
    "7b9sus4": (0, 5, 7, 10, 13),
    "7b13sus4": (0, 5, 7, 10, 20),
    "7b5b9": (0, 4, 6, 10, 13),
    "7b5#9": (0, 4, 6, 10, 15),
    "7#5b9": (0, 4, 8, 10, 13),
    "7#5#9": (0, 4, 8, 10, 15),
    "7b9#9": (0, 4, 7, 10, 13, 15),
    "7b9#11": (0, 4, 7, 10, 13, 18),
    "7#9#11": (0, 4, 7, 10, 15, 18),
    "7b9b13": (0, 4, 7, 10, 13, 20),
    "7alt": (0, 4, 8, 10, 15),
}
#: The symbol of a rest for all that has a pitch.
NO_CHORD_NAME = "N.C."

#: Ways to write a part of a quality. The first is ours.
_SPELLINGS = {
    "maj": ("maj", "Maj", "MAJ", "ma", "Ma", "M", "^", "Δ", "△", "j"),
    "m": ("m", "min", "Min", "MIN", "mi", "-"),
    "dim": ("dim", "Dim", "o", "°"),
    "aug": ("aug", "Aug", "+"),
    "sus4": ("sus4", "sus"),
    "add9": ("add9", "add2"),
    "add11": ("add11", "add4"),
}
_PART = re.compile("maj|dim|aug|sus4|add9|add11|m")
#: Qualities with names of their own → ours.
_NAMES = {
    "maj": "", "Maj": "", "M": "", "^": "maj7", "Δ": "maj7", "△": "maj7", "h": "m7b5", "h7": "m7b5", "ø": "m7b5", "ø7": "m7b5",
    "h9": "m9b5", "ø9": "m9b5", "+7": "7#5", "aug7": "7#5", "7+": "7#5", "7aug": "7#5", "+9": "9#5", "aug9": "9#5",
    "+maj7": "maj7#5", "augmaj7": "maj7#5", "+M7": "maj7#5", "alt": "7alt", "2": "add9", "m2": "madd9", "dom7": "7",
    "#5": "aug",
    "m#5": "m7#5", "sus24": "7sus2", "susb9": "7b9sus4", "mmaj": "mmaj7", "6add9": "69", "m6add9": "m69",
}  # fmt: skip
_ACCIDENTALS = str.maketrans({"♯": "#", "＃": "#", "♭": "b", "−": "-", "–": "-"})
_ROOTS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11, "H": 11}
_SYMBOL = re.compile(r"([A-H])([#b]?)((?:[^/]|/(?=9))*)(?:/([A-H])([#b]?))?")
_ALTERATION = re.compile(r"sus4?|[#b](?:5|9|11|13)")


def _spell(quality: str) -> Iterator[str]:
    """Yield all ways to write a quality."""
    parts = _PART.split(quality)
    ways = [_SPELLINGS[part] for part in _PART.findall(quality)]
    for chosen in itertools.product(*ways):
        yield "".join(itertools.chain.from_iterable(itertools.zip_longest(parts, chosen, fillvalue="")))


def _sort_alterations(quality: str) -> str:
    """Return a quality with its alterations in the order of their degrees, "sus" last: "7#9b5" is "7b5#9"."""
    marks = _ALTERATION.findall(quality)
    if len(marks) < 2:
        return quality
    first = _ALTERATION.search(quality)
    assert first is not None
    if "".join(marks) != quality[first.start() :]:
        return quality
    marks.sort(key=lambda mark: (mark.startswith("sus"), int(mark.lstrip("#bsu") or 0), mark[0] == "#"))
    return quality[: first.start()] + "".join(marks)


_READ = {spelling: quality for quality in QUALITIES for spelling in _spell(quality)} | _NAMES


@dataclass(frozen=True)
class ChordName:
    """A chord: its ``root`` and, where another note is lowest, its ``bass``, both pitch classes 0–11 (C = 0).

    ``quality`` is a key of `QUALITIES`, or `NO_CHORD_NAME`.
    """

    root: int
    quality: str = ""
    bass: int | None = None

    @property
    def is_silent(self) -> bool:
        """Whether this is N.C.: nothing with a pitch is played."""
        return self.quality == NO_CHORD_NAME

    @property
    def lowest(self) -> int:
        """The pitch class in the bass."""
        return self.root if self.bass is None else self.bass

    @property
    def pitch_classes(self) -> tuple[int, ...]:
        """Pitch classes without the bass, the root first; none for N.C."""
        return tuple((self.root + tone) % 12 for tone in QUALITIES.get(self.quality, ()))

    def transpose(self, semitones: int) -> ChordName:
        """Return the chord higher by some semitones; N.C. stays."""
        if self.is_silent:
            return self
        bass = None if self.bass is None else (self.bass + semitones) % 12
        return replace(self, root=(self.root + semitones) % 12, bass=bass)

    def __str__(self) -> str:
        if self.is_silent:
            return NO_CHORD_NAME
        slash = "" if self.bass is None else f"/{PITCH_NAMES[self.bass]}"
        return f"{PITCH_NAMES[self.root]}{self.quality}{slash}"


NO_CHORD = ChordName(0, NO_CHORD_NAME)


def read_quality(text: str) -> str | None:
    """Return the key of `QUALITIES` that a quality such as "min7", "Δ" or "7(b9)" is written for; ``None`` for none."""
    plain = re.sub(r"[\s(),]", "", text.translate(_ACCIDENTALS)).replace("6/9", "69")
    plain = re.sub(r"(?<=\d)-(?=5|9|13)", "b", re.sub(r"(?<=\d)\+(?=5|9|11)", "#", plain))
    return next((_READ[way] for way in (plain, _sort_alterations(plain)) if way in _READ), None)


def read_symbol(text: str) -> ChordName | None:
    """Return the chord of a symbol such as "Bb7/D", "F♯ø" or "N.C."; ``None`` for what is none.

    A root of H is B, as German names it; `acestep_runtime.chords.read` refuses texts in which that is ambiguous.
    """
    if text.upper().rstrip(".") in ("N.C", "NC", "N"):
        return NO_CHORD
    match = _SYMBOL.fullmatch(text.translate(_ACCIDENTALS))
    if match is None:
        return None
    letter, accidental, rest, low_letter, low_accidental = match.groups()
    quality = read_quality(rest)
    if quality is None:
        return None
    root = _pitch_class(letter, accidental)
    low = None if low_letter is None else _pitch_class(low_letter, low_accidental)
    return ChordName(root, quality, None if low == root else low)


def _pitch_class(letter: str, accidental: str) -> int:
    return (_ROOTS[letter] + {"#": 1, "b": -1}.get(accidental, 0)) % 12
