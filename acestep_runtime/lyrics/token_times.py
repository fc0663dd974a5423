"""Converting tokens with times to words, lines and sections. A character may span tokens, a token several characters.

Tags in square brackets are sections, never lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from acestep_runtime.lyrics.marks import blank_marks, close_gaps, mark_places
from acestep_runtime.lyrics.text import TAG, syllables, word_spans
from acestep_runtime.lyrics.timed import TimedLine, TimedSection, TimedWord, Timing

Seconds = npt.NDArray[np.float64]


@dataclass(frozen=True)
class TokenTimes:
    """When each of L tokens begins and ends; ``frame_s`` is the length of a frame, which a token lasts at least."""

    start_s: Seconds
    end_s: Seconds
    frame_s: float

    def until(self, end_s: float) -> TokenTimes:
        """Return the times, limited to ``end_s``."""
        return TokenTimes(np.minimum(self.start_s, end_s), np.minimum(self.end_s, end_s), self.frame_s)


def decode_pieces(pieces: Sequence[bytes]) -> str:
    """Return the text of tokens; a character that is cut off at the end is left out."""
    return b"".join(pieces).decode("utf-8", "ignore")


def _tokens_of_characters(text: str, pieces: Sequence[bytes]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return the first and the last token of each character."""
    ends = np.cumsum([len(piece) for piece in pieces])
    stops = np.cumsum([len(char.encode()) for char in text])
    starts = np.concatenate([[0], stops[:-1]]) if len(stops) else stops
    return np.searchsorted(ends, starts, "right"), np.searchsorted(ends, stops, "left")


def lyric_mask(pieces: Sequence[bytes]) -> npt.NDArray[np.bool_]:
    """Return which tokens are not part of a tag or a mark."""
    text = decode_pieces(pieces)
    first, last = _tokens_of_characters(text, pieces)
    mask = np.ones(len(pieces), bool)
    for place in (*TAG.finditer(text), *mark_places(text)):
        mask[first[place.start()] : last[place.end() - 1] + 1] = False
    return mask


def _lines_in(text: str) -> Iterator[tuple[int, int]]:
    """Yield where lines begin and end, their breaks included."""
    at = 0
    for row in text.splitlines(keepends=True):
        yield at, at + len(row)
        at += len(row)


def timing_from_tokens(pieces: Sequence[bytes], times: TokenTimes, duration_s: float) -> Timing:
    """Return lines with words to sing, their words, and sections, each lasting until the next, or the end."""
    text = blank_marks(decode_pieces(pieces))
    first, last = _tokens_of_characters(text, pieces)
    lines: list[TimedLine] = []
    tags: list[tuple[float, str]] = []
    for start, stop in _lines_in(text):
        at = start
        tag_spans = [(start + tag.start(), start + tag.end(), tag[1].strip()) for tag in TAG.finditer(text[start:stop])]
        for tag_start, tag_stop, name in [*tag_spans, (stop, stop, "")]:
            if syllables(text[at:tag_start]):  # "..." is nothing to sing
                words = _words(text, at, tag_start, first, last, times, duration_s)
                end_s = max(float(times.end_s[last[tag_start - 1]]), words[-1].end_s if words else 0.0)
                lines.append(TimedLine(float(times.start_s[first[at]]), end_s, close_gaps(text[at:tag_start]), words))
            if name:
                tags.append((float(times.start_s[first[tag_start]]), name))
            at = tag_stop
    ends = [at_s for at_s, _ in tags[1:]] + [duration_s]
    sections = (TimedSection(at_s, max(at_s, end_s), name) for (at_s, name), end_s in zip(tags, ends, strict=True))
    return Timing(tuple(lines), tuple(sections) if tags else ())


def _words(
    text: str,
    start: int,
    stop: int,
    first: npt.NDArray[np.intp],
    last: npt.NDArray[np.intp],
    times: TokenTimes,
    duration_s: float,
) -> tuple[TimedWord, ...]:
    """Return the words of a part of the text. A word ends a frame after its last token begins, or at the next word."""
    places = [(start + a, start + b) for a, b in word_spans(text[start:stop])]
    starts = [float(times.start_s[first[a]]) for a, _ in places]
    ends = [min(float(times.end_s[last[b - 1]]) + times.frame_s, duration_s) for _, b in places]
    ends = [min(end, following) for end, following in zip(ends, [*starts[1:], duration_s], strict=True)]
    return tuple(
        TimedWord(at_s, max(at_s, end_s), text[a:b]) for (a, b), at_s, end_s in zip(places, starts, ends, strict=True)
    )
