"""The chords of a section, out of those of the whole song."""

from __future__ import annotations

import re

_TAG = re.compile(r"\[([^\[\]\n|]*)\]")
_NUMBER = re.compile(r"\s*\d+$")


def chords_for(text: str, name: str) -> str:
    """Return the chords that a section has by the text of a song.

    Without names in brackets all of it: each section begins with the first bar. Else those below its own name or, for one
    with a number that has none of its own, such as Chorus 2, those below the name without it; "" where there are none.
    """
    before, *rest = _TAG.split(text)
    if not rest:
        return before.strip()
    found: dict[str, str] = {}
    for tag, chords in zip(rest[::2], rest[1::2], strict=True):
        if chords.strip():
            found.setdefault(tag.strip().casefold(), chords.strip())
    own = name.strip().casefold()
    return found.get(own) or found.get(_NUMBER.sub("", own), "")
