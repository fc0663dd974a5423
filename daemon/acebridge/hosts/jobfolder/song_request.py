"""The ``song`` of a request, read and checked. Errors name the place in the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acebridge.hosts.jobfolder.request import Entry, Request, wrong
from acestep_runtime.errors import InvalidValue
from acestep_runtime.limits import validate
from acestep_runtime.song.plan import Section, SongPlan, check_plan, section_label
from acestep_runtime.song.section_chords import chords_for
from acestep_runtime.tasks.base import Output
from acestep_runtime.units import ENGINE_RATE_HZ, seconds_to_frames
from acestep_runtime.values import MAX_SEED, TIME_SIGNATURES, Music

if TYPE_CHECKING:
    from pydantic import JsonValue

_SONG_KEYS = {
    "sections", "position_s", "sample_rate", "caption", "bpm", "timesignature", "keyscale", "language", "seed", "takes",
    "score_by", "chords",
}  # fmt: skip
_SECTION_KEYS = {
    "name", "bars", "start_s", "end_s", "caption", "lyrics", "bpm", "timesignature", "takes", "like",
    "like_strength", "chords",
}  # fmt: skip


def song_plan(request: Request) -> SongPlan:
    """Return the plan of the song that a request asks for. Raises `InvalidValue`."""
    song = Entry(request.song or {}, "song")
    _check_keys(song, _SONG_KEYS)
    rate_hz, seed = song.integer("sample_rate", ENGINE_RATE_HZ), song.integer("seed")
    if seed is not None and not 0 <= seed <= MAX_SEED:
        raise wrong("song.seed", seed, f"0 to {MAX_SEED}")
    sections: list[Section] = []
    end_s = 0.0
    for number, content in enumerate(song.items("sections")):
        entry = Entry.of(content, f"song.sections[{number}]")
        _check_keys(entry, _SECTION_KEYS)
        begin = sections[-1].stop if sections else 0
        end_s = _end_s(entry, song, end_s, begin, rate_hz)
        sections.append(_section(entry, song, begin, seconds_to_frames(end_s, rate_hz)))
    keyscale, language, score_by = song.text("keyscale"), song.text("language", "unknown"), song.text("score_by")
    _check("song", Music, keyscale=keyscale or None, language=language)
    _check("song", Output, sample_rate=rate_hz, tries=1, score_by=score_by)
    plan = SongPlan(tuple(sections), request.title, keyscale or None, language, seed, request.engine, score_by, rate_hz)
    return check_plan(plan)


def _check_keys(entry: Entry, known: set[str]) -> None:
    for key in entry.content:
        if key not in known:
            raise wrong(entry.place(key), entry.content[key], f"the keys {', '.join(sorted(known))}")


def _check(place: str, kind: type[Music | Output], **fields: JsonValue) -> None:
    """Raise `InvalidValue` for fields that are beyond the limits of ``kind``, with the place of them."""
    try:
        validate(kind(**fields))  # type: ignore[arg-type]
    except InvalidValue as error:
        error.field = f"{place}.{error.field}"
        raise


def _end_s(entry: Entry, song: Entry, before_s: float, begin: int, rate_hz: int) -> float:
    """Return where a section ends, in seconds of the song. Raises `InvalidValue` for a gap, an overlap and no end."""
    name, start_s = entry.text("name"), entry.number("start_s")
    if start_s is not None and seconds_to_frames(start_s, rate_hz) != begin:
        message = f"There is a gap or an overlap before {section_label(name)}: it begins at {start_s:.3f} s."
        raise wrong(entry.place("start_s"), start_s, f"{before_s:.3f}, where the section before it ends", message,
                    remedy="Let it begin where the section before it ends.")  # fmt: skip
    bars, end_s, bpm = entry.integer("bars"), entry.number("end_s"), _number(entry, song, "bpm")
    if (bars is None) == (end_s is None):
        raise wrong(entry.place("bars"), bars, "one of bars and end_s")
    if end_s is not None:
        return end_s
    if bars is None or bars < 1 or not bpm or bpm < 0:
        raise wrong(entry.place("bars"), bars, "1 or more bars, with bpm")
    return before_s + bars * (_meter(entry, song) or 4) * 60 / bpm


def _section(entry: Entry, song: Entry, start: int, stop: int) -> Section:
    caption = ", ".join(filter(None, (song.text("caption").strip(), entry.text("caption").strip())))
    lyrics, bpm, meter = entry.text("lyrics"), _number(entry, song, "bpm"), _meter(entry, song)
    chords = entry.text("chords").strip() or chords_for(song.text("chords"), entry.text("name"))
    _check(entry.at, Music, caption=caption, lyrics=lyrics, bpm=bpm, chords=chords)
    takes = entry.integer("takes") or song.integer("takes") or 1
    return Section(
        entry.text("name").strip(), start, stop, caption, lyrics, bpm, meter, takes,
        like=entry.text("like"), like_strength=entry.number("like_strength"), chords=chords,
    )  # fmt: skip


def _number(entry: Entry, song: Entry, key: str) -> float | None:
    own = entry.number(key)
    return song.number(key) if own is None else own


def _meter(entry: Entry, song: Entry) -> int | None:
    own = entry.integer("timesignature")
    meter = song.integer("timesignature") if own is None else own
    if meter is not None and meter not in TIME_SIGNATURES:
        value: JsonValue = meter
        raise wrong(entry.place("timesignature"), value, ", ".join(map(str, TIME_SIGNATURES)))
    return meter
