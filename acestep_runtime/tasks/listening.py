"""The tasks that hear a source and report facts, no audio: understand, align lyrics, score."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from acestep_runtime.engines.base import Engine
from acestep_runtime.errors import InvalidValue
from acestep_runtime.tasks.base import Output, Source, Task, TaskEvent
from acestep_runtime.tasks.whole_source import perform_whole
from acestep_runtime.values import CancelToken, Music, Thinking


@dataclass(frozen=True)
class _Listening(Task):
    """A task that hears a source; facts given in ``music`` are kept."""

    kind = "analysis"

    source: Source
    music: Music = field(default_factory=Music)

    def perform(self, engine: Engine, cancel: CancelToken) -> Iterator[TaskEvent]:
        """See `acestep_runtime.tasks.base.Task.perform`. Facts only."""
        thinking: Thinking | None = getattr(self, "thinking", None)
        return perform_whole(
            type(self),
            self.source,
            Output(seeds=(0,)),
            engine,
            cancel,
            music=self.music,
            thinking=thinking,
            only_facts=True,
        )


@dataclass(frozen=True)
class Understand(_Listening):
    """Hear tempo, key, meter, beats and chords of ``source``, and what it is with a language model."""

    name = "understand"
    rpc = "Understand"
    needs_language_model = True

    thinking: Thinking = field(default_factory=Thinking)


@dataclass(frozen=True)
class AlignLyrics(_Listening):
    """Find when each line of ``music.lyrics`` is sung in ``source``."""

    name = "align_lyrics"
    rpc = "AlignLyrics"

    def validate(self) -> None:
        """See `acestep_runtime.tasks.base.Task.validate`."""
        if not self.music.lyrics.strip():
            raise InvalidValue("music.lyrics", self.music.lyrics, "the words that are sung", remedy="Give the lyrics.")
        super().validate()


@dataclass(frozen=True)
class Score(_Listening):
    """Judge how well ``source`` fits its lyrics and description."""

    name = "score"
    rpc = "Score"
