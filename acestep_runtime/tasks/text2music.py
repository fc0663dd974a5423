"""Text to music: a song from a description."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field

from acestep_runtime.engines.base import Engine, LengthPlanner, Progress
from acestep_runtime.errors import InvalidValue
from acestep_runtime.limits import bounded
from acestep_runtime.midi.files import MAX_MIDI_TEXT
from acestep_runtime.tasks.base import MAX_DURATION_S, Output, Source, Task, TaskEvent
from acestep_runtime.tasks.guide import GUIDES, guide_length_s, guide_song, voices_chords
from acestep_runtime.units import ENGINE_RATE_HZ, frames_to_seconds
from acestep_runtime.values import CODES, CODES_A_SECOND, MAX_CODES, MIX, CancelToken, Music, Sampling, Thinking


@dataclass(frozen=True)
class TextToMusic(Task):
    """Generate ``duration_s`` seconds of music. One "mix".

    ``None``: as long as ``codes`` or ``midi``; or as the language model plans it, where it plans first; or as the lyrics need;
    or whole passes through the chords; else 30. Codes also end a song that should be longer. ``midi`` is a Standard MIDI File
    as base64, whose notes are followed.
    With ``strength`` below 1, the later steps follow the text alone; ``None`` is 1, and 0.5 for the ``guide`` "cover".
    """

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
    strength: float | None = bounded(None, low=0, high=1)
    midi: str = bounded("", max_len=MAX_MIDI_TEXT)
    guide: str = bounded("", choices=("", *GUIDES))

    def check_words(self) -> None:
        """Raise `InvalidValue` for ``midi`` beside codes, that cannot be read, or too long for a song without a duration."""
        if self.midi and self.codes:
            raise InvalidValue(
                "midi", "given", "nothing beside codes",
                message="The song would follow both the notes of midi and the plan's codes.", remedy="Leave one of them out.",
            )  # fmt: skip
        song = guide_song(self)
        if song is not None and self.duration_s is None:
            guide_length_s(song)

    def run(self, engine: Engine, cancel: CancelToken, done: int = 0) -> Iterator[TaskEvent]:
        """See `acestep_runtime.tasks.base.Task.run`."""
        from acestep_runtime.tasks.streams import run_without_source
        from acestep_runtime.tasks.takes import with_seeds

        task = dataclasses.replace(self, output=with_seeds(self.output))
        length_s, is_planned = task._length_of_request(engine), False
        if length_s is None:
            planned_s = task._length_of_preview(engine) or (yield from task._length_of_plan(engine, cancel))
            length_s, is_planned = planned_s or task._length_of_words(engine), planned_s is not None
        yield from run_without_source(task, length_s, engine, cancel, done, is_planned=is_planned)

    def _length_of_request(self, engine: Engine) -> float | None:
        """Return the length that the request tells, ``None`` for one that does not."""
        song = None if self.duration_s is not None else guide_song(self)
        if song is not None:
            return guide_length_s(song)
        if not self.codes or (self.duration_s is not None and not engine.supports_planning):
            return self.duration_s
        codes_s = len(self.codes) / CODES_A_SECOND
        return codes_s if self.duration_s is None else min(self.duration_s, codes_s)

    def _length_of_plan(self, engine: Engine, cancel: CancelToken) -> Generator[Progress, None, float | None]:
        """Return the length in the plan of the first take: all takes have it. ``None`` where nothing is planned."""
        from acestep_runtime.tasks.takes import engine_request

        if not (self.thinking.plan_first and isinstance(engine, LengthPlanner)) or voices_chords(self, engine):
            return None
        request = dataclasses.replace(
            engine_request(dataclasses.replace(self, reference=None), engine), seed=self.output.seeds[0]
        )
        return (yield from engine.plan_length(request, cancel))

    def _length_of_preview(self, engine: Engine) -> float | None:
        """Return the length of the take whose preview is to be finished: nothing has to be planned again."""
        from acestep_runtime.tasks.preview_input import read_preview

        full = read_preview(self.output, engine) if self.thinking.plan_first else None
        return frames_to_seconds(full.frames, ENGINE_RATE_HZ) if full is not None else None

    def _length_of_words(self, engine: Engine) -> float:
        from acestep_runtime.chords.read import chart_of
        from acestep_runtime.text.form import length_of_bars_s, natural_length_s
        from acestep_runtime.text.style import style_from_caption

        music = self.music
        words, style = self.words_to_sing(engine).text, style_from_caption(music.caption)
        chart = None if words.strip() else chart_of(music)
        if chart is not None:
            return length_of_bars_s(len(chart.bars), music.bpm, music.timesignature, style)
        return natural_length_s(words, music.bpm, music.timesignature, style)
