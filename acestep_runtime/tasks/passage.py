"""Performing a task whose engine output goes straight through: every role as long as the source, or as asked.

Also the tasks that only find facts, which are the same with no role at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from acestep_runtime.audio import convert
from acestep_runtime.engines.base import Block, Engine, EngineRequest, Facts, Progress
from acestep_runtime.tasks.base import (
    Output,
    OutputBlock,
    OutputHeader,
    TaskEvent,
    check_complete,
    finished_take,
    for_take,
    in_take,
    to_make,
    with_seeds,
)
from acestep_runtime.units import ENGINE_RATE_HZ
from acestep_runtime.values import CancelToken


def perform_through(
    request: EngineRequest,
    output: Output,
    *,
    frames: int,
    rate_hz: int,
    channels: int,
    engine: Engine,
    cancel: CancelToken,
) -> Iterator[TaskEvent]:
    """Run every take of ``request`` and pass its roles on, ``frames`` frames each at ``rate_hz``, while they come.

    ``frames`` of 0 is for tasks that only find facts.

    ``request.seed`` is replaced by the takes' seeds.
    """
    output = with_seeds(output)
    number = 0
    for take, seed in to_make(output):
        facts: dict[str, Any] = {}
        streams: dict[str, tuple[int, convert.StreamResampler, int]] = {}
        for event in engine.run(for_take(request, seed, output), cancel):
            if isinstance(event, Progress):
                yield in_take(event, take, output.count)
            elif isinstance(event, Facts):
                facts.update(event.values)
            elif isinstance(event, Block):
                if event.role not in streams:
                    yield OutputHeader(number, take, event.role, rate_hz, channels, output.encoding, frames)
                    resampler = convert.StreamResampler(ENGINE_RATE_HZ, rate_hz, channels, frames)
                    streams[event.role] = (number, resampler, request.frames)
                    number += 1
                index, resampler, left = streams[event.role]
                left -= len(event.samples)
                streams[event.role] = (index, resampler, left)
                yield OutputBlock(index, resampler.push(convert.to_channels(event.samples, channels), last=left == 0))
        if frames:
            made = {role: request.frames - left for role, (_, _, left) in streams.items()}
            check_complete(engine, made, request.frames)
        yield finished_take(take, seed, facts, output, engine)
