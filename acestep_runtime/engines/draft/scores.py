"""The tasks align_lyrics and score, and the scores of generated takes.

The measurements are in `acestep_runtime.dsp`: quality, vocals and alignment.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

from acestep_runtime.dsp import vocals
from acestep_runtime.dsp.alignment import Agreement, agreement, align, space_lines
from acestep_runtime.dsp.quality import ANALYSIS_RATE_HZ, SignalMeter
from acestep_runtime.dsp.vocals import Voice
from acestep_runtime.engines.base import EngineEvent, EngineRequest, Metadata, Progress
from acestep_runtime.engines.metadata import Score, TakeMetadata
from acestep_runtime.engines.signal.blocks import require_source
from acestep_runtime.engines.signal.scoring import (
    NO_WORDS,
    ScoreComponent,
    SoundAnalysis,
    add_score,
    analyse_sound,
    build_score,
    measure_source,
    require_words,
)
from acestep_runtime.lyrics.formats import timing_to_metadata
from acestep_runtime.lyrics.formats.lrc import to_lrc
from acestep_runtime.lyrics.formats.tables import LineMetadata
from acestep_runtime.lyrics.sections import section_times
from acestep_runtime.lyrics.text import Line, lyric_lines, syllables
from acestep_runtime.lyrics.timed import TimedLine, Timing
from acestep_runtime.units import ENGINE_RATE_HZ
from acestep_runtime.values import CancelToken

#: A lower agreement gets a note.
_GOOD_AGREEMENT = 0.9
_NO_VOICE = "No voice was found for these words: the lines are only spaced over the sound."
_NO_MODEL = "The draft engine has no language model."
_VOICE = "the voice found by signal analysis"
#: The meaning of a low part of the agreement.
_AGREEMENT_NOTES = {
    "presence": "There is no voice for part of the lines.",
    "on_time": "Some lines do not begin where a syllable is sung.",
    "pace": "The voice has more or fewer syllables than the lines.",
    "coverage": "There is singing between the lines.",
}


@dataclass(frozen=True)
class _LyricsMatch:
    """Lyrics matched with a voice: timed lines, the score (``None`` without words), and the reasons for a low one."""

    lines: tuple[TimedLine, ...] = ()
    score: float | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _TakeAnalysis:
    metadata: TakeMetadata
    match: _LyricsMatch
    score: Score


def align_lyrics(request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
    """Find the times of each line. Without a voice, lines are spaced over the sound and the score is low."""
    yield Progress("analysing", 0.0)
    source = require_source(request)
    cancel.check()
    require_words(request)
    analysis = yield from _evaluate(measure_source(source, cancel), request, cancel, 0.0, None)
    lines = analysis.match.lines
    timing = Timing(lines, section_times(request.music.lyrics, lines, request.frames / ENGINE_RATE_HZ))
    yield Metadata({**analysis.metadata, **timing_to_metadata(timing), "lrc": to_lrc(lines), "score": analysis.score})
    yield Progress("analysing", 1.0)


def score(request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
    """Score the source: faults, and tempo, key and words against those given."""
    yield Progress("analysing", 0.0)
    source = require_source(request)
    cancel.check()
    analysis = yield from _evaluate(measure_source(source, cancel), request, cancel, 0.0, None)
    lines = timing_to_metadata(Timing(analysis.match.lines, ()))["lines"]
    metadata: TakeMetadata = {**analysis.metadata, "score": analysis.score}
    if lines:
        metadata["lines"] = lines
    yield Metadata(metadata)
    yield Progress("analysing", 1.0)


def add_draft_score(
    events: Iterator[EngineEvent], request: EngineRequest, cancel: CancelToken
) -> Iterator[EngineEvent]:
    """Add a score to the events of an audio task where it is requested; see `scoring.add_score`."""

    def scorer(meter: SignalMeter, fraction: float, metadata: TakeMetadata) -> Generator[Progress, None, Score]:
        return (yield from _evaluate(meter, request, cancel, fraction, metadata.get("lines"))).score

    return add_score(events, request, cancel, scorer)


def _evaluate(
    meter: SignalMeter, request: EngineRequest, cancel: CancelToken, fraction: float, rows: Sequence[LineMetadata] | None
) -> Generator[Progress, None, _TakeAnalysis]:  # fmt: skip
    """Score measured audio; ``rows`` are the timed lines where the engine placed them itself."""
    yield Progress("scoring", fraction)
    cancel.check()
    sound = analyse_sound(meter, request.music)
    match = yield from _match_lyrics(sound, request, cancel, fraction, rows)
    alignment_component = ScoreComponent(
        "lyrics_alignment", match.score, NO_WORDS if match.score is None else _VOICE, match.notes
    )
    return _TakeAnalysis(
        sound.metadata, match, build_score(sound, alignment_component, ScoreComponent("lm", None, _NO_MODEL))
    )


def _match_lyrics(
    sound: SoundAnalysis, request: EngineRequest, cancel: CancelToken, fraction: float, rows: Sequence[LineMetadata] | None
) -> Generator[Progress, None, _LyricsMatch]:  # fmt: skip
    lines = lyric_lines(request.music.lyrics)
    if not lines and not rows:
        return _LyricsMatch()
    curves = []
    for done, part in vocals.analyse_parts(sound.audio, ANALYSIS_RATE_HZ):
        cancel.check()
        curves.append(part)
        yield Progress("analysing the voice", fraction + (1 - fraction) * 0.99 * done)
    return _match_voice(lines, rows, vocals.voice_from_curves(curves), sound.statistics.sound_s)


def _match_voice(
    lines: Sequence[Line],
    rows: Sequence[LineMetadata] | None,
    voice: Voice,
    sound_s: tuple[float, float],
) -> _LyricsMatch:
    """Compare a voice with timed lines, or find the times of lines without times."""
    if rows:
        timed_lines = tuple(TimedLine(row["start_s"], row["end_s"], row["text"]) for row in rows)
        lines = [Line(row.text, syllables(row.text) or (row.text,)) for row in timed_lines]
    else:
        line_times = align(lines, voice)
        if line_times is None:
            return _LyricsMatch(space_lines(lines, *sound_s), 0.0, (_NO_VOICE,))
        # A voice is measured in frames, the last of which may be longer than the sound.
        last_s = sound_s[1]
        timed_lines = tuple(TimedLine(min(row.start_s, last_s), min(row.end_s, last_s), row.text) for row in line_times)
    fit = agreement(timed_lines, lines, voice)
    return _LyricsMatch(timed_lines, fit.score, tuple(_agreement_notes(fit, len(lines))))


def _agreement_notes(fit: Agreement, lines: int) -> Iterator[str]:
    if fit.silent_lines:
        yield f"There is hardly any voice during {len(fit.silent_lines)} of {lines} lines, first: {fit.silent_lines[0]}"
    if fit.score < _GOOD_AGREEMENT:
        name = min(_AGREEMENT_NOTES, key=lambda part: getattr(fit, part))
        if not (fit.silent_lines and name == "presence"):
            yield _AGREEMENT_NOTES[name]
