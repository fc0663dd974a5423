"""The player of pages: a row for each sound, with its waveform in its place on one time line. `player.js` plays them.

All sounds run together on one clock, and what is chosen is heard: one row, or the rows of a set together. So going from one to
another keeps the place, to the sample.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from acebridge.pages import waveform
from acebridge.pages.waveform import Peaks

_ICONS = (
    '<svg viewBox="0 0 16 16" aria-hidden="true"><path class="go" d="M4 2l10 6-10 6z"/>'
    '<path class="stop" d="M3 2h4v12H3zM9 2h4v12H9z"/></svg>'
)
#: Smaller differences of level are not said.
_AUDIBLE_DB = 0.05
#: What the player obeys, for people.
KEYS = (
    "<kbd>Space</kbd> plays and pauses, <kbd>←</kbd> <kbd>→</kbd> go by 5 seconds, <kbd>↑</kbd> <kbd>↓</kbd> and the keys"
    " beside the names choose what is heard, at the same place."
)


@dataclass(frozen=True)
class Timeline:
    """The time line of a page. ``scale`` is that of all waveforms: the inverse of the highest peak."""

    duration_s: float
    scale: float = 1.0


@dataclass(frozen=True)
class Mark:
    """A stretch of the time line, marked in a row: "old" is outlined, "new" is coloured and has a label."""

    kind: str
    start_s: float
    end_s: float
    label: str = ""


@dataclass(frozen=True)
class Row:
    """A sound that is heard from ``start_s`` on.

    ``sound`` is the id of the element, or the path of the script beside the page, that holds it. ``colour`` is one of CSS.
    ``key`` chooses the row. ``file`` is the name that is shown, a link to the file with ``is_beside``, which then plays also
    where no script runs. ``match_db`` is its level when all rows are equally loud, which is said below it, as are
    ``facts``, short texts.
    """

    name: str
    sound: str
    colour: str
    peaks: Peaks
    duration_s: float
    start_s: float = 0.0
    key: str = ""
    file: str = ""
    is_beside: bool = False
    match_db: float = 0.0
    facts: Sequence[str] = ()
    mark: Mark | None = None


def rows_html(rows: Iterable[Row], timeline: Timeline) -> str:
    """Return rows of which one is heard at a time."""
    return "".join(_row(row, timeline) for row in rows)


def set_html(rows: Iterable[Row], timeline: Timeline, *, title: str, key: str = "", along: str = "") -> str:
    """Return rows that are also heard together, each muted or alone: the parts of a song.

    ``title`` is the name of all of them, and ``along`` the sound that is heard with them, a song without these parts.
    """
    name = escape(title)
    held = "".join(_row(row, timeline, _switches(escape(row.name))) for row in rows)
    return (
        f'<div class="set" data-name="{name}" data-along="{escape(along)}">'
        f'<div class="together row" {_key_attributes(key)}>{_play_button(name)}'
        f'<div class="name"><b>{name}</b>{_key(key)}<time></time></div></div>{held}</div>'
    )


def decibels(level: float) -> str:
    """Return a level to a tenth, with a true minus."""
    return f"{level:.1f}".replace("-", "−")


def clock(seconds: float) -> str:
    """Return a time in minutes and seconds."""
    return f"{int(seconds // 60)}:{int(seconds % 60):02d}"


def place(start: float, stop: float, whole: float) -> str:
    """Return a stretch of a whole as CSS that puts it there."""
    return f"left:{100 * start / whole:.4g}%;width:{100 * (stop - start) / whole:.4g}%"


def _play_button(name: str) -> str:
    return f'<button class="play" type="button" aria-label="Play {name}">{_ICONS}</button>'


def _switches(name: str) -> str:
    """Return the buttons that mute a part, and play it alone."""
    return (
        f'<button class="switch mute" type="button" aria-pressed="false" aria-label="Mute {name}">M</button>'
        f'<button class="switch solo" type="button" aria-pressed="false" aria-label="Solo {name}">S</button>'
    )


def _key(key: str) -> str:
    return f'<kbd aria-hidden="true">{escape(key)}</kbd>' if key else ""


def _key_attributes(key: str) -> str:
    return f'data-key="{escape(key)}"' if key else ""


def _row(row: Row, timeline: Timeline, switches: str = "") -> str:
    name, file = escape(row.name), escape(row.file)
    shown = f'<a href="{file}" download>{file}</a>' if row.is_beside else f'<span class="file">{file}</span>'
    fallback = f'<audio controls preload="none" src="{file}" aria-label="{name}"></audio>' if row.is_beside else ""
    facts = "".join(f"<li>{escape(fact)}</li>" for fact in row.facts)
    if row.match_db <= -_AUDIBLE_DB:
        facts += f'<li class="match">{decibels(row.match_db)} dB for equal loudness</li>'
    return (
        f'<div class="player row" style="--c:{row.colour}" data-name="{name}" data-sound="{escape(row.sound)}"'
        f' data-at="{row.start_s:.6f}" data-length="{row.duration_s:.6f}" data-match="{row.match_db:.6f}"'
        f" {_key_attributes(row.key)}>"
        f'<div class="name"><i class="dot"></i><b>{name}</b>{_key(row.key)}{shown}'
        f'<time data-total="{clock(timeline.duration_s)}">{row.duration_s:.1f} s</time>{switches}</div>'
        f'{_play_button(name)}<div class="strip">{_picture(row, timeline)}<div class="head"></div>'
        f'<input class="seek" type="range" min="0" max="{timeline.duration_s:.3f}" step="0.01" value="0"'
        f' aria-label="Position, {name}"></div>{fallback}{f"<ul class=chips>{facts}</ul>" if facts else ""}</div>'
    )


def _picture(row: Row, timeline: Timeline) -> str:
    """Return the waveform in its place on the time line, with what is marked in it."""
    whole_s, end_s = timeline.duration_s, row.start_s + row.duration_s
    picture = waveform.svg(row.peaks, scale=timeline.scale)
    if row.start_s > 0 or end_s < whole_s:
        picture = f'<div class="piece" style="{place(row.start_s, end_s, whole_s)}">{picture}</div>'
    if row.mark is None:
        return picture
    where = place(row.mark.start_s, row.mark.end_s, whole_s)
    if row.mark.kind == "new":
        columns = np.clip([(at_s - row.start_s) / row.duration_s for at_s in (row.mark.start_s, row.mark.end_s)], 0, 1)
        first, last = (columns * len(row.peaks.rms)).round().astype(int).tolist()
        if last - first > 1:
            part = waveform.svg(row.peaks.between(first, last), scale=timeline.scale)
            picture += f'<div class="piece fresh" style="{where}">{part}</div>'
    return f'{picture}<div class="{row.mark.kind}" style="{where}">{escape(row.mark.label)}</div>'
