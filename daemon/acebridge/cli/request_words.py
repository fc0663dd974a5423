"""What a job was asked for, as a person reads it: a title for lists, and every field in a line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from acebridge.cli.option_names import OPTIONS_OF_FIELDS

if TYPE_CHECKING:
    from acebridge.contract.fields import Fields, FieldValue
    from acebridge.v1 import jobs_pb2

#: How much of a caption or a line of lyrics stands in a title.
_LONGEST_WORDS = 60
#: How the job is queued stands elsewhere; of long lists it is enough to know how long they are.
_APART = ("submission",)
#: Files that a request holds, as base64.
_FILES = {"midi": "a MIDI file"}
_MOST_ITEMS = 8


def request_of_job(job: jobs_pb2.Job) -> Fields:
    """Return the fields of the request of a job; none where the daemon does not say it."""
    from acebridge.contract.fields import fields_of
    from acebridge.contract.tasks import unwrap

    return fields_of(unwrap(job.request)) if job.request.WhichOneof("task") else {}


def title_of(job: jobs_pb2.Job) -> str:
    """Return what a job is about, such as ``song.wav 4 to 8 s: brighter piano``; empty where that is not known."""
    fields = request_of_job(job)
    duration_s = fields.get("duration_s")
    tracks = fields.get("tracks")
    what = [
        ", ".join(map(str, tracks)) if isinstance(tracks, Sequence) else "",
        _subject(fields),
        f"{_time(duration_s)} s" if isinstance(duration_s, float) else "",
    ]
    where = " ".join(filter(None, (_name(fields.get("source")), _span(fields))))
    return ": ".join(filter(None, (where, ", ".join(filter(None, what)))))


def request_lines(job: jobs_pb2.Job) -> Iterator[str]:
    """Yield what a job was asked for, as `field_lines` does."""
    return field_lines(request_of_job(job))


def field_lines(fields: Fields) -> Iterator[str]:
    """Yield each field of a request in a line, by the name of its option; a text of several lines is indented."""
    for name, value in _flatten({name: _FILES.get(name, value) for name, value in fields.items()}):
        lines = _value_text(value).splitlines() or [""]
        if len(lines) == 1:
            yield f"{name}: {lines[0]}"
        else:
            yield f"{name}:"
            yield from (f"  {line}" for line in lines)


def _flatten(fields: Fields, prefix: str = "") -> Iterator[tuple[str, FieldValue]]:
    for field, value in fields.items():
        path = f"{prefix}{field}"
        if path in _APART:
            continue
        if isinstance(value, Mapping) and not _is_source(value):
            yield from _flatten(value, f"{path}.")
        else:
            option = OPTIONS_OF_FIELDS.get(path, field)
            yield (option[2:] if option.startswith("--") else field).replace("-", " ").replace("_", " "), value


def _value_text(value: FieldValue) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Mapping):
        return _name(value) if _is_source(value) else ", ".join(f"{name} {_value_text(v)}" for name, v in value.items())
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        more = f" and {len(value) - _MOST_ITEMS} more" if len(value) > _MOST_ITEMS else ""
        return ", ".join(_value_text(item) for item in value[:_MOST_ITEMS]) + more
    return str(value)


def _is_source(value: Mapping[str, FieldValue]) -> bool:
    return "asset_id" in value


def _name(source: FieldValue) -> str:
    """Return the name of a source, with the part of it that is used."""
    if not isinstance(source, Mapping):
        return ""
    region = source.get("region")
    part = _span(region) if isinstance(region, Mapping) else ""
    return " ".join(filter(None, (str(source.get("name") or source.get("asset_id", "")), part and f"({part})")))


def _span(fields: Fields) -> str:
    """Return a region in words, such as ``4 to 8 s``."""
    start, end = (fields.get(name) for name in ("start_s", "end_s"))
    if isinstance(start, float) and isinstance(end, float):
        return f"{_time(start)} to {_time(end)} s"
    if isinstance(start, float):
        return f"from {_time(start)} s"
    return f"to {_time(end)} s" if isinstance(end, float) else ""


def _time(seconds: float) -> str:
    return f"{round(seconds, 2):.10g}"


def _subject(fields: Fields) -> str:
    """Return the beginning of what the music should be: its description, else its caption, else its lyrics."""
    music = fields.get("music")
    known = music if isinstance(music, Mapping) else {}
    text = str(fields.get("description") or known.get("caption") or "")
    lyrics = str(known.get("lyrics") or "")
    line = " ".join((text or (lyrics and f"“{lyrics}”")).split())
    return line if len(line) <= _LONGEST_WORDS else f"{line[: _LONGEST_WORDS - 1]}…"
