"""The tasks that turn words into better words: create a sample from a sentence, format caption and lyrics."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from acestep_runtime.engines.base import Engine, EngineRequest
from acestep_runtime.errors import InvalidValue
from acestep_runtime.limits import bounded
from acestep_runtime.tasks.base import Output, Task, TaskEvent
from acestep_runtime.tasks.passage import perform_through
from acestep_runtime.units import ENGINE_RATE_HZ
from acestep_runtime.values import MAX_SEED, MAX_TEXT, CancelToken, Music, Thinking


@dataclass(frozen=True)
class CreateSample(Task):
    """Turn ``description`` into caption, lyrics, tempo, key and duration."""

    name = "create_sample"
    rpc = "CreateSample"
    kind = "text"
    needs_language_model = True

    description: str = bounded("", max_len=MAX_TEXT)
    instrumental: bool = False
    seed: int | None = bounded(None, low=0, high=MAX_SEED)
    thinking: Thinking = field(default_factory=Thinking)

    def validate(self) -> None:
        """See `acestep_runtime.tasks.base.Task.validate`."""
        if not self.description.strip():
            raise InvalidValue("description", self.description, "a sentence", remedy="Say what the song should be.")

    def perform(self, engine: Engine, cancel: CancelToken) -> Iterator[TaskEvent]:
        """See `acestep_runtime.tasks.base.Task.perform`. Facts only."""
        mode = "instrumental" if self.instrumental else "song"
        music = Music(caption=self.description)
        request = EngineRequest(type(self), 0, 0, music, mode=mode, thinking=self.thinking)
        return _facts(request, self.seed, engine, cancel)


@dataclass(frozen=True)
class FormatSample(Task):
    """Put caption and lyrics of ``music`` into the form that the model likes best."""

    name = "format_sample"
    rpc = "FormatSample"
    kind = "text"
    needs_language_model = True

    music: Music = field(default_factory=Music)
    seed: int | None = bounded(None, low=0, high=MAX_SEED)
    thinking: Thinking = field(default_factory=Thinking)

    def validate(self) -> None:
        """See `acestep_runtime.tasks.base.Task.validate`."""
        if not (self.music.caption.strip() or self.music.lyrics.strip()):
            raise InvalidValue("music.caption", "", "a caption, lyrics or both", remedy="Give something to format.")

    def perform(self, engine: Engine, cancel: CancelToken) -> Iterator[TaskEvent]:
        """See `acestep_runtime.tasks.base.Task.perform`. Facts only."""
        return _facts(EngineRequest(type(self), 0, 0, self.music, thinking=self.thinking), self.seed, engine, cancel)


def _facts(request: EngineRequest, seed: int | None, engine: Engine, cancel: CancelToken) -> Iterator[TaskEvent]:
    output = Output(seeds=() if seed is None else (seed,))
    return perform_through(request, output, frames=0, rate_hz=ENGINE_RATE_HZ, channels=2, engine=engine, cancel=cancel)
