"""Timed lyrics as files: what ``-o``, ``--words`` and ``--html`` of ``acebridge lrc`` write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from acebridge.atomic_files import check_writable, write_whole
from acebridge.cli.files import free_name
from acebridge.cli.pages import check_page
from acestep_runtime.errors import EngineFailure, InvalidValue, printable
from acestep_runtime.lyrics.files import read_timed_lyrics
from acestep_runtime.lyrics.formats import FORMATS, timing_from_metadata
from acestep_runtime.lyrics.timed import Timing

_HOLDING_WORDS = ("elrc", "vtt", "json")
_FARTHEST_S = 36_000.0


@dataclass(frozen=True)
class TimingFiles:
    """A file in a format, a karaoke page, or both."""

    source: Path
    out: Path | None
    form: str
    page: Path | None
    language: str
    offset_s: float
    #: The lyrics as they were given, if they were timed: with translations.
    known: Timing | None = None

    @classmethod
    def choose(cls, options: Mapping[str, Any]) -> TimingFiles | None:
        """Return what a command's options ask for, or ``None`` for nothing.

        Raises `InvalidValue` for a suffix of no format, for a format without words that ``words`` asks for, and for a folder
        that cannot be written.
        """
        out, with_words = options.get("timing"), bool(options.get("words"))
        form = _format_of(out, with_words)
        if out is not None:
            check_writable(out.parent)
        page = _page(options.get("html"), options.get("src"))
        offset_s = _offset(options.get("offset"), out)
        if out is None and page is None:
            return None
        known = read_timed_lyrics(options.get("lyrics") or "", "--lyrics")
        return cls(options["src"], out, form, page, options.get("language") or "", offset_s, known)

    @property
    def names_in_files(self) -> tuple[str, ...]:
        """See `acebridge.cli.metadata_files.MetadataFiles`."""
        return () if self.out is None else ("lrc",)

    def write(self, facts: Mapping[str, Any]) -> Iterator[str]:
        """Write the files, and yield a line about each. Raises `EngineFailure` when nothing was timed."""
        timing = timing_from_metadata(facts)
        if not timing.lines:
            raise EngineFailure("No line was timed, so there is nothing to write.",
                                remedy="Choose another engine with --engine.")  # fmt: skip
        timing = timing if self.known is None else timing.with_translations(self.known)
        words = sum(len(line.words) for line in timing.lines)
        if self.out is not None:
            if self.form == "elrc" and not words:
                typer.echo("warning: The engine timed lines only, so the file has no times of words.", err=True)
            write_whole(self.out, [FORMATS[self.form].write(timing.shift(self.offset_s)).encode()])
            held = words if self.form in _HOLDING_WORDS else 0
            counts = [_format_count(len(timing.lines), "line"), *([_format_count(held, "word")] if held else [])]
            yield f"{self.out}  ({', '.join(counts)})"
        if self.page is not None:
            self._write_page(self.page, timing)
            yield f"{self.page}  (karaoke page)"

    def _write_page(self, page: Path, timing: Timing) -> None:
        from acebridge.cli.karaoke import audio_url, page_html

        url, embedded = audio_url(self.source, page)
        if not embedded:
            typer.echo(f"note: The song is large, so the page plays it from its file; keep it at {url}.", err=True)
        write_whole(
            page,
            [page_html(timing, title=printable(self.source.stem, 200), audio=url, language=self.language).encode()],
        )


def _page(name: str | None, source: Path | None) -> Path | None:
    """Return the karaoke page to write; an empty name is one beside the song."""
    if name is None or source is None:
        return None
    return check_page("--html", Path(name), [source]) if name else free_name(source.with_suffix(".html"))


def _format_of(out: Path | None, with_words: bool) -> str:
    if out is None:
        if with_words:
            raise InvalidValue("--words", "given", "with -o and a name that ends in .lrc", remedy="Add -o song.lrc.")
        return ""
    found = [name for name, form in FORMATS.items() if form.suffix == out.suffix.lower()]
    if not found or out.is_dir():
        suffixes = dict.fromkeys(form.suffix for form in FORMATS.values())
        raise InvalidValue("--out", str(out), f"a name that ends in {', '.join(suffixes)}")
    if not with_words:
        return found[0]
    holding = [name for name in found if name in _HOLDING_WORDS]
    if not holding:
        raise InvalidValue("--words", str(out), "for files that end in .lrc, .vtt or .json",
                           remedy="Leave out --words, or choose another suffix.")  # fmt: skip
    return holding[0]


def _offset(offset_s: float | None, out: Path | None) -> float:
    """Return what is added to the times of a file. Raises `InvalidValue` where there is none, and for what is no time."""
    if offset_s is None:
        return 0.0
    if out is None:
        raise InvalidValue("--offset", offset_s, "with -o and the name of a file", remedy="Add -o song.lrc.")
    if not abs(offset_s) <= _FARTHEST_S:
        raise InvalidValue("--offset", offset_s, f"{-_FARTHEST_S:g} to {_FARTHEST_S:g} seconds")
    return offset_s


def _format_count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
