"""Variations of short stretches, which have few choices: a small amount may take none of them, or draw the same ones again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import chain

import numpy as np

from acestep_runtime.engines.base import Block, EngineEvent, EngineRequest
from acestep_runtime.units import ENGINE_RATE_HZ
from acestep_runtime.values import CancelToken, Variation

#: Longer stretches have choices enough that a variation changes some. Shorter ones are generated twice, to compare them.
_SHORT = 12 * ENGINE_RATE_HZ
#: How far a variation goes that would be the take itself, one after the other.
_FURTHER = (0.5, 0.75, 1.0)

Run = Callable[[EngineRequest, CancelToken], Iterator[EngineEvent]]


def vary(run: Run, request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
    """Yield the events of a request. Where its last variation would be the take that it varies, it goes further.

    The same request gives the same take, and an amount of 0 the take itself.
    """
    first, last = request.span if request.span[1] else (0, request.frames)
    if not request.variations or not request.variations[-1].amount or last - first > _SHORT:
        yield from run(request, cancel)
        return
    *earlier, step = request.variations
    itself = list(run(replace(request, variations=tuple(earlier)), cancel))
    for amount in chain((step.amount,), (further for further in _FURTHER if further > step.amount)):
        variations = (*earlier, Variation(amount, step.seed))
        events = list(run(replace(request, variations=variations), cancel))
        if not _sound_alike(events, itself):
            break
    yield from events


def _sound_alike(one: Sequence[EngineEvent], other: Sequence[EngineEvent]) -> bool:
    blocks = [[event for event in events if isinstance(event, Block)] for events in (one, other)]
    return len(blocks[0]) == len(blocks[1]) and all(
        (a.role, a.samples.shape) == (b.role, b.samples.shape) and np.array_equal(a.samples, b.samples)
        for a, b in zip(*blocks, strict=True)
    )
