"""The page that compares recordings: takes, of which one is heard at a time, and sets of stems, which are heard together.

All begin at their places on one time line; those of one role are equally loud. What they are called, and what is known of them,
comes from the command.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from acebridge.atomic_files import write_whole
from acebridge.colours import SONG, TRACK_COLOURS, colour_of
from acebridge.pages import sound
from acebridge.pages.player import KEYS, Mark, Row, Timeline, decibels, rows_html, set_html
from acebridge.pages.sound import Sound, read_sound
from acebridge.pages.template import fill_page, read_part
from acebridge.version import VERSION
from acestep_runtime.audio import decode
from acestep_runtime.audio.loudness import SILENT_LUFS, equal_levels_db
from acestep_runtime.errors import InvalidValue, printable

#: Role of a whole song.
MIX = "mix"
#: A browser holds all of it as samples: a minute in stereo at 48 kHz takes 23 MB.
MAX_MINUTES = 90
_COLOURS = ("#0ea5e9", TRACK_COLOURS["bass"], TRACK_COLOURS["keyboard"], TRACK_COLOURS["brass"], TRACK_COLOURS["guitar"],
            TRACK_COLOURS["backing_vocals"], TRACK_COLOURS["percussion"], TRACK_COLOURS["synth"])  # fmt: skip
#: Keys of sets. The player itself has L.
_SET_KEYS = "abcdefgh"


@dataclass(frozen=True)
class Take:
    """A file to listen to. ``parts`` is the title of the set of stems that it belongs to, empty for a take.

    ``start_s`` is its place in the song, which may be before 0. ``facts`` are short texts, and ``region`` is the stretch of the
    song, in seconds, that is new in it.
    """

    path: Path
    name: str
    role: str = MIX
    parts: str = ""
    start_s: float = 0.0
    is_source: bool = False
    facts: Sequence[str] = ()
    region: tuple[float, float] | None = None


@dataclass(frozen=True)
class Comparison:
    """The content of a page. Sets in ``with_source`` are layers of the source, which is heard with them."""

    title: str
    takes: Sequence[Take]
    lead: str = ""
    facts: Sequence[str] = ()
    with_source: frozenset[str] = frozenset()


class _Entry(NamedTuple):
    """A take and what was read of it: its name for the script, its key, and its level where all are equally loud."""

    take: Take
    sound: Sound
    source: str
    key: str
    level_db: float


def write_comparison(page: Path, comparison: Comparison, *, embedded_bytes: int | None = None) -> Path | None:
    """Write the page, and return the folder beside it that holds its audio; ``None`` where the page itself does.

    It does up to ``embedded_bytes``, by default `acebridge.pages.sound.EMBEDDED_BYTES`. Raises `InvalidValue` for more than
    `MAX_MINUTES` in all and for a folder that cannot be written, `UnreadableAudio`, and ``OSError``.
    """
    check_length(take.path for take in comparison.takes)
    sounds = [read_sound(take.path) for take in comparison.takes]
    limit = sound.EMBEDDED_BYTES if embedded_bytes is None else embedded_bytes
    folder = page.with_name(f"{page.stem}-audio") if sum(len(each.data) for each in sounds) > limit else None
    entries = _read_all(comparison, sounds, folder)
    if folder is not None:
        for each in entries:
            write_whole(folder / Path(each.source).name, [sound.sound_script(each.sound.data)])
    write_whole(page, [page_html(comparison, entries, folder).encode("utf-8", "replace")])
    return folder


def check_length(paths: Iterable[Path]) -> None:
    """Raise `InvalidValue` where files last longer than a page can hold, and `UnreadableAudio`."""
    minutes = sum(decode.measure(path, field="file").duration_s for path in paths) / 60
    if minutes > MAX_MINUTES:
        raise InvalidValue(
            "the length of all files", f"{minutes:.0f} minutes", f"up to {MAX_MINUTES} minutes on one page",
            remedy="Compare fewer of them, or parts: `acebridge listen` plays files of any length.",
        )  # fmt: skip


def _read_all(comparison: Comparison, sounds: Sequence[Sound], folder: Path | None) -> list[_Entry]:
    levels = _levels_db(comparison.takes, sounds)
    keys = iter("123456789")
    return [
        _Entry(
            take,
            read,
            f"sound{number}" if folder is None else f"{quote(folder.name.encode('utf-8', 'replace'))}/{number}.js",
            "0" if take.is_source else next(keys, ""),
            levels[number],
        )
        for number, (take, read) in enumerate(zip(comparison.takes, sounds, strict=True))
    ]


def _levels_db(takes: Sequence[Take], sounds: Sequence[Sound]) -> list[float]:
    """Return the level of each take where those of one role are equally loud.

    A short part is not compared with the whole: in a quiet song a loud chorus is meant to be loud.
    """
    longest_s = {take.role: 0.0 for take in takes}
    for take, read in zip(takes, sounds, strict=True):
        longest_s[take.role] = max(longest_s[take.role], read.duration_s)
    kinds = [(take.role, read.duration_s >= longest_s[take.role] / 2) for take, read in zip(takes, sounds, strict=True)]
    levels = [0.0] * len(takes)
    for kind in set(kinds):
        numbers = [number for number, each in enumerate(kinds) if each == kind]
        for number, level_db in zip(numbers, equal_levels_db([sounds[number].lufs for number in numbers]), strict=True):
            levels[number] = level_db
    return levels


def page_html(comparison: Comparison, entries: Sequence[_Entry], folder: Path | None) -> str:
    """Return the page as HTML."""
    facts = "".join(f"<li>{escape(fact)}</li>" for fact in comparison.facts)
    where = (
        "in this page"
        if folder is None
        else f"in the folder {printable(folder.name, 200)}, which has to stay beside it"
    )
    return fill_page(
        read_part("compare.html"),
        read_part("player.js"),
        loads_files=folder is not None,
        title=escape(printable(comparison.title, 200)),
        lead=f'<p class="lead" dir="auto">{escape(comparison.lead)}</p>' if comparison.lead else "",
        facts=f'<ul class="facts">{facts}</ul>' if facts else "",
        rate=str(entries[0].sound.rate_hz),
        equal=_equal_switch(entries),
        sections="".join(_sections(comparison, entries)),
        keys=KEYS,
        sounds="" if folder else "".join(sound.sound_block(each.source, each.sound.data) for each in entries),
        footer=escape(
            f"Made by AceBridge {VERSION}. The audio is {where}, as FLAC of 16 bits; nothing is loaded from elsewhere."
        ),
    )


def _equal_switch(entries: Sequence[_Entry]) -> str:
    if len({each.take.role for each in entries}) == len(entries):
        return ""  # nothing is compared
    return '<label><input type="checkbox" id="equal" checked>Equal loudness <kbd aria-hidden="true">L</kbd></label>'


def _sections(comparison: Comparison, entries: Sequence[_Entry]) -> Iterator[str]:
    """Yield the takes, then each set of stems, each as a section of the page."""
    first_s = min(0.0, *(each.take.start_s for each in entries))
    ends = [each.take.start_s - first_s + each.sound.duration_s for each in entries]
    peak = max(each.sound.peaks.highest for each in entries)
    timeline = Timeline(max(ends), 1 / peak if peak > 0 else 1.0)
    colours = iter(_COLOURS * len(entries))
    rows = {each.source: _row(each, first_s, colours) for each in entries}
    source = next((each.source for each in entries if each.take.is_source), "")
    for number, (parts, members) in enumerate(_sets(entries).items()):
        held = [rows[each.source] for each in members]
        if not parts:
            title, inside = "Takes" if len(held) > 1 else "Take", rows_html(held, timeline)
        else:
            along = source if parts in comparison.with_source else ""
            key = next(iter(_SET_KEYS[number - ("" in _sets(entries)) :]), "")
            title = parts
            inside = set_html(
                held, timeline, title=f"{parts} {'with the source' if along else 'together'}", key=key, along=along
            )
        yield (
            f'<section aria-labelledby="part{number}"><h2 id="part{number}">{escape(title)}</h2>'
            f'<div class="card">{inside}</div></section>'
        )


def _sets(entries: Sequence[_Entry]) -> Mapping[str, list[_Entry]]:
    """Return takes by the title of their set, "" and thus those of none first."""
    titles = sorted({each.take.parts: None for each in entries}, key=bool)
    return {title: [each for each in entries if each.take.parts == title] for title in titles}


def _row(entry: _Entry, first_s: float, colours: Iterator[str]) -> Row:
    take, read = entry.take, entry.sound
    song = f"var(--song, {SONG})"
    colour = colour_of(take.role) if take.parts else song if take.is_source else next(colours)
    loudness = "silent" if read.lufs <= SILENT_LUFS else f"{decibels(read.lufs)} LUFS"
    mark = None
    if take.region is not None:
        start_s, end_s = (at_s - first_s for at_s in take.region)
        mark = Mark("old" if take.is_source else "new", start_s, end_s, "" if take.is_source else "new")
    return Row(
        printable(take.name, 200), entry.source, colour, read.peaks, read.duration_s, take.start_s - first_s, entry.key,
        printable(take.path.name, 200), match_db=entry.level_db, facts=[*take.facts, loudness], mark=mark,
    )  # fmt: skip
