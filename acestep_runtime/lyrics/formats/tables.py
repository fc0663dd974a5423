"""Formats for programs: JSON, which holds everything, and the CSV of REAPER's Region/Marker Manager.

In the CSV sections are regions and lines are markers. An unnamed marker says that nothing is sung from there on.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Mapping
from typing import TypedDict

from acestep_runtime.errors import InvalidValue
from acestep_runtime.json_values import JsonObject
from acestep_runtime.lyrics.formats.rows import clock, ended, refused, sung, tags_apart, with_pauses
from acestep_runtime.lyrics.timed import TimedLine, TimedSection, TimedWord, Timing
from acestep_runtime.values import Json

_HEADER = ("#", "Name", "Start", "End", "Length")
_TIME = re.compile(r"(?:(?:(\d{1,4}):)?(\d{1,5}):)?(\d{1,6}(?:\.\d{1,6})?)")
_IN_SECONDS = "Set the ruler to Minutes:Seconds before exporting."


class SpanFacts(TypedDict):
    """Seconds from the beginning, to a millisecond."""

    start_s: float
    end_s: float


class WordFacts(SpanFacts):
    """A word as plain values."""

    text: str


class LineFacts(WordFacts, total=False):
    """A line as plain values; ``words`` is empty, or not there, where they are not known."""

    words: list[WordFacts]


class SectionFacts(SpanFacts):
    """A section as plain values."""

    name: str


class TimingFacts(TypedDict):
    """A `Timing` as plain values."""

    lines: list[LineFacts]
    sections: list[SectionFacts]


def facts_of(timing: Timing) -> TimingFacts:
    """Return lines and sections as plain values, as the facts of a task hold them, times rounded to a millisecond."""
    return {
        "lines": [
            {**_span(line), "text": line.text, "words": [{**_span(word), "text": word.text} for word in line.words]}
            for line in timing.lines
        ],
        "sections": [{**_span(section), "name": section.name} for section in timing.sections],
    }


def _span(part: TimedLine | TimedWord | TimedSection) -> SpanFacts:
    return {"start_s": round(part.start_s, 3), "end_s": round(part.end_s, 3)}


def timing_of(facts: JsonObject) -> Timing:
    """Return the timing in facts: ``lines``, with ``words`` or without, and ``sections``; either may be missing.

    Raises `InvalidValue` for what is not text, not a number of seconds, or ends before it starts.
    """
    lines = []
    for name, row in _rows(facts, "lines", ""):
        words = tuple(
            TimedWord(*_times(at, word), _text(at, word, "text")) for at, word in _rows(row, "words", f"{name}.")
        )
        lines.append(TimedLine(*_times(name, row), _text(name, row, "text"), words))
    sections = tuple(
        TimedSection(*_times(name, row), _text(name, row, "name")) for name, row in _rows(facts, "sections", "")
    )
    return Timing(tuple(lines), sections)


def _rows(held: JsonObject, name: str, where: str) -> list[tuple[str, JsonObject]]:
    rows = held.get(name) or []
    if isinstance(rows, list):
        objects = [row for row in rows if isinstance(row, Mapping)]
        if len(objects) == len(rows):
            return [(f"{where}{name}[{number}]", row) for number, row in enumerate(objects)]
    raise InvalidValue(where + name, rows, "a list of objects")


def _text(where: str, row: JsonObject, name: str) -> str:
    if not isinstance(value := row.get(name), str):
        raise InvalidValue(f"{where}.{name}", value, "text")
    return value


def _times(where: str, row: JsonObject) -> tuple[float, float]:
    start_s, end_s = (_time(f"{where}.{name}", row.get(name)) for name in ("start_s", "end_s"))
    if end_s < start_s:
        raise InvalidValue(f"{where}.end_s", end_s, f"at least its start_s, {start_s:g}")
    return start_s, end_s


def _time(where: str, value: Json) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise InvalidValue(where, value, "a number of seconds")
    return float(value)


def write_json(timing: Timing) -> str:
    """Return ``timing`` as JSON, to the millisecond: ``{"lines": […], "sections": […]}``."""
    return json.dumps(facts_of(tags_apart(timing)), ensure_ascii=False, indent=1) + "\n"


def read_json(text: str) -> Timing:
    """Return what `write_json` wrote. Raises `InvalidValue` for what is no JSON or has other values."""
    try:
        held = json.loads(text.lstrip("\ufeff"))
    except json.JSONDecodeError as error:
        row = (text.splitlines() or [""])[min(error.lineno, len(text.splitlines()) or 1) - 1]
        raise refused(error.lineno, row, f"JSON; {error.msg} at character {error.colno}") from error
    except RecursionError as error:
        raise InvalidValue("the file", "nested too deeply", "an object with lines and sections") from error
    if not isinstance(held, dict):
        raise InvalidValue("line 1", str(held), "an object with lines and sections")
    return tags_apart(timing_of(held))


def write_reaper(timing: Timing) -> str:
    """Return ``timing`` as CSV for REAPER, to the millisecond: sections as regions, lines as markers, no words."""
    timing = sung(timing)
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(_HEADER)
    for number, section in enumerate(timing.sections, start=1):
        start_s, end_s = round(section.start_s, 3), round(section.end_s, 3)
        table.writerow([f"R{number}", section.name, _clock(start_s), _clock(end_s), _clock(end_s - max(0.0, start_s))])
    for number, (at, line) in enumerate(with_pauses(timing.lines), start=1):
        table.writerow([f"M{number}", "" if line is None else line.text, _clock(at), "", ""])
    return out.getvalue()


def _clock(time_s: float) -> str:
    return "{:d}:{:02d}:{:02d}.{:03d}".format(*clock(time_s, 1000, hours=True))


def read_reaper(text: str) -> Timing:
    """Return what REAPER exports: regions as sections, markers as lines, each until the next marker, the last for 5 s.

    Further columns are passed over. Raises `InvalidValue` for other tables, and for times in beats or frames.
    """
    table = csv.reader(io.StringIO(text.lstrip("\ufeff"), newline=""))
    columns: dict[str, int] | None = None
    sections: list[TimedSection] = []
    rows: list[tuple[float, TimedLine | None]] = []
    try:
        for cells in table:
            if columns is None:
                columns = {name.strip(): number for number, name in enumerate(cells)}
                if not set(_HEADER) - {"Length"} <= columns.keys():
                    raise refused(1, ",".join(cells), f"the columns {','.join(_HEADER)}")
            elif any(cell.strip() for cell in cells):
                _read_row(table.line_num, cells, columns, sections, rows)
    except csv.Error as error:
        raise refused(table.line_num, str(error), "a table with commas between its cells") from error
    if columns is None:
        raise refused(1, "", f"the columns {','.join(_HEADER)}")
    return tags_apart(Timing(ended(rows), tuple(sections)))


def _read_row(
    number: int, cells: list[str], columns: Mapping[str, int], sections: list[TimedSection],
    rows: list[tuple[float, TimedLine | None]],
) -> None:  # fmt: skip
    kind, name, start, end = (
        cells[columns[column]].strip() if columns[column] < len(cells) else "" for column in _HEADER[:4]
    )
    if kind[:1] not in ("R", "M"):
        raise refused(number, ",".join(cells), "R and a number for a region, M and a number for a marker, first")
    start_s = _seconds(number, start)
    if kind.startswith("R"):
        sections.append(TimedSection(start_s, max(start_s, _seconds(number, end)), name))
    else:
        rows.append((start_s, TimedLine(start_s, start_s, name) if name else None))


def _seconds(number: int, text: str) -> float:
    found = _TIME.fullmatch(text)
    if found is None:
        raise refused(number, text, "times such as 0:01:02.500", remedy=_IN_SECONDS)
    return int(found[1] or 0) * 3600 + int(found[2] or 0) * 60 + float(found[3])
