"""The karaoke page: one HTML file that plays a song, shows its words, and needs nothing from elsewhere."""

from __future__ import annotations

import base64
import io
import os
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from urllib.parse import quote

from acestep_runtime.lyrics.formats.rows import plain_lines, split_words
from acestep_runtime.lyrics.timed import TimedLine, TimedSection, Timing

#: Audio above this many bytes stays a file of its own.
EMBEDDED_BYTES = 30_000_000
#: What browsers play, as libsndfile calls it.
_TYPES = {"WAV": "audio/wav", "WAVEX": "audio/wav", "FLAC": "audio/flac", "OGG": "audio/ogg", "MP3": "audio/mpeg"}


def audio_url(source: Path, page: Path, *, embedded_bytes: int | None = None) -> tuple[str, bool]:
    """Return the address of ``source`` for a page at ``page``, and whether it holds the audio itself.

    What browsers do not play, such as AIFF, becomes FLAC of 24 bits. Audio of more than ``embedded_bytes``, by default
    `EMBEDDED_BYTES`, is a path from the page's folder.
    """
    if source.stat().st_size > (EMBEDDED_BYTES if embedded_bytes is None else embedded_bytes):
        return _path_from(page, source), False
    kind, data = _playable(source)
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}", True


def _path_from(page: Path, source: Path) -> str:
    try:
        path = Path(os.path.relpath(source.resolve(), page.resolve().parent))
    except ValueError:  # another drive
        return source.resolve().as_uri()
    return quote(os.fsencode(path.as_posix()))


def _playable(source: Path) -> tuple[str, bytes]:
    import soundfile

    with source.open("rb") as file:  # libsndfile itself takes no name that is no text
        info = soundfile.info(file)
        if info.format in _TYPES and info.subtype != "DOUBLE":
            return _TYPES[info.format], source.read_bytes()
        file.seek(0)
        samples, rate_hz = soundfile.read(file, dtype="float32", always_2d=True)
    out = io.BytesIO()
    soundfile.write(out, samples, rate_hz, "PCM_24", format="FLAC")
    return "audio/flac", out.getvalue()


def page_html(timing: Timing, *, title: str, audio: str, language: str = "") -> str:
    """Return the page. ``audio`` is the address of the song; ``language`` that of its words, such as "en", if known."""
    timing = plain_lines(timing)
    template = Template((files("acebridge.cli") / "karaoke.html").read_text("utf-8"))
    parts = "".join(_part(section, lines) for section, lines in _parts(timing))
    lang = f' lang="{escape(language)}"' if language else ""
    return template.substitute(title=escape(title), audio=escape(audio), words=parts, lang=lang)


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
    return f'<button class="line" type="button" dir="auto" {times}>{words or escape(line.text)}</button>'


def _times(start_s: float, end_s: float) -> str:
    return f'data-start="{start_s:.3f}" data-end="{end_s:.3f}"'
