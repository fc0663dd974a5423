"""Times in the metadata of takes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

from acestep_runtime.engines.metadata import Chord, TakeMetadata
from acestep_runtime.lyrics.formats import lrc
from acestep_runtime.lyrics.formats.tables import LineMetadata, SectionMetadata, WordMetadata

Span = TypeVar("Span", Chord, SectionMetadata, LineMetadata, WordMetadata)


def shift_times(metadata: TakeMetadata, by_s: float, until_s: float = math.inf) -> TakeMetadata:
    """Return metadata with all times in it later by ``by_s``, to the millisecond.

    With ``until_s`` only the words between 0 and there remain.
    """
    out = metadata.copy()
    if "beats" in out:
        out["beats"] = [round(beat + by_s, 3) for beat in out["beats"]]
    if "downbeats" in out:
        out["downbeats"] = [round(beat + by_s, 3) for beat in out["downbeats"]]
    if "chords" in out:
        out["chords"] = _shift_spans(out["chords"], by_s)
    if "sections" in out:
        sections = _shift_spans(out["sections"], by_s)
        out["sections"] = [each for each in sections if _is_between(each["start_s"], each["end_s"], until_s)]
    if "lines" in out:
        lines = [_shift_words(line, by_s) for line in _shift_spans(out["lines"], by_s)]
        out["lines"] = [each for each in lines if _is_between(each["start_s"], each["end_s"], until_s)]
    if "changes" in out:
        out["changes"] = [{**change, "start_s": round(change["start_s"] + by_s, 3)} for change in out["changes"]]
    if "lrc" in out:
        timed = (line.shift(by_s) for line in lrc.read(out["lrc"]).lines)
        out["lrc"] = lrc.to_lrc(line for line in timed if _is_between(line.start_s, line.end_s, until_s))
    return out


def _is_between(start_s: float, end_s: float, until_s: float) -> bool:
    return until_s == math.inf or (end_s > 0 and start_s < until_s)


def _shift_spans(spans: Sequence[Span], by_s: float) -> list[Span]:
    copies = [span.copy() for span in spans]
    for span in copies:
        span["start_s"] = round(span["start_s"] + by_s, 3)
        span["end_s"] = round(span["end_s"] + by_s, 3)
    return copies


def _shift_words(line: LineMetadata, by_s: float) -> LineMetadata:
    return {**line, "words": _shift_spans(line["words"], by_s)} if "words" in line else line
