"""The score of a take: its sound, and the engine's scores of its words.

Each value comes with its source. Values that cannot be computed are ``None``, with the reason under "missing".
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from acestep_runtime.audio.samples import Samples, split_blocks
from acestep_runtime.dsp import quality
from acestep_runtime.dsp.analysis import analyse
from acestep_runtime.dsp.musical import Analysis
from acestep_runtime.dsp.quality import ANALYSIS_RATE_HZ, SignalMeter, Statistics
from acestep_runtime.engines.base import Block, EngineEvent, EngineRequest, Metadata, Progress
from acestep_runtime.engines.metadata import Score, TakeMetadata
from acestep_runtime.engines.signal.blocks import BLOCK_FRAMES, findings_metadata, require_source
from acestep_runtime.errors import InvalidValue
from acestep_runtime.lyrics.text import lyric_lines
from acestep_runtime.values import CancelToken, Music

_SIGNAL = "signal analysis: faults of the sound, and tempo and key against those given"


@dataclass(frozen=True)
class SoundAnalysis:
    """The analysis of a take: samples at `ANALYSIS_RATE_HZ`, statistics, music, and faults as parts and sentences."""

    audio: Samples
    statistics: Statistics
    analysis: Analysis
    parts: Mapping[str, float]
    notes: tuple[str, ...]

    @property
    def metadata(self) -> TakeMetadata:
        """Tempo, key and meter as far as they are heard, and the length."""
        return {
            **findings_metadata(self.analysis),
            "duration_s": round(self.analysis.duration_s, 3),
        }


@dataclass(frozen=True)
class ScoreComponent:
    """One value of a score, 0 to 1, and its source; ``None`` and the reason why it is missing.

    ``parts`` are the factors of the value.
    """

    name: Literal["quality", "lyrics_alignment", "lm"]
    value: float | None
    source: str
    notes: tuple[str, ...] = ()
    parts: Mapping[str, float] = field(default_factory=dict)


#: Yields progress and returns the score of measured audio; gets the fraction done before and the take's metadata.
Scorer = Callable[[SignalMeter, float, TakeMetadata], Generator[Progress, None, Score]]


def measure_source(source: Samples, cancel: CancelToken) -> SignalMeter:
    """Return a meter that has measured all of a source."""
    meter = SignalMeter(len(source))
    for block in split_blocks(source, BLOCK_FRAMES):
        cancel.check()
        meter.push(block)
    return meter


def analyse_sound(meter: SignalMeter, music: Music) -> SoundAnalysis:
    """Return the analysis of measured audio, compared with the requested ``music``."""
    audio = meter.analysis_audio()
    analysis, statistics = analyse(audio, ANALYSIS_RATE_HZ), meter.statistics(audio)
    parts = {**quality.signal_parts(statistics), **quality.musical_parts(analysis, music)}
    return SoundAnalysis(
        audio, statistics, analysis, parts, tuple(quality.fault_notes(parts, statistics, analysis, music))
    )


def build_score(sound: SoundAnalysis, *components: ScoreComponent) -> Score:
    """Return the score of a take: its quality, and other components."""
    quality_component = ScoreComponent("quality", quality.quality(sound.parts), _SIGNAL, sound.notes, sound.parts)
    return score_metadata(quality_component, *components)


def score_metadata(*components: ScoreComponent) -> Score:
    """Return the components as the metadata of a take."""
    score: Score = {}
    for each in components:
        score[each.name] = None if each.value is None else round(each.value, 4)
    score["parts"] = {name: round(value, 4) for each in components for name, value in each.parts.items()}
    score["notes"] = [note for each in components for note in each.notes]
    score["computed_from"] = {each.name: each.source for each in components if each.value is not None}
    score["missing"] = {each.name: each.source for each in components if each.value is None}
    return score


def add_score(
    events: Iterator[EngineEvent], request: EngineRequest, cancel: CancelToken, scorer: Scorer
) -> Iterator[EngineEvent]:
    """Pass on the events of an audio task; where ``request.auto_score`` is set, add a score at the end.

    The role "mix" is scored, or else the sum of the roles, with the source for tasks that play along with it.
    """
    return _score_events(events, request, cancel, scorer) if request.auto_score else events


def _score_events(
    events: Iterator[EngineEvent], request: EngineRequest, cancel: CancelToken, scorer: Scorer
) -> Iterator[EngineEvent]:
    meter = SignalMeter(request.frames)
    metadata: TakeMetadata = {}
    total: Samples | None = None
    positions: dict[str, int] = {}
    fraction = 0.0
    for event in events:
        if isinstance(event, Block) and event.role == "mix":
            meter.push(event.samples)
            positions["mix"] = 0
        elif isinstance(event, Block):
            if total is None:
                along = request.task.is_accompaniment and request.source is not None
                total = require_source(request).copy() if along else np.zeros((request.frames, 2), np.float32)
            at = positions.get(event.role, 0)
            total[at : at + len(event.samples)] += event.samples
            positions[event.role] = at + len(event.samples)
        elif isinstance(event, Metadata):
            metadata.update(event.values)
        else:
            fraction = event.fraction
        yield event
    if total is not None and "mix" not in positions:
        for block in split_blocks(total, BLOCK_FRAMES):
            cancel.check()
            meter.push(block)
    elif not positions:
        return
    del total
    yield Metadata({"score": (yield from scorer(meter, fraction, metadata))})


NO_WORDS = "No words are given that could be sung."


def require_words(request: EngineRequest) -> None:
    """Raise `InvalidValue` for lyrics without words to sing."""
    if not lyric_lines(request.music.lyrics):
        raise InvalidValue(
            "music.lyrics", request.music.lyrics, "the words that are sung", remedy="Give words to align."
        )
