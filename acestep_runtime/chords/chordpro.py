"""ChordPro: chords in brackets over words, sections and facts in braces.

The format does not say how long a chord lasts. The rule here: each chord over words is a bar; in a grid, between
``{start_of_grid}`` and ``{end_of_grid}``, the bar lines count. With ``{capo}`` the chart is what sounds, not what is fingered.
Facts of the format: chordpro.org.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from acestep_runtime.chords.chart import MAX_BARS, Bar, ChartSection, ChordChart
from acestep_runtime.chords.read import FIELD, read_chords
from acestep_runtime.chords.roman import is_degree, read_degree
from acestep_runtime.chords.sheet import ChordSheet, read_meter
from acestep_runtime.chords.symbols import read_symbol
from acestep_runtime.errors import InvalidValue, printable
from acestep_runtime.values import Key, spell_key

#: Short names of directives.
_SHORT = {
    "t": "title", "c": "comment", "ci": "comment", "cb": "comment", "comment_italic": "comment", "comment_box": "comment",
    "sov": "start_of_verse", "soc": "start_of_chorus", "sob": "start_of_bridge", "sog": "start_of_grid",
    "sot": "start_of_tab", "eov": "end_of_verse", "eoc": "end_of_chorus", "eob": "end_of_bridge", "eog": "end_of_grid",
    "eot": "end_of_tab",
}  # fmt: skip
#: Parts of a file that are no chords.
_OTHER_TEXT = ("tab", "abc", "ly", "svg", "textblock")
_DIRECTIVE = re.compile(r"\s*\{\s*([\w+-]+)\s*(?:[:\s]\s*(.*?))?\s*\}\s*$")
_LABEL = re.compile(r"""label\s*=\s*["']([^"']*)["']""")
_BRACKET = re.compile(r"\[([^\[\]]*)\]")
#: Comments that name a section.
_SECTION_WORDS = re.compile(
    r"\b(?:verse|chorus|refrain|bridge|intro|outro|pre-?chorus|solo|interlude|instrumental|hook|ending)\b",
    re.IGNORECASE,
)
_GRID_MARGINS = re.compile(r"^[^|]*?(?=:?\|)")


def is_chordpro(text: str) -> bool:
    """Return whether a text is ChordPro: it has a directive, or a chord in brackets with a word beside it."""
    lines = text.splitlines()
    if any(_DIRECTIVE.match(line) for line in lines):
        return True
    return any(
        read_symbol(name) is not None and any(map(_is_word, _BRACKET.sub("", line).split()))
        for line in lines for name in _BRACKET.findall(line)
    )  # fmt: skip


def _is_word(text: str) -> bool:
    """Return whether a text is sung, and no chord of a chart: "[A] Dm7 G7" is a section with its chords."""
    plain = text.strip("|:,()")
    return re.search(r"[^\W\d_]{2}", plain) is not None and read_symbol(plain) is None and not is_degree(plain)


def read_chordpro(text: str, field_name: str = FIELD) -> ChordSheet:
    """Return what a ChordPro text says.

    Raises `InvalidValue`, which names ``field_name``, the wrong symbol and its line.
    """
    song = _Song(field_name)
    for number, line in enumerate(text.splitlines(), 1):
        song.read_line(line, number)
    return song.finish()


class _Song:
    """A song that is being read, line by line."""

    def __init__(self, field_name: str) -> None:
        self._field = field_name
        self._facts: dict[str, str] = {}
        self._sections: list[tuple[str, list[Bar]]] = [("", [])]
        self._environment = ""
        self._count = 0

    def read_line(self, line: str, number: int) -> None:
        """Read one line; its number, from 1, is for messages."""
        directive = _DIRECTIVE.match(line)
        if directive is not None:
            self._read_directive(directive[1].lower(), directive[2] or "")
        elif self._environment in _OTHER_TEXT or line.lstrip().startswith("#"):
            return
        elif self._environment == "grid":
            self._read_grid(line, number)
        else:
            self._read_words(line, number)

    def _read_directive(self, name: str, value: str) -> None:
        name = _SHORT.get(name, name)
        if name == "meta":
            name, _, value = value.partition(" ")
        begins, _, environment = name.partition("_of_")
        if begins == "start" and environment:
            label = _LABEL.search(value)
            self._environment = environment
            if environment not in (*_OTHER_TEXT, "grid") or value:
                self._begin(label[1] if label else value or environment.replace("_", " ").capitalize())
        elif begins == "end" and environment:
            self._environment = ""
        elif name == "chorus":
            self._repeat("Chorus")
        elif name == "comment" and _SECTION_WORDS.search(value) and not self._environment:
            self._begin(value)
        elif name in ("title", "key", "tempo", "time", "capo"):
            self._facts.setdefault(name, value.strip())

    def _begin(self, name: str) -> None:
        self._sections.append((re.sub(r"[\[\]|\n]", " ", name).strip(), []))

    def _repeat(self, name: str) -> None:
        """Repeat the last section whose name begins like this."""
        for own_name, bars in reversed(self._sections):
            if bars and own_name.lower().startswith(name.lower()):
                self._begin(own_name)
                self._add(bars)
                return

    def _add(self, bars: Sequence[Bar]) -> None:
        self._count += len(bars)
        if self._count > MAX_BARS:
            allowed = f"at most {MAX_BARS} bars, repeats counted"
            raise self._error(self._count, allowed, f"has {self._count} bars or more; allowed: {allowed}.")
        self._sections[-1][1].extend(bars)

    def _read_grid(self, line: str, number: int) -> None:
        if "|" not in line:
            return
        body = _GRID_MARGINS.sub("", line)
        body = body[: body.rindex("|") + 1] + (re.search(r"\s*[x×]\d+\s*$", body) or [""])[0]
        try:
            chart = read_chords(body, self._key(), self._field)
        except InvalidValue as error:
            raise self._error(error.value, error.allowed, f"in line {number}, {error.message}", error.remedy) from None
        self._add(chart.bars)

    def _read_words(self, line: str, number: int) -> None:
        names = [name.strip() for name in _BRACKET.findall(line)]
        if len(names) == 1 and not _BRACKET.sub("", line).strip() and read_symbol(names[0]) is None:
            if not names[0].startswith("*"):
                self._begin(names[0])
            return
        for name in names:
            if name.startswith("*") or not name:
                continue
            key = self._key()
            chord = read_symbol(name) or (None if key is None else read_degree(name, key))
            if chord is None:
                allowed = "symbols such as Am, F#m7, Bb/D or N.C. in brackets"
                fault = f"has {printable(name, 20)!r} in line {number}, which is no chord; allowed: {allowed}."
                raise self._error(name, allowed, fault, "Write [*text] for a remark.")
            self._add([(chord,)])

    def _key(self) -> Key | None:
        text = self._facts.get("key", "")
        if not text:
            return None
        try:
            return Key.parse(text)
        except InvalidValue as error:
            fault = f"has {{key: {printable(text, 20)}}}; allowed: {error.allowed}."
            raise self._error(text, error.allowed, fault, error.remedy) from None

    def _error(self, value: object, allowed: str, fault: str, remedy: str = "") -> InvalidValue:
        message = f"{self._field} {fault}" if fault.startswith("has") else f"{fault[0].upper()}{fault[1:]}"
        return InvalidValue(self._field, value, allowed, message=message, remedy=remedy)

    def finish(self) -> ChordSheet:
        """Return the sheet. Raises `InvalidValue` where there are no chords, and for facts that cannot be read."""
        sections = tuple(ChartSection(name, tuple(bars)) for name, bars in self._sections if bars)
        if not sections:
            raise self._error("", "at least one chord", "has no chords; allowed: at least one.",
                              "Put chords in brackets: [Am]words.")  # fmt: skip
        capo, tempo = (self._number(name) for name in ("capo", "tempo"))
        keyscale = spell_key(self._facts["key"]) if self._key() else None
        chart = ChordChart(sections)
        if capo:
            chart = chart.transpose(round(capo))
            keyscale = None if keyscale is None else _raise_key(keyscale, round(capo))
        meter = read_meter(self._facts["time"], self._field) if self._facts.get("time") else None
        return ChordSheet(chart, self._facts.get("title", ""), tempo, keyscale, meter)

    def _number(self, name: str) -> float | None:
        text = self._facts.get(name, "")
        if not text:
            return None
        if re.fullmatch(r"[0-9]{1,9}(?:\.[0-9]+)?", text) is None:
            raise self._error(text, "a number", f"has {{{name}: {printable(text, 20)}}}; allowed: a number.")
        return float(text)


def _raise_key(keyscale: str, semitones: int) -> str:
    key = Key.parse(keyscale)
    return str(replace(key, tonic=(key.tonic + semitones) % 12))
