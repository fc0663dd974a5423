"""How good a take is, and when its lines are sung: the tasks align_lyrics and score, and scores of what was just made.

The measuring is in `acestep_runtime.dsp`: quality, vocals and alignment.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from acestep_runtime.audio import Samples
from acestep_runtime.dsp import quality, vocals
from acestep_runtime.dsp.alignment import Agreement, agreement, align, spread
from acestep_runtime.dsp.analysis import analyse
from acestep_runtime.dsp.musical import Analysis
from acestep_runtime.dsp.quality import KEPT_RATE_HZ, Listener
from acestep_runtime.dsp.vocals import Voice
from acestep_runtime.engines.base import Block, EngineEvent, EngineRequest, Facts, Progress
from acestep_runtime.engines.draft_parts import facts_of, pieces, source_of
from acestep_runtime.errors import InvalidValue
from acestep_runtime.lyrics.lrc import TimedLine, to_lrc
from acestep_runtime.lyrics.text import Line, sung_lines, syllables
from acestep_runtime.values import CancelToken

#: An agreement below this gets a note.
_AGREED = 0.9
_NO_VOICE = "No voice was heard that could sing these words: the lines are only spaced over the sound."
_NO_WORDS = "No words are given that could be sung, so there is no lyrics_alignment."
#: What a low part of the agreement means.
_DISAGREE = {
    "present": "Nobody is heard for part of the lines.",
    "begun": "Some lines do not begin where a syllable is heard.",
    "paced": "More or fewer syllables are heard than the lines have.",
    "covered": "Singing is heard between the lines.",
}
#: Tasks whose roles are played along with the source.
_WITH_SOURCE = ("lego", "complete")


@dataclass(frozen=True)
class _Words:
    """Lyrics against a voice: the lines with times, the score (``None`` without words), and what lowered it."""

    lines: tuple[TimedLine, ...] = ()
    score: float | None = None
    notes: tuple[str, ...] = (_NO_WORDS,)


def align_lyrics(request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
    """Find when each line is sung. Where nobody is heard, lines are spaced over the sound and the score says so."""
    yield Progress("listening", 0.0)
    source = source_of(request)
    cancel.check()
    if not sung_lines(request.music.lyrics):
        raise InvalidValue(
            "music.lyrics", request.music.lyrics, "the words that are sung", remedy="Give words to align."
        )
    found = yield from _heard(source, request, cancel, 0.0)
    yield Facts(
        {**found.facts, "lines": _rows(found.words.lines), "lrc": to_lrc(found.words.lines), "score": found.score}
    )
    yield Progress("listening", 1.0)


def score(request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
    """Judge the source: faults, and tempo, key and words against those given."""
    yield Progress("listening", 0.0)
    source = source_of(request)
    cancel.check()
    found = yield from _heard(source, request, cancel, 0.0)
    lines = {"lines": _rows(found.words.lines)} if found.words.lines else {}
    yield Facts({**found.facts, **lines, "score": found.score})
    yield Progress("listening", 1.0)


def scored(events: Iterator[EngineEvent], request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
    """Pass on the events of a task that makes audio; where ``request.auto_score`` asks for it, add a score at the end.

    What is scored is the role "mix", or else the sum of the roles, with the source for tasks that play along with it.
    """
    return _scored(events, request, cancel) if request.auto_score else events


def _scored(events: Iterator[EngineEvent], request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
    listener = Listener(request.frames)
    facts: dict[str, Any] = {}
    total: Samples | None = None
    places: dict[str, int] = {}
    fraction = 0.0
    for event in events:
        if isinstance(event, Block) and event.role == "mix":
            listener.hear(event.samples)
            places["mix"] = 0
        elif isinstance(event, Block):
            if total is None:
                along = request.task in _WITH_SOURCE and request.source is not None
                total = source_of(request).copy() if along else np.zeros((request.frames, 2), np.float32)
            at = places.get(event.role, 0)
            total[at : at + len(event.samples)] += event.samples
            places[event.role] = at + len(event.samples)
        elif isinstance(event, Facts):
            facts.update(event.values)
        else:
            fraction = event.fraction
        yield event
    if total is not None and "mix" not in places:
        for piece in pieces(total):
            cancel.check()
            listener.hear(piece)
    elif not places:
        return
    del total
    found = yield from _judged(listener, request, cancel, fraction, facts.get("lines"))
    yield Facts({"score": found.score})


@dataclass(frozen=True)
class _Found:
    facts: dict[str, object]
    words: _Words
    score: dict[str, object]


def _heard(
    source: Samples, request: EngineRequest, cancel: CancelToken, fraction: float
) -> Generator[Progress, None, _Found]:
    listener = Listener(len(source))
    for piece in pieces(source):
        cancel.check()
        listener.hear(piece)
    return (yield from _judged(listener, request, cancel, fraction, None))


def _judged(
    listener: Listener, request: EngineRequest, cancel: CancelToken, fraction: float, rows: Sequence[dict[str, Any]] | None
) -> Generator[Progress, None, _Found]:  # fmt: skip
    """Judge what a listener heard; ``rows`` are the lines with times where the engine itself placed them."""
    yield Progress("scoring", fraction)
    cancel.check()
    music, kept = request.music, listener.kept()
    heard = analyse(kept, KEPT_RATE_HZ)
    statistics = listener.statistics(kept)
    parts = {**quality.signal_parts(statistics), **quality.musical_parts(heard, music)}
    words = _Words()
    if sung_lines(music.lyrics) or rows:
        curves = []
        for done, part in vocals.listen(kept, KEPT_RATE_HZ):
            cancel.check()
            curves.append(part)
            yield Progress("listening to the singer", fraction + (1 - fraction) * 0.99 * done)
        words = _words(sung_lines(music.lyrics), rows, vocals.voice_of(curves), statistics.sound_s)
    result: dict[str, object] = {
        "quality": round(quality.quality(parts), 4),
        "lyrics_alignment": None if words.score is None else round(words.score, 4),
        "parts": {name: round(value, 4) for name, value in parts.items()},
        "notes": [*quality.notes(parts, statistics, heard, music), *words.notes],
    }
    return _Found(_facts(heard), words, result)


def _facts(heard: Analysis) -> dict[str, object]:
    return {**facts_of(heard.grid, heard.key), "duration": round(heard.duration_s, 3)}


def _words(
    lines: Sequence[Line], rows: Sequence[dict[str, Any]] | None, voice: Voice, sound_s: tuple[float, float]
) -> _Words:
    """Compare a voice with lines that have times, or find the times of lines that have none."""
    if rows:
        timed = tuple(TimedLine(row["start_s"], row["end_s"], row["text"]) for row in rows)
        lines = [Line(row.text, syllables(row.text) or (row.text,)) for row in timed]
    else:
        found = align(lines, voice)
        if found is None:
            return _Words(spread(lines, *sound_s), 0.0, (_NO_VOICE,))
        timed = found
    fit = agreement(timed, lines, voice)
    return _Words(timed, fit.score, tuple(_complaints(fit, len(lines))))


def _complaints(fit: Agreement, lines: int) -> Iterator[str]:
    if fit.lost:
        yield f"Hardly anybody is heard during {len(fit.lost)} of {lines} lines, first: {fit.lost[0]}"
    if fit.score < _AGREED:
        name = min(_DISAGREE, key=lambda part: getattr(fit, part))
        if not (fit.lost and name == "present"):
            yield _DISAGREE[name]


def _rows(lines: Sequence[TimedLine]) -> list[dict[str, object]]:
    return [{"start_s": round(row.start_s, 3), "end_s": round(row.end_s, 3), "text": row.text} for row in lines]
