"""What repaint and lego share: the engine hears a window, region plus context, and the whole song costs nothing.

clip      0 ─────────────────────────────────────────── N
near          a ──────────────────────────────── b          read from the file, as long as a seam needs at least
window            │ context │ region │ context │            what the engine hears, at 48 kHz
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from acestep_runtime.audio import convert
from acestep_runtime.audio.samples import Samples
from acestep_runtime.audio.splice import SEAM_MS, Span, Window
from acestep_runtime.engines.base import Block, Engine, EngineRequest, Facts, Progress
from acestep_runtime.lyrics import lrc
from acestep_runtime.tasks.base import check_complete
from acestep_runtime.tasks.clip import Clip
from acestep_runtime.units import ENGINE_RATE_HZ, frames_to_seconds, ms_to_frames, seconds_to_frames
from acestep_runtime.values import CancelToken

#: A resampling filter reaches over less than this part of a second (soxr's VHQ: some hundred frames of the lower rate).
_FILTER_PER_S = 10


@dataclass(frozen=True)
class Region:
    """A span of a clip with what surrounds it. ``window`` counts in frames of ``near``, which starts at frame ``start``."""

    clip: Clip
    span: Span
    window: Window
    near: Samples
    start: int

    @classmethod
    def around(cls, clip: Clip, span: Span, context_s: float, crossfade_ms: float = 0.0) -> Region:
        """Read the region, its context and enough beyond to judge the loudness at the seams."""
        context = seconds_to_frames(context_s, clip.rate_hz)
        crossfade = ms_to_frames(crossfade_ms, clip.rate_hz)
        margin = max(context, ms_to_frames(SEAM_MS, clip.rate_hz)) + crossfade
        start, stop = max(0, span.start - margin), min(clip.frames, span.stop + margin)
        local = Span(span.start - start, span.stop - start, stop - start)
        return cls(clip, span, Window.around(local, context, crossfade), clip.read(start, stop), start)

    def request(self, request: EngineRequest) -> EngineRequest:
        """Return ``request`` with the window as its source."""
        rate_hz = self.clip.rate_hz
        heard = convert.resample(convert.to_channels(self.window.cut(self.near), 2), rate_hz, ENGINE_RATE_HZ)
        (made_start, made_stop), (known_start, known_stop) = self.window.wanted, self.window.known
        return dataclasses.replace(
            request,
            frames=len(heard),
            source=heard,
            # One frame more on each side, so that no rounded edge of the old sound stays inside the new.
            span=(
                max(0, self.clip.to_engine_frame(made_start) - 1),
                min(len(heard), self.clip.to_engine_frame(made_stop) + 1),
            ),
            known=(self.clip.to_engine_frame(known_start), min(len(heard), self.clip.to_engine_frame(known_stop))),
        )

    def from_engine(self, made: Samples, start: int, stop: int) -> Samples:
        """Return frames ``start`` to ``stop`` of a window made by an engine, at the rate and channel count of the clip.

        Only they are resampled, with so much around them that the filter does not notice.
        """
        rate_hz = self.clip.rate_hz
        step = rate_hz // math.gcd(rate_hz, ENGINE_RATE_HZ)  # frames after which both rates meet again
        first = max(0, start - rate_hz // _FILTER_PER_S) // step * step
        last = min(self.window.frames, stop + rate_hz // _FILTER_PER_S)
        at, end = first // step * (step * ENGINE_RATE_HZ // rate_hz), self.clip.to_engine_frame(last)
        part = convert.to_channels(made[at : end if last < self.window.frames else None], self.clip.channels)
        return convert.resample(part, ENGINE_RATE_HZ, rate_hz, last - first)[start - first : stop - first]

    def in_output_time(self, facts: Mapping[str, Any], first_frame: int) -> dict[str, Any]:
        """Return an engine's facts with times counted from ``first_frame`` of the clip instead of the window's start."""
        return moved(facts, frames_to_seconds(self.start + self.window.start - first_frame, self.clip.rate_hz))


#: Facts that hold times in seconds: lists of times, or of objects with ``start_s``, ``end_s`` or both.
_TIMED = ("beats", "downbeats", "chords", "lines", "sections", "changes")


def moved(facts: Mapping[str, Any], by_s: float) -> dict[str, Any]:
    """Return facts with all times in them moved by ``by_s``."""
    out = {name: _moved(value, by_s) if name in _TIMED else value for name, value in facts.items()}
    if "lrc" in facts:
        out["lrc"] = lrc.to_lrc(line.moved(by_s) for line in lrc.from_lrc(facts["lrc"]))
    return out


def _moved(values: list[Any], by_s: float) -> list[Any]:
    """Return times moved by ``by_s``, to the millisecond, also those of the words in a line."""
    return [
        {
            **value,
            **{end: round(value[end] + by_s, 3) for end in ("start_s", "end_s") if end in value},
            **({"words": _moved(value["words"], by_s)} if "words" in value else {}),
        }
        if isinstance(value, dict)
        else round(value + by_s, 3)
        for value in values
    ]


def collect(
    engine: Engine, request: EngineRequest, cancel: CancelToken, roles: dict[str, Samples], facts: dict[str, Any]
) -> Iterator[Progress]:
    """Run ``request``, yield its progress, and leave each role's ``[N, 2]`` samples in ``roles`` and the facts in ``facts``."""
    filled: dict[str, int] = {}
    for event in engine.run(request, cancel):
        if isinstance(event, Progress):
            yield event
        elif isinstance(event, Facts):
            facts.update(event.values)
        elif isinstance(event, Block):
            if event.role not in roles:
                roles[event.role], filled[event.role] = np.zeros((request.frames, 2), np.float32), 0
            at = filled[event.role]
            filled[event.role] = at + len(event.samples)
            roles[event.role][at : filled[event.role]] = event.samples[: max(0, request.frames - at)]
    check_complete(engine, filled, request.frames)
