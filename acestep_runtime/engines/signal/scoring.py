"""The score of a take, whatever made it: what its sound says, and what an engine knows of its words.

Each value comes with what it was computed from. What cannot be computed is ``None``, with the reason under "missing".
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from acestep_runtime.audio.samples import Samples
from acestep_runtime.dsp import quality
from acestep_runtime.dsp.analysis import analyse
from acestep_runtime.dsp.musical import Analysis
from acestep_runtime.dsp.quality import KEPT_RATE_HZ, Listener, Statistics
from acestep_runtime.engines.base import Block, EngineEvent, EngineRequest, Metadata, Progress
from acestep_runtime.engines.metadata import Score, TakeMetadata
from acestep_runtime.engines.signal.blocks import grid_metadata, require_source, split_blocks
from acestep_runtime.errors import InvalidValue
from acestep_runtime.lyrics.text import sung_lines
from acestep_runtime.values import CancelToken, Music

_SIGNAL = "signal analysis: faults of the sound, and tempo and key against those given"


@dataclass(frozen=True)
class Sound:
    """What is heard of a take: samples at `KEPT_RATE_HZ`, statistics, its music, and faults as parts and sentences."""

    kept: Samples
    statistics: Statistics
    heard: Analysis
    parts: Mapping[str, float]
    notes: tuple[str, ...]

    @property
    def metadata(self) -> TakeMetadata:
        """Tempo, key, meter and length."""
        return {**grid_metadata(self.heard.grid, self.heard.key), "duration": round(self.heard.duration_s, 3)}


@dataclass(frozen=True)
class ScoreComponent:
    """One value of a score, 0 to 1, and what it was computed from; ``None`` and the reason why it is missing.

    ``parts`` are what it is made of.
    """

    name: Literal["quality", "lyrics_alignment", "lm"]
    value: float | None
    source: str
    notes: tuple[str, ...] = ()
    parts: Mapping[str, float] = field(default_factory=dict)


#: Yields progress and returns the score of what a listener heard; gets the fraction done before and the take's metadata.
Scorer = Callable[[Listener, float, TakeMetadata], Generator[Progress, None, Score]]


def listen_to(source: Samples, cancel: CancelToken) -> Listener:
    """Return a listener that has heard all of a source."""
    listener = Listener(len(source))
    for piece in split_blocks(source):
        cancel.check()
        listener.hear(piece)
    return listener


def sound_of(listener: Listener, music: Music) -> Sound:
    """Return what a listener heard, against the ``music`` that was asked for."""
    kept = listener.kept()
    heard, statistics = analyse(kept, KEPT_RATE_HZ), listener.statistics(kept)
    parts = {**quality.signal_parts(statistics), **quality.musical_parts(heard, music)}
    return Sound(kept, statistics, heard, parts, tuple(quality.notes(parts, statistics, heard, music)))


def score_of(sound: Sound, *components: ScoreComponent) -> Score:
    """Return the score of a take: its quality, and other values."""
    measured = ScoreComponent("quality", quality.quality(sound.parts), _SIGNAL, sound.notes, sound.parts)
    return score_metadata(measured, *components)


def score_metadata(*components: ScoreComponent) -> Score:
    """Return a score as the metadata that tasks and listeners know."""
    score: Score = {}
    for each in components:
        score[each.name] = None if each.value is None else round(each.value, 4)
    score["parts"] = {name: round(value, 4) for each in components for name, value in each.parts.items()}
    score["notes"] = [note for each in components for note in each.notes]
    score["computed_from"] = {each.name: each.source for each in components if each.value is not None}
    score["missing"] = {each.name: each.source for each in components if each.value is None}
    return score


def with_score(
    events: Iterator[EngineEvent], request: EngineRequest, cancel: CancelToken, scorer: Scorer
) -> Iterator[EngineEvent]:
    """Pass on the events of a task that makes audio; where ``request.auto_score`` asks for it, add a score at the end.

    What is scored is the role "mix", or else the sum of the roles, with the source for tasks that play along with it.
    """
    return _with_score(events, request, cancel, scorer) if request.auto_score else events


def _with_score(
    events: Iterator[EngineEvent], request: EngineRequest, cancel: CancelToken, scorer: Scorer
) -> Iterator[EngineEvent]:
    listener = Listener(request.frames)
    metadata: TakeMetadata = {}
    total: Samples | None = None
    places: dict[str, int] = {}
    fraction = 0.0
    for event in events:
        if isinstance(event, Block) and event.role == "mix":
            listener.hear(event.samples)
            places["mix"] = 0
        elif isinstance(event, Block):
            if total is None:
                along = request.task.is_accompaniment and request.source is not None
                total = require_source(request).copy() if along else np.zeros((request.frames, 2), np.float32)
            at = places.get(event.role, 0)
            total[at : at + len(event.samples)] += event.samples
            places[event.role] = at + len(event.samples)
        elif isinstance(event, Metadata):
            metadata.update(event.values)
        else:
            fraction = event.fraction
        yield event
    if total is not None and "mix" not in places:
        for piece in split_blocks(total):
            cancel.check()
            listener.hear(piece)
    elif not places:
        return
    del total
    yield Metadata({"score": (yield from scorer(listener, fraction, metadata))})


NO_WORDS = "No words are given that could be sung."


def check_words(request: EngineRequest) -> None:
    """Raise `InvalidValue` for lyrics in which nothing is sung."""
    if not sung_lines(request.music.lyrics):
        raise InvalidValue(
            "music.lyrics", request.music.lyrics, "the words that are sung", remedy="Give words to align."
        )
