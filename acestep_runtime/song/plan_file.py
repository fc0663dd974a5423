"""Reading plans: a TOML file, or the same as a mapping. Errors name the section and what is allowed there."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from acestep_runtime.engines import registry
from acestep_runtime.errors import InvalidValue, printable
from acestep_runtime.limits import describe_limits, field_limits, is_finite, validate
from acestep_runtime.song.plan import Section, SongPlan, bar_borders, check_plan, section_label
from acestep_runtime.song.section_chords import chords_for
from acestep_runtime.tasks.base import SCORES
from acestep_runtime.values import MAX_SEED, TIME_SIGNATURES, Json, Music

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MAX_BARS = 1000
#: The largest plan that is read: room for the lyrics of every section.
MAX_BYTES = 1 << 20
#: What the fields of `Music` are called in a plan.
_NAMES = {"timesignature": "time_signature", "keyscale": "key"}


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and is_finite(value)


def _is_whole(low: int, high: int) -> Callable[[object], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_share(value: object) -> bool:
    return _is_number(value) and isinstance(value, (int, float)) and 0 <= value <= 1


def _is_meter(value: object) -> bool:
    return value in TIME_SIGNATURES and not isinstance(value, (bool, float))


_CHORDS = 'text: chord symbols, with | between bars, such as "Am F | C G"'
#: Keys of a plan and of a section: what a value must be, and how messages say it.
_SONG: dict[str, tuple[Callable[[object], bool], str]] = {
    "title": (_is_text, "text"),
    "style": (_is_text, "text: style, instruments, mood"),
    "bpm": (_is_number, "a number of beats per minute, 30 to 300"),
    "time_signature": (_is_meter, f"beats per bar: {', '.join(map(str, TIME_SIGNATURES))}"),
    "key": (_is_text, 'text such as "C major" or "F# minor"'),
    "language": (_is_text, 'the code of a language, such as "en"'),
    "seed": (_is_whole(0, MAX_SEED), f"a whole number, 0 to {MAX_SEED}"),
    "engine": (lambda value: value in ("auto", *registry.ENGINES), ", ".join(registry.OFFERED)),
    "chords": (_is_text, _CHORDS),
    "score_by": (lambda value: bool(value) and value in SCORES, ", ".join(filter(None, SCORES))),
    "takes": (_is_whole(1, 8), "a whole number, 1 to 8"),
    "section": (lambda value: isinstance(value, list), "sections, each of which begins with [[section]]"),
}
_SECTION: dict[str, tuple[Callable[[object], bool], str]] = {
    "name": (_is_text, "text"),
    "bars": (_is_whole(1, MAX_BARS), f"a whole number of bars, 1 to {MAX_BARS}"),
    "caption": (_is_text, "text that is added to the style of the song"),
    "lyrics": (_is_text, "the words to sing"),
    "takes": _SONG["takes"],
    "like": (_is_text, "the name of an earlier section"),
    "like_strength": (_is_share, "0 (only its sound) to 1 (nearly all of it)"),
    "chords": (_is_text, _CHORDS),
}


def read_plan(path: Path) -> SongPlan:
    """Return the plan in a TOML file; without a title it has the name of the file.

    Raises `InvalidValue` for what is no plan, and ``OSError`` for a file that cannot be read.
    """
    name = printable(path.name)
    try:
        with path.open(encoding="utf-8-sig") as file:  # it may be a device, which never ends
            text = file.read(MAX_BYTES + 1)
        if len(text.encode()) > MAX_BYTES:
            raise InvalidValue("plan", name, f"a file of at most {MAX_BYTES} bytes")
        plan = parse_plan(text, name)
    except UnicodeDecodeError as error:
        raise InvalidValue("plan", name, "text in UTF-8", message=f"{name} is not text in UTF-8.") from error
    return plan if plan.title else dataclasses.replace(plan, title=path.stem)


def parse_plan(text: str, name: str = "the plan") -> SongPlan:
    """Return the plan that a text in TOML stands for. Raises `InvalidValue`; ``name`` is the file in its sentence."""
    try:
        content = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        message = f"{name} is not TOML: {_why(error)}."
        raise InvalidValue(
            "plan", name, "TOML", message=message, remedy='Write texts in quotes: key = "text".'
        ) from error
    return plan_of(content)


def _why(error: ValueError | RecursionError) -> str:
    if isinstance(error, tomllib.TOMLDecodeError):  # which says where: "(at line 3, column 5)"
        return str(error).rstrip(".")
    return "it is nested too deeply" if isinstance(error, RecursionError) else "a number has too many digits"


def plan_of(content: Mapping[str, Json]) -> SongPlan:
    """Return the plan that a mapping with the keys of the file stands for. Raises `InvalidValue`."""
    _check_keys(content, _SONG, "")
    bpm, meter = content.get("bpm"), content.get("time_signature", 4)
    if bpm is None:
        raise InvalidValue("bpm", "", "a number", message="The plan has no bpm, in which its bars count.",
                           remedy="Add for example bpm = 120.")  # fmt: skip
    assert isinstance(bpm, (int, float))
    assert isinstance(meter, int)
    _check_music("", bpm=float(bpm), keyscale=_text(content, "key") or None, language=_text(content, "language"))
    rows = _with_likes(_section_rows(content.get("section", [])))
    borders = bar_borders([_bars(row) for row in rows], float(bpm), meter)
    takes = content.get("takes", 1)
    sections = tuple(
        _section(row, content, start, stop, takes) for row, start, stop in zip(rows, borders, borders[1:], strict=False)
    )
    seed = content.get("seed")
    return check_plan(
        SongPlan(
            sections,
            title=_text(content, "title"),
            keyscale=_text(content, "key") or None,
            language=_text(content, "language") or "unknown",
            seed=seed if isinstance(seed, int) else None,
            engine=_text(content, "engine") or "auto",
            score_by=_text(content, "score_by"),
        )
    )


def _check_keys(
    content: Mapping[str, Json], table: Mapping[str, tuple[Callable[[object], bool], str]], place: str
) -> None:
    """Raise `InvalidValue` for a key that is not in the table, or whose value is not what the table says."""
    for key, value in content.items():
        if key not in table:
            where, allowed = place or "The plan", ", ".join(table)
            message = f"{where[0].upper()}{where[1:]} has a key {printable(key)}; allowed: {allowed}."
            raise InvalidValue(key, value, allowed, message=message)
        is_allowed, allowed = table[key]
        if not is_allowed(value):
            raise InvalidValue(f"{key} of {place}" if place else key, value, allowed)


def _section_rows(content: Json) -> list[Mapping[str, Json]]:
    """Return the sections as they are written, each with a name."""
    rows: list[Mapping[str, Json]] = []
    assert isinstance(content, list)
    for number, row in enumerate(content, 1):
        if not isinstance(row, Mapping):
            raise InvalidValue(f"section {number}", row, "keys and values below [[section]]")
        name = row.get("name")
        place = section_label(printable(name)) if isinstance(name, str) and name else f"section {number}"
        _check_keys(row, _SECTION, place)
        if "name" not in row:
            raise InvalidValue(
                place, "", "a name", message=f"Section {number} has no name.", remedy='Add name = "Verse".'
            )
        rows.append(row)
    return rows


def _with_likes(rows: list[Mapping[str, Json]]) -> list[Mapping[str, Json]]:
    """Return the sections, each with what it leaves out from the earlier one that it is like."""
    known: dict[str, Mapping[str, Json]] = {}
    full: list[Mapping[str, Json]] = []
    for row in rows:
        model = known.get(str(row.get("like", "")).strip().casefold(), {})
        taken = {key: value for key, value in model.items() if key in ("bars", "caption", "lyrics", "chords", "takes")}
        full.append({**taken, **row})
        known.setdefault(_text(row, "name").strip().casefold(), full[-1])
    return full


def _bars(row: Mapping[str, Json]) -> int:
    bars = row.get("bars")
    if not isinstance(bars, int):
        label = section_label(_text(row, "name"))
        message = f"{label[0].upper()}{label[1:]} does not say how many bars it has."
        raise InvalidValue(
            f"bars of {label}", "", "a whole number", message=message, remedy="Add for example bars = 8."
        )
    return bars


def _section(row: Mapping[str, Json], song: Mapping[str, Json], start: int, stop: int, takes: Json) -> Section:
    """Return a section: its caption is the song's style and its own."""
    name, style, bpm, meter = _text(row, "name"), _text(song, "style"), song["bpm"], song.get("time_signature", 4)
    caption = ", ".join(filter(None, (style.strip(), _text(row, "caption").strip())))
    place, lyrics, count = f" of {section_label(name)}", _text(row, "lyrics"), row.get("takes", takes)
    chords, strength = _text(row, "chords").strip() or chords_for(_text(song, "chords"), name), row.get("like_strength")
    _check_music(place, caption=caption, lyrics=lyrics, chords=chords)
    assert isinstance(bpm, (int, float))
    assert isinstance(meter, int)
    assert isinstance(count, int)
    return Section(
        name.strip(), start, stop, caption, lyrics, float(bpm), meter, count,
        like=_text(row, "like").strip(),
        like_strength=float(strength) if isinstance(strength, (int, float)) else None,
        chords=chords,
    )  # fmt: skip


def _check_music(place: str, **fields: str | float | None) -> None:
    """Raise `InvalidValue` for what no music can be, under the names of the plan."""
    given = {name: value for name, value in fields.items() if value not in (None, "")}
    try:
        validate(Music(**given))  # type: ignore[arg-type]
    except InvalidValue as error:
        limits = field_limits(Music, error.field)
        allowed = describe_limits(limits) if limits is not None and limits.max_len is None else error.allowed
        name = f"{_NAMES.get(error.field, error.field)}{place}"
        raise InvalidValue(name, error.value, allowed, remedy=error.remedy, value_text=error.value) from error


def _text(content: Mapping[str, Json], key: str) -> str:
    value = content.get(key, "")
    return value if isinstance(value, str) else ""
