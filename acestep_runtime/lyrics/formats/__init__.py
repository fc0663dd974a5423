"""Formats of timed lyrics. A format drops what it cannot hold; the rest survives writing and reading unchanged.

=============  ======  ========  =====  ============  ========================
name           suffix  sections  words  translations  times
=============  ======  ========  =====  ============  ========================
lrc            .lrc    no        no     yes           hundredths of a second
elrc           .lrc    no        yes    yes           hundredths of a second
srt            .srt    no        no     yes           milliseconds
vtt            .vtt    no        yes    yes           milliseconds
json           .json   yes       yes    yes           milliseconds
reaper-csv     .csv    yes       no     no            milliseconds
=============  ======  ========  =====  ============  ========================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from acestep_runtime.lyrics.formats import lrc, subtitles, tables
from acestep_runtime.lyrics.formats.tables import timing_from_metadata, timing_to_metadata
from acestep_runtime.lyrics.timed import Timing

__all__ = ["FORMATS", "Format", "timing_from_metadata", "timing_to_metadata"]


class Format(NamedTuple):
    """The writer and reader of a format, and the suffix of its files. ``read`` raises `InvalidValue` for other text."""

    write: Callable[[Timing], str]
    read: Callable[[str], Timing]
    suffix: str


#: Of two formats with one suffix the first is the default.
FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "lrc": Format(lrc.write, lrc.read, ".lrc"),
        "elrc": Format(lrc.write_enhanced, lrc.read, ".lrc"),
        "srt": Format(subtitles.write_srt, subtitles.read_srt, ".srt"),
        "vtt": Format(subtitles.write_vtt, subtitles.read_vtt, ".vtt"),
        "json": Format(tables.write_json, tables.read_json, ".json"),
        "reaper-csv": Format(tables.write_reaper, tables.read_reaper, ".csv"),
    }
)
