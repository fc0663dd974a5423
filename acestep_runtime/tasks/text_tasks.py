"""The text tasks: create a sample from a sentence, format caption and lyrics."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field

from acestep_runtime.engines.base import Engine
from acestep_runtime.errors import InvalidValue
from acestep_runtime.limits import bounded
from acestep_runtime.tasks.base import Task, TaskEvent
from acestep_runtime.tasks.takes import NoAudio, engine_request, run_takes
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

    def check_words(self) -> None:
        """See `acestep_runtime.tasks.base.Task.check_words`."""
        if not self.description.strip():
            raise InvalidValue("description", self.description, "a sentence", remedy="Say what the song should be.")

    def run(self, engine: Engine, cancel: CancelToken, done: int = 0) -> Iterator[TaskEvent]:
        """See `acestep_runtime.tasks.base.Task.run`. Metadata only."""
        mode, music = "instrumental" if self.instrumental else "song", Music(caption=self.description)
        request = dataclasses.replace(engine_request(self, engine), music=music, mode=mode)
        return run_takes(request, self.output_spec, NoAudio(), engine, cancel, done)


@dataclass(frozen=True)
class FormatSample(Task):
    """Rewrite caption and lyrics of ``music`` in the form that suits the model best."""

    name = "format_sample"
    rpc = "FormatSample"
    kind = "text"
    needs_language_model = True

    music: Music = field(default_factory=Music)
    seed: int | None = bounded(None, low=0, high=MAX_SEED)
    thinking: Thinking = field(default_factory=Thinking)

    def check_words(self) -> None:
        """See `acestep_runtime.tasks.base.Task.check_words`."""
        if not (self.music.caption.strip() or self.music.lyrics.strip()):
            raise InvalidValue("music.caption", "", "a caption, lyrics or both", remedy="Give something to format.")

    def run(self, engine: Engine, cancel: CancelToken, done: int = 0) -> Iterator[TaskEvent]:
        """See `acestep_runtime.tasks.base.Task.run`. Metadata only."""
        return run_takes(engine_request(self, engine), self.output_spec, NoAudio(), engine, cancel, done)
