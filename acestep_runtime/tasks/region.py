"""A region of a clip: the engine gets a window, region plus context, so that the cost follows the region.

clip      0 ─────────────────────────────────────────── N
surroundings  a ──────────────────────────────── b          read from the file, at least as long as a seam needs
window            │ context │ region │ context │            the engine's input, at 48 kHz
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass

import numpy as np

from acestep_runtime.audio import convert
from acestep_runtime.audio.match import SEAM_MS
from acestep_runtime.audio.samples import Samples
from acestep_runtime.audio.splice import Span, Window
from acestep_runtime.engines.base import Block, EngineRequest, Progress
from acestep_runtime.engines.metadata import TakeMetadata
from acestep_runtime.previews import FullLatents
from acestep_runtime.take_latents import FRAME_SAMPLES, Piece, TakeLatents, join
from acestep_runtime.tasks.source_audio import Clip
from acestep_runtime.tasks.times import shift_times
from acestep_runtime.units import ENGINE_RATE_HZ, frames_to_seconds, ms_to_frames, seconds_to_frames

#: First frame and the one after the last.
Frames = tuple[int, int]
#: A resampling filter reaches over less than this part of a second (soxr's VHQ: some hundred frames of the lower rate).
_FILTER_PER_S = 10


@dataclass(frozen=True)
class Region:
    """A span of a clip and its surroundings, which begin at frame ``start``. ``window`` counts in frames of them.

    ``latents`` are those of the clip, where it is a take; then the window lies on their frames.
    """

    clip: Clip
    span: Span
    window: Window
    surroundings: Samples
    start: int
    latents: TakeLatents | None = None

    @classmethod
    def around(
        cls, clip: Clip, span: Span, context_s: float, crossfade_ms: float = 0.0, latents: TakeLatents | None = None
    ) -> Region:
        """Read the region, its context, and enough audio to measure the loudness at the seams."""
        context = seconds_to_frames(context_s, clip.rate_hz)
        crossfade = ms_to_frames(crossfade_ms, clip.rate_hz)
        margin = max(context, ms_to_frames(SEAM_MS, clip.rate_hz)) + crossfade + (FRAME_SAMPLES if latents else 0)
        start, stop = max(0, span.start - margin), min(clip.frames, span.stop + margin)
        local = Span(span.start - start, span.stop - start, stop - start)
        window = Window.around(local, context, crossfade)
        if latents is not None:
            window = window.on_grid(FRAME_SAMPLES, latents.start - start)
        return cls(clip, span, window, clip.read(start, stop), start, latents)

    @property
    def window_start(self) -> int:
        """The first frame of the window, in frames of the clip."""
        return self.start + self.window.start

    @property
    def engine_span(self) -> Frames:
        """The region in frames of the engine's window."""
        start, stop = (self.clip.to_engine_frame(frame) for frame in self.window.region)
        return start, stop

    def first_part(self, frames: int) -> Region:
        """Return the region with its first ``frames`` frames alone, in the same window; it reaches to the clip at least.

        What follows is not joined to it: there is no crossfade at its end.
        """
        stop = max(self.span.start + frames, 0)
        local = dataclasses.replace(self.window.span, stop=stop - self.start)
        window = dataclasses.replace(self.window, span=local, fades=dataclasses.replace(self.window.fades, after=0))
        return dataclasses.replace(self, span=dataclasses.replace(self.span, stop=stop), window=window)

    def request(self, request: EngineRequest) -> EngineRequest:
        """Return ``request`` with the window as its source."""
        rate_hz = self.clip.rate_hz
        window_samples = convert.resample(
            convert.to_channels(self.window.cut(self.surroundings), 2), rate_hz, ENGINE_RATE_HZ
        )
        (target_start, target_stop), (known_start, known_stop) = self.window.target, self.window.coverage
        # At another rate one more frame on each side, so that no rounded edge of the old sound stays inside the new.
        margin = int(rate_hz != ENGINE_RATE_HZ)
        return dataclasses.replace(
            request,
            frames=len(window_samples),
            source=window_samples,
            span=(
                max(0, self.clip.to_engine_frame(target_start) - margin),
                min(len(window_samples), self.clip.to_engine_frame(target_stop) + margin),
            ),
            known=(
                self.clip.to_engine_frame(known_start),
                min(len(window_samples), self.clip.to_engine_frame(known_stop)),
            ),
            window_start_s=frames_to_seconds(self.window_start, rate_hz),
            source_latents=self._window_latents(),
        )

    def _window_latents(self) -> TakeLatents | None:
        if self.latents is None:
            return None
        return self.latents.window(self.window_start, self.window_start + self.window.frames, self.clip.frames)

    def join_latents(
        self, made: TakeLatents | None, made_span: Frames, own_spans: tuple[Frames, ...], output: Frames
    ) -> TakeLatents | None:
        """Return the latents of an ``output``; all spans are in frames of the clip.

        In ``made_span`` it is what an engine ``made`` of the window, in ``own_spans`` it is the clip.
        """
        if made is None or self.clip.rate_hz != ENGINE_RATE_HZ or self.clip.channels != 2:
            return None
        pieces = [Piece(dataclasses.replace(made, start=made.start + self.window_start), (made_span,))]
        if self.latents is not None:
            pieces.append(Piece(self.latents, own_spans))
        return join(pieces, *output)

    def from_engine(self, samples: Samples, start: int, stop: int) -> Samples:
        """Return frames ``start`` to ``stop`` of an engine's window, at the rate and channel count of the clip.

        Only these are resampled, with a margin longer than the filter.
        """
        rate_hz = self.clip.rate_hz
        step = rate_hz // math.gcd(rate_hz, ENGINE_RATE_HZ)  # frames after which both rates meet again
        first = max(0, start - rate_hz // _FILTER_PER_S) // step * step
        last = min(self.window.frames, stop + rate_hz // _FILTER_PER_S)
        at, end = first // step * (step * ENGINE_RATE_HZ // rate_hz), self.clip.to_engine_frame(last)
        part = convert.to_channels(samples[at : end if last < self.window.frames else None], self.clip.channels)
        return convert.resample(part, ENGINE_RATE_HZ, rate_hz, last - first)[start - first : stop - first]

    def in_output_time(self, metadata: TakeMetadata, first_frame: int, frames: int | None = None) -> TakeMetadata:
        """Return an engine's metadata with times counted from ``first_frame`` of the clip, not from the window's start.

        Of words only those in the first ``frames`` frames from there on remain, where they are given.
        """
        rate_hz = self.clip.rate_hz
        until_s = math.inf if frames is None else frames_to_seconds(frames, rate_hz)
        return shift_times(metadata, frames_to_seconds(self.window_start - first_frame, rate_hz), until_s)


@dataclass
class Role:
    """The ``[frames, 2]`` samples of a role, and its latents, where it was decoded from some; see `Block`."""

    samples: Samples
    latents: TakeLatents | None = None
    full: FullLatents | None = None


def collect_roles(events: Iterator[Progress | Block], frames: int) -> Generator[Progress, None, dict[str, Role]]:
    """Yield an engine's progress; return its roles."""
    roles: dict[str, Role] = {}
    role_frames: dict[str, int] = {}
    for event in events:
        if isinstance(event, Progress):
            yield event
            continue
        if event.role not in roles:
            roles[event.role] = Role(np.zeros((frames, 2), np.float32), event.latents, event.full)
            role_frames[event.role] = 0
        at = role_frames[event.role]
        role_frames[event.role] = at + len(event.samples)
        roles[event.role].samples[at : role_frames[event.role]] = event.samples[: max(0, frames - at)]
    return roles
