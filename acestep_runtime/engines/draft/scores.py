"""How good a take is, and when its lines are sung: the tasks align_lyrics and score, and scores of what was just made.

The measuring is in `acestep_runtime.dsp`: quality, vocals and alignment.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

from acestep_runtime.dsp import vocals
from acestep_runtime.dsp.alignment import Agreement, agreement, align, spread
from acestep_runtime.dsp.quality import KEPT_RATE_HZ, Listener
from acestep_runtime.dsp.vocals import Voice
from acestep_runtime.engines.base import EngineEvent, EngineRequest, Metadata, Progress
from acestep_runtime.engines.metadata import Score, TakeMetadata
from acestep_runtime.engines.signal.blocks import require_source
from acestep_runtime.engines.signal.scoring import (
    NO_WORDS,
    ScoreComponent,
    Sound,
    check_words,
    listen_to,
    score_of,
    sound_of,
    with_score,
)
from acestep_runtime.lyrics.formats import facts_of
from acestep_runtime.lyrics.formats.tables import LineFacts
from acestep_runtime.lyrics.lrc import TimedLine, to_lrc
from acestep_runtime.lyrics.sections import sections_of
from acestep_runtime.lyrics.text import Line, sung_lines, syllables
from acestep_runtime.lyrics.timed import Timing
from acestep_runtime.units import ENGINE_RATE_HZ
from acestep_runtime.values import CancelToken

#: An agreement below this gets a note.
_AGREED = 0.9
_NO_VOICE = "No voice was heard that could sing these words: the lines are only spaced over the sound."
_NO_MODEL = "The draft engine has no language model."
_VOICE = "the voice that signal analysis hears"
#: What a low part of the agreement means.
_DISAGREE = {
    "present": "Nobody is heard for part of the lines.",
    "begun": "Some lines do not begin where a syllable is heard.",
    "paced": "More or fewer syllables are heard than the lines have.",
    "covered": "Singing is heard between the lines.",
}


@dataclass(frozen=True)
class _Words:
    """Lyrics against a voice: the lines with times, the score (``None`` without words), and what lowered it."""

    lines: tuple[TimedLine, ...] = ()
    score: float | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Found:
    metadata: TakeMetadata
    words: _Words
    score: Score


def align_lyrics(request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
    """Find when each line is sung. Where nobody is heard, lines are spaced over the sound and the score says so."""
    yield Progress("listening", 0.0)
    source = require_source(request)
    cancel.check()
    check_words(request)
    found = yield from _judged(listen_to(source, cancel), request, cancel, 0.0, None)
    lines = found.words.lines
    timing = Timing(lines, sections_of(request.music.lyrics, lines, request.frames / ENGINE_RATE_HZ))
    yield Metadata({**found.metadata, **facts_of(timing), "lrc": to_lrc(lines), "score": found.score})
    yield Progress("listening", 1.0)


def score(request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
    """Judge the source: faults, and tempo, key and words against those given."""
    yield Progress("listening", 0.0)
    source = require_source(request)
    cancel.check()
    found = yield from _judged(listen_to(source, cancel), request, cancel, 0.0, None)
    lines = facts_of(Timing(found.words.lines, ()))["lines"]
    metadata: TakeMetadata = {**found.metadata, "score": found.score}
    if lines:
        metadata["lines"] = lines
    yield Metadata(metadata)
    yield Progress("listening", 1.0)


def scored(events: Iterator[EngineEvent], request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
    """Pass on the events of a task that makes audio, with a score where it is asked for; see `scoring.with_score`."""

    def scorer(listener: Listener, fraction: float, metadata: TakeMetadata) -> Generator[Progress, None, Score]:
        return (yield from _judged(listener, request, cancel, fraction, metadata.get("lines"))).score

    return with_score(events, request, cancel, scorer)


def _judged(
    listener: Listener, request: EngineRequest, cancel: CancelToken, fraction: float, rows: Sequence[LineFacts] | None
) -> Generator[Progress, None, _Found]:  # fmt: skip
    """Judge what a listener heard; ``rows`` are the lines with times where the engine itself placed them."""
    yield Progress("scoring", fraction)
    cancel.check()
    sound = sound_of(listener, request.music)
    words = yield from _against_voice(sound, request, cancel, fraction, rows)
    sung = ScoreComponent("lyrics_alignment", words.score, NO_WORDS if words.score is None else _VOICE, words.notes)
    return _Found(sound.metadata, words, score_of(sound, sung, ScoreComponent("lm", None, _NO_MODEL)))


def _against_voice(
    sound: Sound, request: EngineRequest, cancel: CancelToken, fraction: float, rows: Sequence[LineFacts] | None
) -> Generator[Progress, None, _Words]:  # fmt: skip
    lines = sung_lines(request.music.lyrics)
    if not lines and not rows:
        return _Words()
    curves = []
    for done, part in vocals.listen(sound.kept, KEPT_RATE_HZ):
        cancel.check()
        curves.append(part)
        yield Progress("listening to the singer", fraction + (1 - fraction) * 0.99 * done)
    return _words(lines, rows, vocals.voice_of(curves), sound.statistics.sound_s)


def _words(
    lines: Sequence[Line],
    rows: Sequence[LineFacts] | None,
    voice: Voice,
    sound_s: tuple[float, float],
) -> _Words:
    """Compare a voice with lines that have times, or find the times of lines that have none."""
    if rows:
        timed = tuple(TimedLine(row["start_s"], row["end_s"], row["text"]) for row in rows)
        lines = [Line(row.text, syllables(row.text) or (row.text,)) for row in timed]
    else:
        found = align(lines, voice)
        if found is None:
            return _Words(spread(lines, *sound_s), 0.0, (_NO_VOICE,))
        # A voice is heard in frames, the last of which may be longer than the sound.
        last_s = sound_s[1]
        timed = tuple(TimedLine(min(row.start_s, last_s), min(row.end_s, last_s), row.text) for row in found)
    fit = agreement(timed, lines, voice)
    return _Words(timed, fit.score, tuple(_complaints(fit, len(lines))))


def _complaints(fit: Agreement, lines: int) -> Iterator[str]:
    if fit.lost:
        yield f"Hardly anybody is heard during {len(fit.lost)} of {lines} lines, first: {fit.lost[0]}"
    if fit.score < _AGREED:
        name = min(_DISAGREE, key=lambda part: getattr(fit, part))
        if not (fit.lost and name == "present"):
            yield _DISAGREE[name]
