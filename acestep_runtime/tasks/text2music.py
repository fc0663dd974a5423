"""Text to music: a song from a description."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from acestep_runtime.engines.base import Engine
from acestep_runtime.limits import bounded
from acestep_runtime.tasks.base import MAX_DURATION_S, Output, Source, Task, TaskEvent
from acestep_runtime.values import CODES, CODES_A_SECOND, MAX_CODES, MIX, CancelToken, Music, Sampling, Thinking


@dataclass(frozen=True)
class TextToMusic(Task):
    """Generate ``duration_s`` seconds of music; ``None``: as long as ``codes``, or as the lyrics need, else 30. One "mix"."""

    name = "text2music"
    rpc = "TextToMusic"
    kind = "audio"
    roles = (MIX,)
    can_plan = True
    fade_s = 0.01

    music: Music = field(default_factory=Music)
    duration_s: float | None = bounded(None, low=0.1, high=MAX_DURATION_S, unit="seconds")
    sampling: Sampling = field(default_factory=Sampling)
    output: Output = field(default_factory=Output)
    reference: Source | None = None
    thinking: Thinking = field(default_factory=Thinking)
    codes: tuple[int, ...] = bounded((), low=0, high=CODES - 1, max_len=MAX_CODES, unit="codes")

    def run(self, engine: Engine, cancel: CancelToken, done: int = 0) -> Iterator[TaskEvent]:
        """See `acestep_runtime.tasks.base.Task.run`."""
        from acestep_runtime.tasks.streams import run_without_source

        return run_without_source(self, self._length_s(), engine, cancel, done)

    def _length_s(self) -> float:
        if self.duration_s is not None:
            return self.duration_s
        if self.codes:
            return len(self.codes) / CODES_A_SECOND
        from acestep_runtime.text.form import natural_length_s
        from acestep_runtime.text.style import style_from_caption

        music = self.music
        return natural_length_s(
            self.words_to_sing().text, music.bpm, music.timesignature, style_from_caption(music.caption)
        )
