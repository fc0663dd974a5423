"""iReal Pro: links that begin with irealb:// or irealbook://, each a song, its music in cells.

    irealb://     Title=Composer==Style=Key==1r34LbKcu7<music, its characters exchanged>==Tempo=Repeats
    irealbook://  Title=Composer=Style=Key=n=<music>

A chord takes a cell, and so does each space after it; the cells of a bar share its beats. Repeats and endings are written
out; jumps ("D.C. al Coda") are not followed. Facts of the format: irealpro.com, custom chord chart protocol.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import groupby
from urllib.parse import unquote

from acestep_runtime.chords.chart import MAX_BARS, Bar, ChartSection, ChordChart
from acestep_runtime.chords.read import FIELD
from acestep_runtime.chords.sheet import ChordSheet, read_meter
from acestep_runtime.chords.symbols import NO_CHORD, ChordName, read_symbol
from acestep_runtime.errors import InvalidValue, printable
from acestep_runtime.values import spell_key

_LINK = re.compile(r"(irealb(?:ook)?)://([^\s\"'<>]+)")
_MARK = "1r34LbKcu7"
#: Exchanges within each block of 50 characters: positions, each with the one it is exchanged with, 49 minus it.
_BLOCK, _EXCHANGED = 50, (*range(5), *range(10, 24))
_SHORTHAND = (("Kcl", "| x"), ("LZ", " |"), ("XyQ", "   "))
_CELL = re.compile(
    r"""T(?P<meter>\d{2,3}) | \*(?P<section>[A-Za-z]) | N(?P<ending>[0-9]) | <(?P<remark>[^>]*)> | (?P<other>\([^)]*\))
    | (?P<line>[|\[\]Z{}]) | (?P<again>[xr]) | (?P<none>n) | (?P<pause>p)
    | (?P<chord>[A-GW][\#b]?(?:[-+^ho\d\#b]|sus|alt|add)*(?:/[A-G][\#b]?)?) | (?P<space>\ ) | (?P<size>[slSQUYf,.:;*])
    """,
    re.VERBOSE,
)
_NUMBER = re.compile("[0-9]{1,6}")
_SECTIONS = {"i": "Intro", "I": "Intro", "v": "Verse", "V": "Verse"}


def is_ireal(text: str) -> bool:
    """Return whether a text has a link of iReal Pro in it."""
    return _LINK.search(text) is not None


def exchange_characters(music: str) -> str:
    """Return music with the characters of its blocks exchanged, or back: twice is the same as never.

    A block stays where less than two characters follow it.
    """
    blocks = []
    while len(music) > _BLOCK + 1:
        block, music = list(music[:_BLOCK]), music[_BLOCK:]
        for at in _EXCHANGED:
            block[at], block[_BLOCK - 1 - at] = block[_BLOCK - 1 - at], block[at]
        blocks.append("".join(block))
    return "".join(blocks) + music


def read_ireal(text: str, field_name: str = FIELD) -> ChordSheet:
    """Return what a link says, alone or in a page. Raises `InvalidValue` for several songs, and for what cannot be read."""
    links = [(match[1], unquote(match[2])) for match in _LINK.finditer(text)]
    songs = [(kind, song) for kind, body in links for song in body.split("===") if song.count("=") > 3]
    if len(songs) != 1:
        titles = ", ".join(printable(song.partition("=")[0], 30) for _, song in songs[:4])
        message = f"{field_name} has {len(songs)} songs{f' ({titles}…)' if songs else ''}; allowed: one."
        raise InvalidValue(field_name, len(songs), "one song", message=message, remedy="Share one song from iReal Pro.")
    kind, song = songs[0]
    fields = [part for part in song.split("=") if part]
    at = next((n for n, part in enumerate(fields) if part.startswith(_MARK)), None)
    if kind == "irealb" and at is not None and at >= 3:
        music = exchange_characters(fields[at].removeprefix(_MARK))
        tempo = next((part for part in fields[at + 1 :] if part.isdecimal()), "")
        bpm = float(tempo) if _NUMBER.fullmatch(tempo) and int(tempo) else None
    elif len(fields) >= 5:
        music, bpm = fields[-1], None
    else:
        raise InvalidValue(
            field_name, printable(song, 40), "a link from iReal Pro",
            message=f"{field_name} has a link that is not complete; allowed: a link from iReal Pro.",
            remedy="Share the song again.",
        )  # fmt: skip
    for short, long in _SHORTHAND:
        music = music.replace(short, long)
    key = re.sub(r"-$", " minor", next((f for f in fields[3:] if re.fullmatch(r"[A-G][#b]?-?", f)), ""))
    reader = _Music(field_name)
    chart = reader.read(music)
    return ChordSheet(chart, fields[0], bpm, spell_key(key) if key else None, reader.beats_of_song)


@dataclass
class _Music:
    """The bars read so far, each with the name of its section, and the cells of the open one."""

    field_name: str
    bars: list[tuple[str, Bar]] = field(default_factory=list)
    beats: int = 4
    beats_of_song: int | None = None
    _section: str = ""
    _cells: list[ChordName | None] = field(default_factory=list)
    _last: ChordName | None = None
    _start: int = 0
    _ending_at: int | None = None
    _body: list[tuple[str, Bar]] = field(default_factory=list)

    def read(self, music: str) -> ChordChart:
        """Return the chart of music without its shorthand."""
        at = 0
        while at < len(music):
            cell = _CELL.match(music, at)
            if cell is None:
                raise self._error(
                    music[at],
                    f"has {printable(music[at : at + 8], 12)!r} in bar {len(self.bars) + 1}, which is no chord",
                )
            at = cell.end()
            kind = cell.lastgroup or ""
            self._read_cell(kind, cell[kind])
        self._end_bar()
        if not self.bars:
            raise self._error("", "has no chords")
        runs = groupby(self.bars, key=lambda each: each[0])
        return ChordChart(tuple(ChartSection(name, tuple(bar for _, bar in run)) for name, run in runs))

    def _read_cell(self, kind: str, text: str) -> None:
        if kind == "chord":
            self._last = self._chord(text)
            self._cells.append(self._last)
        elif kind == "none":
            self._cells.append(NO_CHORD)
        elif kind in ("pause", "space"):
            self._cells.append(None)
        elif kind == "line":
            self._end_bar()
            if text == "{":
                self._start, self._ending_at, self._body = len(self.bars), None, []
            elif text == "}":
                self._repeat()
        elif kind == "again":
            self._repeat_bars(1 if text == "x" else 2)
        elif kind == "ending":
            self._end_bar()
            if text == "1":
                self._ending_at = len(self.bars)
        elif kind == "section":
            self._end_bar()
            self._section = _SECTIONS.get(text, text.upper())
        elif kind == "meter":
            self.beats = read_meter(f"{text[:-1]}/{text[-1]}", self.field_name)
            self.beats_of_song = self.beats_of_song or self.beats

    def _chord(self, text: str) -> ChordName:
        if text[0] == "W":  # the chord before, over another bass
            low = read_symbol(text.partition("/")[2])
            if self._last is not None and low is not None:
                return ChordName(self._last.root, self._last.quality, low.root)
        chord = read_symbol(text)
        if chord is None:
            raise self._error(text, f"has {printable(text, 20)!r} in bar {len(self.bars) + 1}, which is no chord")
        return chord

    def _end_bar(self) -> None:
        cells, self._cells = self._cells, []
        placed = [(place, chord) for place, chord in enumerate(cells) if chord is not None]
        if not placed:
            return
        first = placed[0][0]
        slots: list[ChordName] = [placed[0][1]] * self.beats
        for place, chord in placed[1:]:
            beat = round((place - first) * self.beats / (len(cells) - first))
            slots[beat:] = [chord] * (self.beats - beat)
        bar = (slots[0],) if len(set(slots)) == 1 else tuple(slots)
        self._add([(self._section, bar)])

    def _repeat(self) -> None:
        """Play what is between the repeat signs once more, without its first ending."""
        self._body = self._body or self.bars[self._start : self._ending_at]
        self._add(self._body)

    def _repeat_bars(self, count: int) -> None:
        if len(self.bars) < count:
            raise self._error(count, "has a repeat of a bar before any bar")
        self._add([(self._section, bar) for _, bar in self.bars[-count:]])

    def _add(self, bars: list[tuple[str, Bar]]) -> None:
        if len(self.bars) + len(bars) > MAX_BARS:
            raise self._error(len(self.bars), f"has more than {MAX_BARS} bars, its repeats counted")
        self.bars += bars

    def _error(self, value: object, fault: str) -> InvalidValue:
        allowed = "music as iReal Pro writes it"
        message = f"{self.field_name} {fault}; allowed: {allowed}."
        return InvalidValue(
            self.field_name, value, allowed, message=message, remedy="Share the song from iReal Pro again."
        )
