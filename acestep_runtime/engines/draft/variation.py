"""Variations of short stretches, which have few choices: a small amount may take none of them, or draw the same ones again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from hashlib import sha256
from itertools import chain
from typing import Any, NamedTuple
from weakref import ReferenceType, ref

from acestep_runtime.audio.samples import Samples
from acestep_runtime.engines.base import Block, EngineEvent, EngineRequest
from acestep_runtime.units import ENGINE_RATE_HZ
from acestep_runtime.values import CancelToken, Variation

#: Longer stretches have choices enough that a variation changes some. Shorter ones are compared with the take that is varied.
_SHORT = 12 * ENGINE_RATE_HZ
#: How far a variation goes that would be the take itself, one after the other.
_FURTHER = (0.5, 0.75, 1.0)

Run = Callable[[EngineRequest, CancelToken], Iterator[EngineEvent]]
#: A digest of the samples of each role.
_Sound = dict[str, bytes]


class _Take(NamedTuple):
    """A take that was varied: its request without the source, the source while somebody else has it, and its sound."""

    request: EngineRequest
    source: ReferenceType[Samples] | None
    sound: _Sound


class Variations:
    """Makes variations. It remembers how the take that it varied last sounds: all takes of a job vary the same one."""

    def __init__(self) -> None:
        self._last: _Take | None = None

    def vary(self, run: Run, request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
        """Yield the events of a request. Where its last variation would be the take that it varies, it goes further.

        The same request gives the same take, and an amount of 0 the take itself.
        """
        first, last = request.span if request.span[1] else (0, request.frames)
        if not request.variations or not request.variations[-1].amount or last - first > _SHORT:
            yield from run(request, cancel)
            return
        *earlier, step = request.variations
        itself = self._hear(run, replace(request, variations=tuple(earlier)), cancel)
        for amount in chain((step.amount,), (further for further in _FURTHER if further > step.amount)):
            variations = (*earlier, Variation(amount, step.seed))
            events = list(run(replace(request, variations=variations), cancel))
            if _sound_of(events) != itself:
                break
        yield from events

    def _hear(self, run: Run, request: EngineRequest, cancel: CancelToken) -> _Sound:
        """Return the sound of the take that is varied, which is made unless it was the last one."""
        # no take of this engine depends on the rest
        plain = replace(
            request, take_seeds=(), source=None, reference=None, source_latents=None, preview=None, full=None
        )
        last, source = self._last, request.source
        if last is not None and last.request == plain and (last.source and last.source()) is source:
            return last.sound
        sound = _sound_of(run(request, cancel))
        self._last = _Take(plain, None if source is None else ref(source), sound)
        return sound


def _sound_of(events: Iterable[EngineEvent]) -> _Sound:
    digests: dict[str, Any] = {}
    for event in events:
        if isinstance(event, Block):
            digests.setdefault(event.role, sha256()).update(event.samples.tobytes())
    return {role: digest.digest() for role, digest in digests.items()}
