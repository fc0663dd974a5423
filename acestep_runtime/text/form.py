"""The form of a song: its sections, how many bars each lasts, how full it is and what is sung in it. Reads lyrics."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from acestep_runtime.lyrics.text import Line, Stanza, parse
from acestep_runtime.text.style import Style, table, understood, word_pattern

#: Sections without a tag hold at most this many lines.
_VERSE_LINES = 8
_SHORTEST_S, _LONGEST_S, _WORDLESS_S = 20.0, 240.0, 30.0


@dataclass(frozen=True)
class Section:
    """A stretch of bars. ``energy`` (0–1) is how full it is; ``fades`` says that it ends in silence.

    ``lines`` are the lines of the lyrics that are sung in it.
    """

    name: str
    kind: str
    first_bar: int
    bars: int
    energy: float
    fades: bool = False
    lines: tuple[Line, ...] = ()


def bars_per_line(beats_per_bar: int) -> int:
    """Return how many bars a sung line usually takes."""
    return 4 if beats_per_bar == 2 else 2


def _kind(text: str) -> str:
    """Return the kind of section a text names, the longest word winning; empty when it names none."""
    kinds = table()["section"]["kinds"]
    found = [
        (len(w), kind) for kind, row in kinds.items() for w in row["words"] if word_pattern(w).search(text.lower())
    ]
    return max(found)[1] if found else ""


def _tagged(stanza: Stanza) -> Section | None:
    """Return the section that a tag asks for, 0 bars long; ``None`` when it names none."""
    data = table()
    name, _, manner = (part.strip() for part in stanza.tag.partition("-" if " - " not in stanza.tag else " - "))
    kind = _kind(name) or _kind(stanza.tag)
    if not kind:
        return None
    name = name if _kind(name) else stanza.tag
    moods = {mood for _, what, mood in understood(manner) if what == "mood"}
    energy = data["section"]["kinds"][kind]["energy"] + sum(data["mood"][m].get("energy", 0.0) for m in moods)
    fades = kind == "fade" or _kind(manner) == "fade"
    return Section(name, kind, 0, 0, min(1.0, max(0.1, energy)), fades, stanza.lines)


def tags(lyrics: str) -> list[tuple[str, str, float, bool]]:
    """Return (name, kind, energy, fades) for every section tag of the lyrics, in order.

    ``[Chorus - powerful]`` is a chorus with the energy that the caption word "powerful" adds. A lone
    ``[Instrumental]`` says only that nobody sings, so it counts as no form at all.
    """
    rows = [row for row in map(_tagged, parse(lyrics)) if row is not None]
    return [] if [row.kind for row in rows] == ["instrumental"] else [(r.name, r.kind, r.energy, r.fades) for r in rows]


def _plain(kind: str, name: str = "", lines: tuple[Line, ...] = ()) -> Section:
    return Section(name or kind.capitalize(), kind, 0, 0, table()["section"]["kinds"][kind]["energy"], False, lines)


def _outline(lyrics: str) -> list[Section]:
    """Return the sections that the lyrics ask for, 0 bars long each; none when they hold neither words nor a form.

    Lines under no tag, or one that names no section, belong to the section before; without any such tag they are
    verses of up to eight lines between an intro and an outro.
    """
    stanzas = parse(lyrics)
    if not tags(lyrics):
        verses = [stanza.lines[at : at + _VERSE_LINES] for stanza in stanzas
                  for at in range(0, len(stanza.lines), _VERSE_LINES)]  # fmt: skip
        if not verses:
            return []
        sung = [_plain("verse", f"Verse {number + 1}", lines) for number, lines in enumerate(verses)]
        return [_plain("intro"), *sung, _plain("outro")]
    rows: list[Section] = []
    for stanza in stanzas:
        row = _tagged(stanza)
        if row is not None:
            rows.append(row)
        elif stanza.lines and rows:
            rows[-1] = replace(rows[-1], lines=rows[-1].lines + stanza.lines)
        elif stanza.lines:
            rows.append(_plain("verse", lines=stanza.lines))
    silent = [replace(row, lines=()) if is_played(row) else row for row in rows]
    return silent if any(row.lines for row in silent) else rows  # words under nothing but "solo" are meant to be sung


def is_played(section: Section) -> bool:
    """Whether a section is for instruments: ``[Guitar Solo]`` and ``[Interlude]``, but not ``[Vocal Solo]``."""
    voices = {name for _, _, name in understood(section.name) if name in table()["instrument"]}
    sings = any(table()["instrument"][name]["track"] in ("vocals", "backing_vocals") for name in voices)
    return section.kind in ("solo", "instrumental") and not sings


def words(lyrics: str) -> tuple[Section, ...]:
    """Return the sections that have something to sing, 0 bars long, in order."""
    return tuple(row for row in _outline(lyrics) if row.lines)


def _length(section: Section, beats_per_bar: int) -> int:
    """Return how many bars a section takes when it has all the time it needs."""
    usual = int(table()["section"]["kinds"][section.kind]["bars"])
    return max(2, bars_per_line(beats_per_bar) * len(section.lines)) if section.lines else usual


def form(lyrics: str, bars: int, beats_per_bar: int = 4) -> list[Section]:
    """Divide ``bars`` (at least 1) into the sections of the lyrics, or into a usual song form of that length.

    Shares follow the lines to be sung and else the usual lengths; borders fall on even bars where there are enough.
    With fewer bars than sections, some have no bar and vanish; their lines are sung in the next one that is left.
    """
    data = table()["section"]
    rows = _outline(lyrics)
    if not tags(lyrics) and rows and bars < 2 * len(rows):
        rows = rows[1:-1]  # no time for an intro
    if not rows:
        kinds = (
            data["song"] if bars >= 24 else data["short"] if bars >= 10 else data["tiny"] if bars >= 4 else ["chorus"]
        )
        rows = [_plain(kind) for kind in kinds]
    lengths = [_length(row, beats_per_bar) for row in rows]
    unit = 2 if bars >= 3 * len(rows) else 1
    total, done, start = sum(lengths), 0, 0
    sections: list[Section] = []
    waiting: tuple[Line, ...] = ()
    for row, length in zip(rows, lengths, strict=True):
        done += length
        end = bars if done == total else min(bars, unit * round(bars * done / total / unit))
        waiting += row.lines
        if end > start:
            rests = is_played(row) and not row.lines and done < total
            lines = () if rests else waiting
            waiting = waiting if not lines else ()
            sections.append(replace(row, first_bar=start, bars=end - start, lines=lines))
            start = end
    if waiting:
        sections[-1] = replace(sections[-1], lines=sections[-1].lines + waiting)
    return sections


def natural_length_s(lyrics: str, bpm: float | None, timesignature: int | None, style: Style) -> float:
    """Return how long a song with these lyrics wants to be: whole bars, between 20 and 240 seconds.

    Two bars a line of 4/4, the usual length for sections that are played, one bar for the last chord; an intro and an
    outro where no tag says otherwise. Without a tempo, the middle of the style's. 30 s without lyrics.
    """
    meter = timesignature or 4
    rows = _outline(lyrics)
    if not rows:
        return _WORDLESS_S
    bar_s = meter * 60.0 / (bpm or min(300.0, max(30.0, sum(style.bpm) / 2 * (1.5 if meter == 6 else 1.0))))
    least, most = math.ceil(_SHORTEST_S / bar_s - 1e-9), max(1, math.floor(_LONGEST_S / bar_s + 1e-9))
    bars = 1 + sum(_length(row, meter) for row in rows)
    return round(min(max(bars, least), most) * bar_s, 6)
