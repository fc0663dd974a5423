"""The form of a song: which sections it has, how many bars each lasts and how full it is. Reads the tags of lyrics."""

from __future__ import annotations

import re
from dataclasses import dataclass

from acestep_runtime.dsp.style import table, understood, word_pattern

_TAG = re.compile(r"\[([^\[\]\n]{1,200})\]")


@dataclass(frozen=True)
class Section:
    """A stretch of bars. ``energy`` (0–1) is how full it is; ``fades`` says that it ends in silence."""

    name: str
    kind: str
    first_bar: int
    bars: int
    energy: float
    fades: bool = False


def _kind(text: str) -> str:
    """Return the kind of section a text names, the longest word winning; empty when it names none."""
    kinds = table()["section"]["kinds"]
    found = [
        (len(w), kind) for kind, row in kinds.items() for w in row["words"] if word_pattern(w).search(text.lower())
    ]
    return max(found)[1] if found else ""


def tags(lyrics: str) -> list[tuple[str, str, float, bool]]:
    """Return (name, kind, energy, fades) for every section tag of the lyrics, in order.

    ``[Chorus - powerful]`` is a chorus with the energy that the caption word "powerful" adds. A lone
    ``[Instrumental]`` says only that nobody sings, so it counts as no form at all.
    """
    data = table()
    rows = []
    for match in _TAG.finditer(lyrics):
        name, _, manner = (part.strip() for part in match[1].partition("-" if " - " not in match[1] else " - "))
        kind = _kind(name) or _kind(match[1])
        if not kind:
            continue
        name = name if _kind(name) else match[1].strip()
        moods = {mood for _, what, mood in understood(manner) if what == "mood"}
        energy = data["section"]["kinds"][kind]["energy"] + sum(data["mood"][m].get("energy", 0.0) for m in moods)
        fades = kind == "fade" or _kind(manner) == "fade"
        rows.append((name, kind, min(1.0, max(0.1, energy)), fades))
    return [] if [row[1] for row in rows] == ["instrumental"] else rows


def form(lyrics: str, bars: int) -> list[Section]:
    """Divide ``bars`` (at least 1) into the sections of the lyrics, or into a usual song form of that length.

    Shares follow the usual lengths; borders fall on even bars where there are enough. With fewer bars than sections,
    some sections have no bar and vanish.
    """
    data = table()["section"]
    rows = tags(lyrics)
    if not rows:
        kinds = (
            data["song"] if bars >= 24 else data["short"] if bars >= 10 else data["tiny"] if bars >= 4 else ["chorus"]
        )
        rows = [(kind.capitalize(), kind, data["kinds"][kind]["energy"], False) for kind in kinds]
    lengths = [data["kinds"][kind]["bars"] for _, kind, _, _ in rows]
    unit = 2 if bars >= 3 * len(rows) else 1
    total, done, sections, start = sum(lengths), 0, [], 0
    for (name, kind, energy, fades), length in zip(rows, lengths, strict=True):
        done += length
        end = bars if done == total else min(bars, unit * round(bars * done / total / unit))
        if end > start:
            sections.append(Section(name, kind, start, end - start, energy, fades))
            start = end
    return sections
