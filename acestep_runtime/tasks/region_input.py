"""What an engine gets of a song around a region: the music, and the words that are sung there.

engine        lyrics              music                           words
draft         any                 the region and its context      those of the region
neural        with times          the region and its context      those of region and context
neural        without times       the whole song                  all
neural        none                the region and its context      none

A model was trained to read the words of all that it hears, and its length. Words without times belong to the whole song, so
it hears the whole song, up to the length that a model takes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from acestep_runtime.engines.base import Engine
from acestep_runtime.lyrics.reading import WordsToSing, read_timing, words_of_timing, words_to_sing
from acestep_runtime.lyrics.text import lyric_lines
from acestep_runtime.tasks.base import MAX_DURATION_S, MAX_SOURCE_S, Source
from acestep_runtime.units import END, frames_to_seconds


@dataclass(frozen=True)
class RegionInput:
    """Seconds of music on each side of a region, and the words."""

    context_s: float
    words: WordsToSing


def region_input(
    lyrics: str, source: Source, start_s: float, end_s: float | None, context_s: float, engine: Engine
) -> RegionInput:
    """Return what an engine gets for a region of a source, or before or after it.

    ``end_s`` may be ``None`` or −1, its end; ``context_s`` is what the request asks for.
    """
    context_s = min(context_s, engine.context_limit_s)
    stop_s = math.inf if end_s is None or end_s == END else end_s
    if not engine.reads_context:
        return RegionInput(context_s, words_to_sing(lyrics, start_s, stop_s))
    timing = read_timing(lyrics)
    if timing is not None:
        return RegionInput(context_s, words_of_timing(timing, start_s - context_s, stop_s + context_s))
    words = words_to_sing(lyrics)
    if not lyric_lines(words.text):
        return RegionInput(context_s, words)
    info, first, stop = source.part()
    length_s = frames_to_seconds(stop - first, info.sample_rate)
    total_s = max(length_s, 0.0 if stop_s == math.inf else stop_s) + max(0.0, -start_s)
    if total_s <= MAX_DURATION_S:
        return RegionInput(MAX_SOURCE_S, words)
    note = (
        f"The lyrics have no times, and at {total_s:.0f} s the song is longer than the {MAX_DURATION_S:.0f} s that a model"
        f" hears at once: all of them are read for the region and {context_s:g} s on each side. Give lyrics with times."
    )
    return RegionInput(context_s, WordsToSing(words.text, note))
