"""Text to music: a song from a description."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from acestep_runtime.dsp.form import natural_length_s
from acestep_runtime.engines.base import Engine, EngineRequest
from acestep_runtime.limits import bounded
from acestep_runtime.tasks.base import MAX_DURATION_S, Output, Source, Task, TaskEvent
from acestep_runtime.tasks.passage import perform_through
from acestep_runtime.tasks.reference import heard_in
from acestep_runtime.text.style import style_of
from acestep_runtime.units import ENGINE_RATE_HZ, seconds_to_frames
from acestep_runtime.values import (
    CODES,
    CODES_A_SECOND,
    MAX_CODES,
    MIX,
    CancelToken,
    Music,
    Sampling,
    Thinking,
)


@dataclass(frozen=True)
class TextToMusic(Task):
    """Write ``duration_s`` seconds of music; ``None`` is as long as ``codes``, or as the lyrics need, else 30."""

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

    def perform(self, engine: Engine, cancel: CancelToken) -> Iterator[TaskEvent]:
        """See `acestep_runtime.tasks.base.Task.perform`. One output, "mix"."""
        rate_hz = self.output.sample_rate or ENGINE_RATE_HZ
        music, duration_s = self.music, self.duration_s
        if duration_s is None and self.codes:
            duration_s = len(self.codes) / CODES_A_SECOND
        if duration_s is None:
            duration_s = natural_length_s(music.lyrics, music.bpm, music.timesignature, style_of(music.caption))
        request = EngineRequest(
            type(self), seconds_to_frames(duration_s, ENGINE_RATE_HZ), 0, music, self.sampling,
            reference=heard_in(self.reference), thinking=self.thinking, codes=self.codes,
        )  # fmt: skip
        return perform_through(
            request,
            self.output,
            frames=seconds_to_frames(duration_s, rate_hz),
            rate_hz=rate_hz,
            channels=self.output.channels or 2,
            engine=engine,
            cancel=cancel,
        )
