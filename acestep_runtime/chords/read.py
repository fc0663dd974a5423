"""Reading chord text: "Am F C G", "| C . G/B . | % |", "[Verse] Am F x2 [Chorus] i VI III VII".

    [Name]     begins a section; a name alone repeats the chords of the last section of that name
    Am F C G   without bar lines each chord is a bar
    | C G |    with bar lines the chords of a bar share its beats; a dot or a slash goes on with the chord before
    % x2       the bar before again; what stands on the line, or between |: and :|, this many times

Chords are symbols, or degrees of a key: Roman numerals and numbers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from acestep_runtime.chords.chart import MAX_BARS, Bar, ChartSection, ChordChart
from acestep_runtime.chords.roman import is_degree, read_degree
from acestep_runtime.chords.symbols import ChordName, read_symbol
from acestep_runtime.errors import InvalidValue, printable
from acestep_runtime.values import Key, Music

#: The field that errors name, and the most repeats that one mark asks for.
FIELD, MAX_REPEATS = "chords", 64
#: Digits that are read of a number of repeats: Python reads no number of thousands of digits, and all such are too many.
_MOST_DIGITS = 9
#: The most chords of one bar in any meter.
MAX_BAR_CHORDS = 12

_TOKEN = re.compile(
    r"""\[(?P<name>[^\[\]\n|]*)\]
    | (?P<bar>:?\|+:?|\|\])
    | (?P<times>\(?[x×X]\s?\d+\)?(?=[\s|,\[]|$))
    | (?P<word>(?:\([^()\s]*\)|[^\s,|\[\]])+?)(?=[\s,|\[\]]|:\||$)
    | (?P<bad>[\[\]])""",
    re.VERBOSE,
)
#: Roots and basses that are H, or a B that is not flat.
_GERMAN = re.compile(r"(?:(?<=/)|^)(H|B(?![b♭]))")
_HOLDS, _SEPARATORS = (".", "/"), ("-", "–", "—", "→", ">", "->")
_SYMBOLS = 'symbols such as Am, F#m7, Bb/D or N.C., numerals such as vi in a key, "%" and "x2"'
_REMEDY = 'Write for example "Am F C G", or "| C . G/B . | Am7 F |".'


@dataclass
class _Open:
    """A section that is being read. ``repeat_from`` is the first bar of what ``:|`` and ``x2`` repeat."""

    name: str
    bars: list[Bar] = field(default_factory=list)
    repeat_from: int = 0


def read_chords(text: str, key: Key | None = None, field_name: str = FIELD) -> ChordChart:
    """Return the chart that a text is written for; ``key`` is that of its degrees.

    Raises `InvalidValue`, which names ``field_name``, the wrong symbol and its place.
    """
    reader = _Reader(key, field_name)
    for line in text.splitlines():
        reader.read_line(line)
    return reader.finish()


def chart_of(music: Music, field_name: str = FIELD) -> ChordChart | None:
    """Return the chart of the music's chords, ``None`` where none are given. Raises `InvalidValue` as `read_chords` does."""
    if not music.chords:
        return None
    return read_chords(music.chords, Key.parse(music.keyscale) if music.keyscale else None, field_name)


class _Reader:
    """Reads line by line; the sections so far are ``sections``, the last one open."""

    def __init__(self, key: Key | None, field_name: str) -> None:
        self._key, self._field = key, field_name
        self.sections = [_Open("")]
        self._german: list[str] = []

    def read_line(self, line: str) -> None:
        """Read one line: stretches of chords, each under the section before it."""
        stretch: list[re.Match[str]] = []
        for token in _TOKEN.finditer(line):
            if token["name"] is None:
                stretch.append(token)
                continue
            self._read_stretch(stretch)
            stretch = []
            self._end_section()
            self.sections.append(_Open(token["name"].strip()))
        self._read_stretch(stretch)

    def finish(self) -> ChordChart:
        """Return the chart. Raises `InvalidValue` where there are no chords."""
        self._end_section()
        written = [section for section in self.sections if section.bars]
        if not written:
            raise self._error("", "at least one", "has no chords")
        if "H" in self._german and "B" in self._german:
            raise self._error("H", "H or B, not both", "has both H and B, and B is B flat in German",
                              remedy="Write B for H, and Bb for B flat.")  # fmt: skip
        return ChordChart(tuple(ChartSection(section.name, tuple(section.bars)) for section in written))

    def _end_section(self) -> None:
        """Check the open section; one without bars has those of the last section of its name."""
        section = self.sections[-1]
        if not section.bars and section.name:
            same = [
                each for each in self.sections[:-1] if each.name.casefold() == section.name.casefold() and each.bars
            ]
            if not same:
                fault = f"has no chords under [{printable(section.name, 40)}]"
                raise self._error(section.name, "chords under each section", fault)
            self._add(tuple(same[-1].bars))

    def _read_stretch(self, tokens: list[re.Match[str]]) -> None:
        """Read chords between two section tags, or line ends: in bars, or a chord a bar."""
        section = self.sections[-1]
        begin = len(section.bars)
        words = [n for n, token in enumerate(tokens) if token["word"] and token["word"] not in _SEPARATORS]
        in_bars = bool(words) and any(token["bar"] for token in tokens[: words[-1]])
        current: list[ChordName] = []
        last = ""
        for n, token in enumerate(tokens):
            if token["bad"]:
                raise self._wrong(token["bad"])
            if token["bar"]:
                self._end_bar(current)
                current = []
                if token["bar"] == "|" == last:
                    raise self._error("| |", "a chord in each bar", f"has nothing in {self._place()}",
                                      remedy='Write "%" for the bar before again, or "N.C." for no chord.')  # fmt: skip
                if token["bar"].startswith(":"):
                    following = tokens[n + 1] if n + 1 < len(tokens) else None
                    times = following["times"] if following is not None else None
                    self._repeat(2 if times is None else _count(times), section.repeat_from)
                    begin = section.repeat_from = len(section.bars)
                if token["bar"].endswith(":") and token["bar"] != ":":
                    section.repeat_from = len(section.bars)
                last = token["bar"]
                continue
            if token["times"]:
                self._end_bar(current)
                current = []
                if not last.startswith(":"):
                    self._repeat(_count(token["times"]), max(begin, section.repeat_from))
                    begin = len(section.bars)
            elif token["word"] == "%":
                self._repeat_bar(current, token["word"])
            elif last == "%" and token["word"] in _HOLDS:
                continue
            elif token["word"] not in _SEPARATORS or in_bars:
                current.append(self._chord(token["word"], current))
                if not in_bars:
                    self._end_bar(current)
                    current = []
            last = token["word"] or ""
        self._end_bar(current)

    def _end_bar(self, chords: list[ChordName]) -> None:
        if not chords:
            return
        if len(chords) > MAX_BAR_CHORDS:
            raise self._error(len(chords), f"at most {MAX_BAR_CHORDS} chords in a bar",
                              f"has {len(chords)} chords in {self._place()}")  # fmt: skip
        self._add((tuple(chords),))

    def _add(self, bars: tuple[Bar, ...]) -> None:
        section = self.sections[-1]
        total = sum(len(each.bars) for each in self.sections) + len(bars)
        if total > MAX_BARS:
            raise self._error(total, f"at most {MAX_BARS} bars", f"has {total} bars or more",
                              remedy="Repeat less: a song goes on with its chords from the beginning.")  # fmt: skip
        section.bars += bars

    def _repeat(self, times: int, start: int) -> None:
        """Repeat the section's bars from ``start``, so that they are there ``times`` times."""
        if not 1 <= times <= MAX_REPEATS:
            raise self._error(f"x{times}", f"x1 to x{MAX_REPEATS}", f"has x{times} before {self._place()}")
        repeated = tuple(self.sections[-1].bars[start:])
        if not repeated:
            raise self._error(f"x{times}", "a repeat after chords", f"has a repeat of nothing before {self._place()}")
        for _ in range(times - 1):
            self._add(repeated)

    def _repeat_bar(self, chords: list[ChordName], sign: str) -> None:
        before = [bar for section in self.sections for bar in section.bars]
        if chords or not before:
            where = "beside chords" if chords else "before any bar"
            raise self._error(sign, "% alone in a bar, after another", f"has % {where} in {self._place()}")
        self._add((before[-1],))

    def _chord(self, word: str, current: list[ChordName]) -> ChordName:
        if word in _HOLDS:
            sounding = current or [chord for section in self.sections for bar in section.bars for chord in bar]
            if not sounding:
                raise self._error(word, "a chord first", f"begins with {word!r}, which goes on with the chord before")
            return sounding[-1]
        chord = read_symbol(word)
        if chord is not None:
            self._german += _GERMAN.findall(word)
            return chord
        if is_degree(word):
            if self._key is None:
                raise self._error(word, "symbols such as Am where no key is given",
                                  f"has the degree {printable(word, 20)!r} in {self._place()}, and no key is given",
                                  remedy='Give the key, such as "A minor", or write symbols such as Am.')  # fmt: skip
            degree = read_degree(word, self._key)
            if degree is not None:
                return degree
        raise self._wrong(word)

    def _wrong(self, word: str) -> InvalidValue:
        remedy = _REMEDY
        if word[:1] in "abcdefgh" and read_symbol(word[:1].upper() + word[1:]) is not None:
            remedy = f"Write the root as a capital letter: {word[:1].upper() + word[1:]}."
        return self._error(word, _SYMBOLS, f"has {printable(word, 20)!r} in {self._place()}, which is no chord", remedy)

    def _place(self) -> str:
        section = self.sections[-1]
        number = len(section.bars) + 1
        return f"bar {number} of [{printable(section.name, 40)}]" if section.name else f"bar {number}"

    def _error(self, value: object, allowed: str, fault: str, remedy: str = _REMEDY) -> InvalidValue:
        message = f"{self._field} {fault}; allowed: {allowed}."
        return InvalidValue(self._field, value, allowed, message=message, remedy=remedy)


def _count(times: str) -> int:
    digits = re.sub(r"\D", "", times).lstrip("0") or "0"
    return int(digits[:_MOST_DIGITS])


def check_meter(chart: ChordChart, beats_per_bar: int | None, field_name: str = FIELD) -> None:
    """Raise `InvalidValue` for a bar with more chords than beats; without a meter there are four.

    Chords between beats are not placed.
    """
    beats = beats_per_bar or 4
    for section in chart.sections:
        for number, bar in enumerate(section.bars, 1):
            if len(bar) > beats:
                place = f"bar {number} of [{section.name}]" if section.name else f"bar {number}"
                raise InvalidValue(
                    field_name, len(bar), f"at most {beats}, one for each beat",
                    message=f"{field_name} has {len(bar)} chords in {place}; allowed: at most {beats}, one for each beat.",
                    remedy="Write fewer, or more bars." if beats_per_bar else "Give the time signature, or write more bars.",
                )  # fmt: skip
