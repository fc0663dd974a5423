"""Song form: sections, their bars, their energy and their lyric lines, from the lyrics."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from acestep_runtime.lyrics.text import Line, Stanza, parse
from acestep_runtime.text.style import Style, find_style_words, table, word_pattern
from acestep_runtime.values import clip_bpm

#: Sections without a tag hold at most this many lines.
_VERSE_LINES = 8
_SHORTEST_S, _LONGEST_S, _WORDLESS_S = 20.0, 240.0, 30.0


@dataclass(frozen=True)
class Section:
    """A section of bars. ``energy`` is 0 to 1; ``fades`` marks a fade to silence.

    ``lines`` are the lyric lines sung in it.
    """

    name: str
    kind: str
    first_bar: int
    bars: int
    energy: float
    fades: bool = False
    lines: tuple[Line, ...] = ()


def bars_per_line(beats_per_bar: int) -> int:
    """Return the usual number of bars of a sung line."""
    return 4 if beats_per_bar == 2 else 2


def section_kind(text: str) -> str:
    """Return the kind of section that a text names, "chorus" for "Chorus 2", by its longest matching word; "" for none."""
    kinds = table()["section"]["kinds"]
    matches = [
        (len(w), kind) for kind, row in kinds.items() for w in row["words"] if word_pattern(w).search(text.lower())
    ]
    return max(matches)[1] if matches else ""


def _section_from_tag(stanza: Stanza) -> Section | None:
    """Return the section of a tag, 0 bars long; ``None`` when it names none."""
    data = table()
    name, _, manner = (part.strip() for part in stanza.tag.partition("-" if " - " not in stanza.tag else " - "))
    kind = section_kind(name) or section_kind(stanza.tag)
    if not kind:
        return None
    name = name if section_kind(name) else stanza.tag
    moods = {mood for _, what, mood in find_style_words(manner) if what == "mood"}
    energy = data["section"]["kinds"][kind]["energy"] + sum(data["mood"][m].get("energy", 0.0) for m in moods)
    fades = kind == "fade" or section_kind(manner) == "fade"
    return Section(name, kind, 0, 0, min(1.0, max(0.1, energy)), fades, stanza.lines)


def section_tags(lyrics: str) -> list[tuple[str, str, float, bool]]:
    """Return (name, kind, energy, fades) for every section tag of the lyrics, in order.

    ``[Chorus - powerful]`` is a chorus with the energy that the caption word "powerful" adds. A lone
    ``[Instrumental]`` means only that the song has no vocals, so it counts as no form.
    """
    rows = [row for row in map(_section_from_tag, parse(lyrics)) if row is not None]
    return [] if [row.kind for row in rows] == ["instrumental"] else [(r.name, r.kind, r.energy, r.fades) for r in rows]


def _usual_section(kind: str, name: str = "", lines: tuple[Line, ...] = ()) -> Section:
    return Section(name or kind.capitalize(), kind, 0, 0, table()["section"]["kinds"][kind]["energy"], False, lines)


def _outline(lyrics: str) -> list[Section]:
    """Return the sections of the lyrics, 0 bars long each; none for lyrics with neither words nor a form.

    Lines under no tag, or one that names no section, belong to the section before; without any such tag they are
    verses of up to eight lines between an intro and an outro.
    """
    stanzas = parse(lyrics)
    if not section_tags(lyrics):
        verses = [stanza.lines[at : at + _VERSE_LINES] for stanza in stanzas
                  for at in range(0, len(stanza.lines), _VERSE_LINES)]  # fmt: skip
        if not verses:
            return []
        verse_sections = [_usual_section("verse", f"Verse {number + 1}", lines) for number, lines in enumerate(verses)]
        return [_usual_section("intro"), *verse_sections, _usual_section("outro")]
    rows: list[Section] = []
    for stanza in stanzas:
        row = _section_from_tag(stanza)
        if row is not None:
            rows.append(row)
        elif stanza.lines and rows:
            rows[-1] = replace(rows[-1], lines=rows[-1].lines + stanza.lines)
        elif stanza.lines:
            rows.append(_usual_section("verse", lines=stanza.lines))
    silent = [replace(row, lines=()) if is_instrumental_section(row) else row for row in rows]
    return silent if any(row.lines for row in silent) else rows  # words under nothing but "solo" are to be sung


def is_instrumental_section(section: Section) -> bool:
    """Return whether a section is instrumental: ``[Guitar Solo]`` and ``[Interlude]``, but not ``[Vocal Solo]``."""
    voices = {name for _, _, name in find_style_words(section.name) if name in table()["instrument"]}
    sings = any(table()["instrument"][name]["track"] in ("vocals", "backing_vocals") for name in voices)
    return section.kind in ("solo", "instrumental") and not sings


def sections_with_lyrics(lyrics: str) -> tuple[Section, ...]:
    """Return the sections with words to sing, 0 bars long, in order."""
    return tuple(row for row in _outline(lyrics) if row.lines)


def _length_bars(section: Section, beats_per_bar: int) -> int:
    """Return the bars of a section without a limit on the total length."""
    usual = int(table()["section"]["kinds"][section.kind]["bars"])
    return max(2, bars_per_line(beats_per_bar) * len(section.lines)) if section.lines else usual


def plan_sections(lyrics: str, bars: int, beats_per_bar: int = 4) -> list[Section]:
    """Divide ``bars`` (at least 1) into the sections of the lyrics, or into a common song form of that length.

    Shares follow the lyric lines, else the usual lengths; section borders fall on even bars where there are enough.
    With fewer bars than sections, some are dropped; their lines are sung in the next one that remains.
    """
    data = table()["section"]
    rows = _outline(lyrics)
    if not section_tags(lyrics) and rows and bars < 2 * len(rows):
        rows = rows[1:-1]  # no time for an intro
    if not rows:
        kinds = (
            data["song"] if bars >= 24 else data["short"] if bars >= 10 else data["tiny"] if bars >= 4 else ["chorus"]
        )
        rows = [_usual_section(kind) for kind in kinds]
    lengths = [_length_bars(row, beats_per_bar) for row in rows]
    unit = 2 if bars >= 3 * len(rows) else 1
    total, done, start = sum(lengths), 0, 0
    sections: list[Section] = []
    waiting: tuple[Line, ...] = ()
    for row, length in zip(rows, lengths, strict=True):
        done += length
        end = bars if done == total else min(bars, unit * round(bars * done / total / unit))
        waiting += row.lines
        if end > start:
            rests = is_instrumental_section(row) and not row.lines and done < total
            lines = () if rests else waiting
            waiting = waiting if not lines else ()
            sections.append(replace(row, first_bar=start, bars=end - start, lines=lines))
            start = end
    if waiting:
        sections[-1] = replace(sections[-1], lines=sections[-1].lines + waiting)
    return sections


def sections_in_order(names_and_bars: Sequence[tuple[str, int]], bars: int) -> list[Section]:
    """Return sections with these names and numbers of bars, one after the other and again, until ``bars`` are full.

    A name that names no kind of section is a verse.
    """
    sections: list[Section] = []
    start = 0
    for name, length in itertools.cycle(names_and_bars):
        if start >= bars:
            return sections
        kind = section_kind(name) or "verse"
        end = min(bars, start + length)
        sections.append(replace(_usual_section(kind, name), first_bar=start, bars=end - start, fades=kind == "fade"))
        start = end
    return sections


def usual_bar_s(bpm: float | None, meter: int, style: Style) -> float:
    """Return the seconds of a bar of ``meter`` beats, without a tempo at the middle of the style's."""
    return meter * 60.0 / (bpm or clip_bpm(sum(style.bpm) / 2 * (1.5 if meter == 6 else 1.0)))


def length_of_bars_s(bars: int, bpm: float | None, timesignature: int | None, style: Style) -> float:
    """Return the length of a song without words on ``bars`` of chords: whole passes, about 30 seconds or one, and a bar to end.

    At most 240 seconds. Without a tempo it uses the middle of the style's.
    """
    bar_s = usual_bar_s(bpm, timesignature or 4, style)
    passes = max(1, round(_WORDLESS_S / (bars * bar_s)))
    return round(min((bars * passes + 1) * bar_s, max(1, math.floor(_LONGEST_S / bar_s + 1e-9)) * bar_s), 6)


def natural_length_s(lyrics: str, bpm: float | None, timesignature: int | None, style: Style) -> float:
    """Return the natural length of a song with these lyrics: whole bars, between 20 and 240 seconds.

    It has two bars a line of 4/4, the usual length for instrumental sections, one bar for the last chord, and an intro
    and an outro unless tags define the form. Without a tempo it uses the middle of the style's. 30 s without lyrics.
    """
    meter = timesignature or 4
    rows = _outline(lyrics)
    if not rows:
        return _WORDLESS_S
    bar_s = usual_bar_s(bpm, meter, style)
    least, most = math.ceil(_SHORTEST_S / bar_s - 1e-9), max(1, math.floor(_LONGEST_S / bar_s + 1e-9))
    bars = 1 + sum(_length_bars(row, meter) for row in rows)
    return round(min(max(bars, least), most) * bar_s, 6)
