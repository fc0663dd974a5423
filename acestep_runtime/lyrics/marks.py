"""Marks in lyrics that are no words and no sections: times, such as ``[00:12.34]``, notes on the file, such as
``[ti:Title]``, and languages, such as ``[ja-JP]``.

A tag in brackets is a language where the whole of it is an ISO 639 code, with or without a region or a script, or the name of a
language. A time in the name of a section, as in ``[Solo 0:45]``, belongs to the name.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

#: ISO 639-1, then codes of three letters, country codes that are in use for languages, and names.
_LANGUAGES = """
aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en eo es et eu
fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn
ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os
pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw
ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu ara chi cmn deu eng fra fre ger hin ind ita jpn kor nan nld por rus spa tha
tur vie wuu yue zho cn jp arabic cantonese chinese danish dutch english finnish french german greek hebrew hindi indonesian
italian japanese korean mandarin norwegian polish portuguese russian spanish swedish thai turkish ukrainian vietnamese
"""
_LANGUAGE = rf"(?i:{'|'.join(_LANGUAGES.split())})(?:[-_][A-Za-z0-9]{{2,8}}){{0,3}}"
_CLOCK = r"\d{1,5}(?::\d{1,3}){1,3}(?:[.,]\d{1,6})?"
#: Times alone, also several, also damaged.
_TIMES = r"(?=[^\[\]<>\r\n]{0,40}\d:)[\s\d.,:~–—-]{3,60}"
#: The notes of LRC files: title, artist, album and so on.
_NOTE = r"(?i:al|ar|au|by|encoding|hash|id|kana|lang|length|lr|offset|qq|re|sign|ti|tool|total|ve):[^\[\]\r\n]{0,200}"
#: Behind the opening bracket of a tag: what follows is a section, and no mark.
IS_SECTION = (
    rf"(?!\s*(?:{_LANGUAGE}|{_TIMES}|{_NOTE})\s*(?:\]|[\r\n]|\Z))"
    r"(?![^\[\]\r\n]{0,200}(?:<\s*\d{1,5}:\d|-->|\d:\d\d[.,]\d\d))"
)
#: A time in brackets, of which one may be missing; without brackets only one with a fraction.
_STAMP = (
    rf"[\[<]+{_TIMES}[\]>]+|[\[<]+\s*{_CLOCK}|{_CLOCK}\s*[\]>]+"
    r"|(?<![\d.])\d{1,5}:\d\d(?::\d\d)?[.,]\d{2,3}(?!\d)|[\d:.,]*\s*-->\s*[\d:.,]*"
)
_MARK = re.compile(
    rf"(?P<section>\[+{IS_SECTION}[^\[\]\r\n]{{1,200}}\]+)|(?P<time>{_STAMP}|\[+\s*{_NOTE}\]+)"
    rf"|(?P<language>\[+\s*{_LANGUAGE}\s*(?:\]+|(?=[\r\n]|\Z)))"
)
#: Shorter than any mark is a gap that a person has written.
_GAP = re.compile(r" {4,}")


def mark_places(text: str) -> Iterator[re.Match[str]]:
    """Yield the marks in ``text``."""
    return (mark for mark in _MARK.finditer(text) if mark.lastgroup != "section")


def blank_marks(text: str) -> str:
    """Return ``text`` with spaces in place of its marks, as long as before."""
    return _replace_marks(text, ("time", "language"), " ")


def close_gaps(text: str) -> str:
    """Return the words of `blank_marks`: without the space around them, and with one space where a mark was."""
    return _GAP.sub(" ", text.strip())


def remove_times(text: str) -> str:
    """Return ``text`` without the times in it and the notes on its file; marks of languages stay, models know them."""
    return _replace_marks(text, ("time",), "")


def _replace_marks(text: str, kinds: Collection[str], letter: str) -> str:
    """Replace each letter of the marks, also of those that appear when others are gone."""

    def replace(mark: re.Match[str]) -> str:
        return letter * len(mark[0]) if mark.lastgroup in kinds else mark[0]

    while (replaced := _MARK.sub(replace, text)) != text:
        text = replaced
    return text
