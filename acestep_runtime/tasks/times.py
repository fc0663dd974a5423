"""Times in the metadata of takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from acestep_runtime.engines.metadata import Chord, TakeMetadata
from acestep_runtime.lyrics.formats import lrc
from acestep_runtime.lyrics.formats.tables import LineMetadata, SectionMetadata, WordMetadata

Span = TypeVar("Span", Chord, SectionMetadata, LineMetadata, WordMetadata)


def shift_times(metadata: TakeMetadata, by_s: float) -> TakeMetadata:
    """Return metadata with all times in it later by ``by_s``, to the millisecond."""
    out = metadata.copy()
    if "beats" in out:
        out["beats"] = [round(beat + by_s, 3) for beat in out["beats"]]
    if "downbeats" in out:
        out["downbeats"] = [round(beat + by_s, 3) for beat in out["downbeats"]]
    if "chords" in out:
        out["chords"] = _shift_spans(out["chords"], by_s)
    if "sections" in out:
        out["sections"] = _shift_spans(out["sections"], by_s)
    if "lines" in out:
        out["lines"] = [_shift_words(line, by_s) for line in _shift_spans(out["lines"], by_s)]
    if "changes" in out:
        out["changes"] = [{**change, "start_s": round(change["start_s"] + by_s, 3)} for change in out["changes"]]
    if "lrc" in out:
        out["lrc"] = lrc.to_lrc(line.shift(by_s) for line in lrc.read(out["lrc"]).lines)
    return out


def _shift_spans(spans: Sequence[Span], by_s: float) -> list[Span]:
    copies = [span.copy() for span in spans]
    for span in copies:
        span["start_s"] = round(span["start_s"] + by_s, 3)
        span["end_s"] = round(span["end_s"] + by_s, 3)
    return copies


def _shift_words(line: LineMetadata, by_s: float) -> LineMetadata:
    return {**line, "words": _shift_spans(line["words"], by_s)} if "words" in line else line
