"""The karaoke page: one HTML file that plays a song, shows its words, and needs nothing from elsewhere."""

from __future__ import annotations

import os
from html import escape
from pathlib import Path
from urllib.parse import quote

from acebridge.pages import sound
from acebridge.pages.template import fill_page, read_part
from acestep_runtime.lyrics.formats.rows import plain_lines, split_words
from acestep_runtime.lyrics.timed import TimedLine, TimedSection, Timing

#: FLAC does not make a recording smaller than that share of it, unless most of it is silent.
_SMALLEST = 1 / 4


def audio_url(source: Path, page: Path, *, embedded_bytes: int | None = None) -> tuple[str, bool]:
    """Return the address of ``source`` for a page at ``page``, and whether it holds the audio itself.

    What is not small already becomes FLAC. Audio of more than ``embedded_bytes``, by default
    `acebridge.pages.sound.EMBEDDED_BYTES`, is a path from the page's folder.
    """
    limit = sound.EMBEDDED_BYTES if embedded_bytes is None else embedded_bytes
    if source.stat().st_size * _SMALLEST <= limit:
        kind, data = sound.playable(source)
        if len(data) <= limit:
            return sound.data_url(kind, data), True
    return _path_from(page, source), False


def _path_from(page: Path, source: Path) -> str:
    try:
        path = Path(os.path.relpath(source.resolve(), page.resolve().parent))
    except ValueError:  # another drive
        return source.resolve().as_uri()
    return quote(os.fsencode(path.as_posix()))


def page_html(timing: Timing, *, title: str, audio: str, language: str = "") -> str:
    """Return the page. ``audio`` is the address of the song; ``language`` that of its words, such as "en", if known."""
    timing = plain_lines(timing)
    parts = "".join(_part(section, lines) for section, lines in _parts(timing))
    lang = f' lang="{escape(language)}"' if language else ""
    return fill_page(
        read_part("karaoke.html", "acebridge.cli"),
        read_part("karaoke.js", "acebridge.cli"),
        loads_files=not audio.startswith("data:"),
        title=escape(title),
        audio=escape(audio),
        words=parts,
        lang=lang,
    )


def _parts(timing: Timing) -> list[tuple[TimedSection | None, list[TimedLine]]]:
    """Return each section with the lines whose middle is in it, first those before any."""
    parts: list[tuple[TimedSection | None, list[TimedLine]]] = [(None, [])]
    parts += [(section, []) for section in timing.sections]
    for line in timing.lines:
        middle_s = (line.start_s + line.end_s) / 2
        begun = [part for part in parts if part[0] is None or part[0].start_s <= middle_s]
        begun[-1][1].append(line)
    return parts if parts[0][1] else parts[1:]


def _part(section: TimedSection | None, lines: list[TimedLine]) -> str:
    heading = f'<h2 dir="auto">{escape(section.name)}</h2>' if section is not None and section.name else ""
    rows = "".join(f"<li>{_line(line)}</li>" for line in lines)
    return f"<section>{heading}{f'<ol>{rows}</ol>' if rows else ''}</section>\n"


def _line(line: TimedLine) -> str:
    words = "".join(
        f'<span class="word" {_times(word.start_s, word.end_s)}>{escape(part.rstrip())}</span>{part[len(part.rstrip()) :]}'
        for word, part in split_words(line)
    )
    times = _times(line.start_s, line.end_s)
    # Their language is not that of the page, and not known.
    also = "".join(f'<span class="also" lang="" dir="auto">{escape(text)}</span>' for text in line.translations)
    return f'<button class="line" type="button" dir="auto" {times}>{words or escape(line.text)}{also}</button>'


def _times(start_s: float, end_s: float) -> str:
    return f'data-start="{start_s:.3f}" data-end="{end_s:.3f}"'
