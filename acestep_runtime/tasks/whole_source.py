"""Performing a task on a whole source: the engine hears all of it and returns roles of its length, or only facts."""

from __future__ import annotations

from collections.abc import Iterator

from acestep_runtime.engines.base import Engine, EngineRequest
from acestep_runtime.tasks.base import Output, Source, Task, TaskEvent
from acestep_runtime.tasks.clip import Clip
from acestep_runtime.tasks.passage import perform_through
from acestep_runtime.tasks.reference import heard_in
from acestep_runtime.values import CancelToken, Music, Sampling, Thinking


def perform_whole(
    task: type[Task],
    source: Source,
    output: Output,
    engine: Engine,
    cancel: CancelToken,
    *,
    music: Music,
    sampling: Sampling | None = None,
    tracks: tuple[str, ...] = (),
    strength: float = 1.0,
    reference: Source | None = None,
    thinking: Thinking | None = None,
    only_facts: bool = False,
) -> Iterator[TaskEvent]:
    """Run ``task`` on all of ``source``; see `perform_through`."""
    clip = Clip.open(source, output)
    heard = clip.for_engine(0, clip.frames)
    whole = (0, len(heard))
    request = EngineRequest(
        task,
        len(heard),
        0,
        music,
        sampling or Sampling(),
        source=heard,
        span=whole,
        known=whole,
        tracks=tracks,
        strength=strength,
        reference=heard_in(reference),
        thinking=thinking or Thinking(),
    )
    frames = 0 if only_facts else clip.frames
    yield from perform_through(
        request, output, frames=frames, rate_hz=clip.rate_hz, channels=clip.channels, engine=engine, cancel=cancel
    )
