"""Formats for programs: JSON, which holds all data, and the CSV of REAPER's Region/Marker Manager.

In the CSV, sections are regions and lines are markers. An unnamed marker ends the line before.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping
from typing import TypedDict

from acestep_runtime.errors import InvalidValue, short_text
from acestep_runtime.json_values import JsonObject
from acestep_runtime.limits import is_finite
from acestep_runtime.lyrics.formats.rows import (
    add_pauses,
    close_lines,
    extract_tags,
    line_error,
    plain_lines,
)
from acestep_runtime.lyrics.timed import TimedLine, TimedSection, TimedWord, Timing
from acestep_runtime.units import seconds_to_clock
from acestep_runtime.values import Json

_HEADER = ("#", "Name", "Start", "End", "Length")
_TIME = re.compile(r"(?:(?:(\d{1,4}):)?(\d{1,5}):)?(\d{1,6}(?:\.\d{1,6})?)")
_IN_SECONDS = "Set the ruler to Minutes:Seconds before exporting."


class SpanMetadata(TypedDict):
    """Seconds from the beginning, to a millisecond."""

    start_s: float
    end_s: float


class WordMetadata(SpanMetadata):
    """A word as plain values."""

    text: str


class LineMetadata(WordMetadata, total=False):
    """A line as plain values; ``words`` is empty or missing where they are unknown, ``translations`` where there are none."""

    words: list[WordMetadata]
    translations: list[str]


class SectionMetadata(SpanMetadata):
    """A section as plain values."""

    name: str


class TimingMetadata(TypedDict):
    """A `Timing` as plain values."""

    lines: list[LineMetadata]
    sections: list[SectionMetadata]


def timing_to_metadata(timing: Timing) -> TimingMetadata:
    """Return lines and sections as plain values, as the metadata of a take holds them, rounded to a millisecond."""
    return {
        "lines": [_line(line) for line in timing.lines],
        "sections": [{**_span(section), "name": section.name} for section in timing.sections],
    }


def _line(line: TimedLine) -> LineMetadata:
    words: list[WordMetadata] = [{**_span(word), "text": word.text} for word in line.words]
    span = _span(line)
    values: LineMetadata = {"start_s": span["start_s"], "end_s": span["end_s"], "text": line.text, "words": words}
    if line.translations:
        values["translations"] = list(line.translations)
    return values


def _span(part: TimedLine | TimedWord | TimedSection) -> SpanMetadata:
    return {"start_s": round(part.start_s, 3), "end_s": round(part.end_s, 3)}


def timing_from_metadata(metadata: JsonObject) -> Timing:
    """Return the timing in metadata: ``lines``, with ``words`` or without, and ``sections``; either may be missing.

    Raises `InvalidValue` for values of the wrong type, and for an end before its start.
    """
    lines = []
    for name, row in _rows(metadata, "lines", ""):
        words = tuple(
            TimedWord(*_times(at, word), _text(at, word, "text")) for at, word in _rows(row, "words", f"{name}.")
        )
        lines.append(TimedLine(*_times(name, row), _text(name, row, "text"), words, _translations(name, row)))
    sections = tuple(
        TimedSection(*_times(name, row), _text(name, row, "name")) for name, row in _rows(metadata, "sections", "")
    )
    return Timing(tuple(lines), sections)


def _rows(values: JsonObject, name: str, where: str) -> list[tuple[str, JsonObject]]:
    rows = values.get(name) or []
    if isinstance(rows, list):
        objects = [row for row in rows if isinstance(row, Mapping)]
        if len(objects) == len(rows):
            return [(f"{where}{name}[{number}]", row) for number, row in enumerate(objects)]
    raise InvalidValue(where + name, rows, "a list of objects")


def _translations(where: str, row: JsonObject) -> tuple[str, ...]:
    texts = row.get("translations") or ()
    if not isinstance(texts, (list, tuple)) or not all(isinstance(text, str) for text in texts):
        raise InvalidValue(f"{where}.translations", texts, "a list of texts")
    return tuple(str(text) for text in texts)


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
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not is_finite(value):
        raise InvalidValue(where, value, "a number of seconds")
    return float(value)


def write_json(timing: Timing) -> str:
    """Return ``timing`` as JSON, to the millisecond: ``{"lines": […], "sections": […]}``."""
    return json.dumps(timing_to_metadata(extract_tags(timing)), ensure_ascii=False, indent=1) + "\n"


def read_json(text: str) -> Timing:
    """Read the output of `write_json`. Raises `InvalidValue` for invalid JSON or other values."""
    try:
        values = json.loads(text.lstrip("\ufeff"))
    except json.JSONDecodeError as error:
        row = (text.splitlines() or [""])[min(error.lineno, len(text.splitlines()) or 1) - 1]
        raise line_error(error.lineno, row, f"JSON; {error.msg} at character {error.colno}") from error
    except (ValueError, RecursionError) as error:
        value = "nested too deeply" if isinstance(error, RecursionError) else "a file with a number of too many digits"
        raise InvalidValue("the file", value, "an object with lines and sections", value_text=value) from error
    if not isinstance(values, dict):
        raise InvalidValue("line 1", short_text(values), "an object with lines and sections")
    return extract_tags(timing_from_metadata(values))


def write_reaper(timing: Timing) -> str:
    """Return ``timing`` as CSV for REAPER, to the millisecond: sections as regions, lines as markers, no words."""
    timing = plain_lines(timing)
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(_HEADER)
    for number, section in enumerate(timing.sections, start=1):
        start_s, end_s = round(section.start_s, 3), round(section.end_s, 3)
        table.writerow([f"R{number}", section.name, _clock(start_s), _clock(end_s), _clock(end_s - max(0.0, start_s))])
    for number, (at, line) in enumerate(add_pauses(timing.lines), start=1):
        table.writerow([f"M{number}", "" if line is None else line.text, _clock(at), "", ""])
    return out.getvalue()


def _clock(time_s: float) -> str:
    return "{:d}:{:02d}:{:02d}.{:03d}".format(*seconds_to_clock(time_s))


def read_reaper(text: str) -> Timing:
    """Read REAPER's export: regions as sections, markers as lines, each until the next marker, the last for 5 s.

    Other columns are skipped. Raises `InvalidValue` for other tables, and for times in beats or frames.
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
                    raise line_error(1, ",".join(cells), f"the columns {','.join(_HEADER)}")
            elif any(cell.strip() for cell in cells):
                _read_row(table.line_num, cells, columns, sections, rows)
    except csv.Error as error:
        raise line_error(table.line_num, str(error), "a table with commas between its cells") from error
    if columns is None:
        raise line_error(1, "", f"the columns {','.join(_HEADER)}")
    return extract_tags(Timing(close_lines(rows), tuple(sections)))


def _read_row(
    number: int, cells: list[str], columns: Mapping[str, int], sections: list[TimedSection],
    rows: list[tuple[float, TimedLine | None]],
) -> None:  # fmt: skip
    kind, name, start, end = (
        cells[columns[column]].strip() if columns[column] < len(cells) else "" for column in _HEADER[:4]
    )
    if kind[:1] not in ("R", "M"):
        raise line_error(number, ",".join(cells), "R and a number for a region, M and a number for a marker, first")
    start_s = _seconds(number, start)
    if kind.startswith("R"):
        sections.append(TimedSection(start_s, max(start_s, _seconds(number, end)), name))
    else:
        rows.append((start_s, TimedLine(start_s, start_s, name) if name else None))


def _seconds(number: int, text: str) -> float:
    match = _TIME.fullmatch(text)
    if match is None:
        raise line_error(number, text, "times such as 0:01:02.500", remedy=_IN_SECONDS)
    return int(match[1] or 0) * 3600 + int(match[2] or 0) * 60 + float(match[3])
