"""Replacing a region of a song: its frames, its context, and joining new audio.

No engine and no file here. All frames are at the source's own rate and counted from the source's first frame, so a
region that starts before the song has a negative start, and one that extends the song stops past its end:

    source                 0 ────────────────────────────────── N
    window           ····· │ context │ region │ context │ ·····       the engine's input
    replacement            ·     │fade│ region │fade│     ·            the engine's output
    result                 = = = ╲╱ new new new  ╲╱ = = = = =          "=": bit-identical to the source

Crossfades lie outside the region, where the source still plays: inside the region all is new. Where the region meets
an end of the song there is no fade.

Letters: N frames of the source, R of the region, W of the window, M of the result, L = R + fades, C channels.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np

from acestep_runtime import units
from acestep_runtime.audio.samples import Samples
from acestep_runtime.errors import InvalidValue

#: Longest time in a song; it also catches wrong units.
MAX_TIME_S = 24 * 3600.0


@dataclass(frozen=True)
class Span:
    """The region ``start`` to ``stop`` of a source of ``source_frames`` frames. It overlaps or touches the source."""

    start: int
    stop: int
    source_frames: int

    def __post_init__(self) -> None:
        if not (self.start < self.stop and self.start <= self.source_frames and self.stop >= 0):
            raise ValueError(f"{self} is empty, or does not touch the source")

    @classmethod
    def resolve(cls, start_s: float, end_s: float | None, source_frames: int, rate_hz: int) -> Span:
        """Convert times in seconds to the nearest frames.

        ``end_s`` of ``None`` or −1 is the end of the source. A negative ``start_s`` prepends, an ``end_s`` past the
        source extends it; ``start_s`` may be exactly its end (only extend) and ``end_s`` exactly 0 (only prepend).
        Raises `InvalidValue` for ``start_s`` or ``end_s`` otherwise.
        """
        source_s = units.frames_to_seconds(source_frames, rate_hz)
        to_end = end_s is None or end_s == units.END
        end_s = source_s if end_s is None or to_end else end_s
        for name, value in (("start_s", start_s), ("end_s", end_s)):
            if not (math.isfinite(value) and abs(value) <= MAX_TIME_S):
                raise InvalidValue(name, value, f"a time in seconds, at most {MAX_TIME_S:g} either way")
        if end_s < 0:
            raise InvalidValue("end_s", end_s, "0 or more, or -1 for the end of the source")
        start = units.seconds_to_frames(start_s, rate_hz)
        stop = source_frames if to_end else units.seconds_to_frames(end_s, rate_hz)
        if start > source_frames:
            raise InvalidValue(
                "start_s",
                start_s,
                f"at most {source_s:g}, the end of the source",
                remedy="To extend the song, start at its end or before.",
            )
        if stop <= start:
            text = f"{end_s:g}, the end of the source" if to_end else f"{end_s:g}"
            raise InvalidValue("end_s", end_s, f"at least one frame later than start_s, {start_s:g}", value_text=text)
        return cls(start, stop, source_frames)

    @property
    def frames(self) -> int:
        """R, the length of the region."""
        return self.stop - self.start

    @property
    def prefix_frames(self) -> int:
        """Frames before the source; its frame f becomes frame f + prefix_frames of the result."""
        return max(0, -self.start)

    @property
    def suffix_frames(self) -> int:
        """Frames after the source."""
        return max(0, self.stop - self.source_frames)

    @property
    def total_frames(self) -> int:
        """M, the length of the result."""
        return self.prefix_frames + self.source_frames + self.suffix_frames

    @property
    def outside(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Frames ``(start, stop)`` of the source before and after the region, which stay; both may be empty."""
        before, after = max(0, self.start), min(self.stop, self.source_frames)
        return (0, before), (after, self.source_frames)


@dataclass(frozen=True)
class Fades:
    """How many frames ``before`` and ``after`` the region source and replacement overlap."""

    before: int = 0
    after: int = 0

    @classmethod
    def around(cls, span: Span, crossfade_frames: int) -> Fades:
        """Return fades of ``crossfade_frames``, shorter where the source has less outside the region."""
        return cls(
            min(crossfade_frames, max(0, span.start)), min(crossfade_frames, max(0, span.source_frames - span.stop))
        )


@dataclass(frozen=True)
class Window:
    """The part of a source that an engine gets: the region with its fades and context, ``start`` to ``stop``."""

    span: Span
    fades: Fades
    start: int
    stop: int

    @classmethod
    def around(cls, span: Span, context_frames: int, crossfade_frames: int = 0) -> Window:
        """Return the region with up to ``context_frames`` (at least the fades) of source on each side."""
        fades = Fades.around(span, crossfade_frames)
        before = max(fades.before, min(context_frames, max(0, span.start)))
        after = max(fades.after, min(context_frames, max(0, span.source_frames - span.stop)))
        return cls(span, fades, span.start - before, span.stop + after)

    def on_grid(self, step: int, origin: int) -> Window:
        """Return the window with edges on frames that are multiples of ``step`` from ``origin``, wider where they are not.

        It starts before the source if need be, but stops at its end.
        """
        start = self.start - (self.start - origin) % step
        stop = min(self.stop + (origin - self.stop) % step, max(self.stop, self.span.source_frames))
        return dataclasses.replace(self, start=start, stop=stop)

    @property
    def frames(self) -> int:
        """W, the length of the window."""
        return self.stop - self.start

    @property
    def region(self) -> tuple[int, int]:
        """The region in frames of the window."""
        return self.span.start - self.start, self.span.stop - self.start

    @property
    def target(self) -> tuple[int, int]:
        """The region with its fades, in frames of the window: the part to generate."""
        return self.region[0] - self.fades.before, self.region[1] + self.fades.after

    @property
    def coverage(self) -> tuple[int, int]:
        """The part of the window that the source covers, in frames of the window."""
        return max(0, -self.start), min(self.stop, self.span.source_frames) - self.start

    def cut(self, source: Samples) -> Samples:
        """Return the window of ``source`` ``[N, C]`` as a new array ``[W, C]``, silent outside the source."""
        _require(len(source) == self.span.source_frames, f"the source has {len(source)} frames")
        out = np.zeros((self.frames, source.shape[1]), np.float32)
        start, stop = self.coverage
        out[start:stop] = source[self.start + start : self.start + stop]
        return out


def fade_gains(frames: int) -> tuple[Samples, Samples]:
    """Return equal-power gains ``[frames, 1]``, falling and rising: cos and sin, so that their squares add up to 1.

    Equal power because source and replacement are different performances; equal gain would dip by 3 dB between them.
    """
    angle = (np.arange(frames)[:, None] + 0.5) * (np.pi / 2 / max(1, frames))
    return np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)


def splice(source: Samples, replacement: Samples, span: Span, fades: Fades) -> Samples:
    """Return ``[M, C]``: the source ``[N, C]`` with the replacement ``[L, C]`` in the region, crossfaded outside it."""
    _check(source, replacement, span, fades)
    start, stop = max(0, span.start), min(len(source), span.stop)
    region = len(replacement) - fades.after
    parts = (
        source[: start - fades.before],
        _crossfade(source[start - fades.before : start], replacement[: fades.before]),
        replacement[fades.before : region],
        _crossfade(replacement[region:], source[stop : stop + fades.after]),
        source[stop + fades.after :],
    )
    return np.concatenate(parts)


def _crossfade(old: Samples, new: Samples) -> Samples:
    falling, rising = fade_gains(len(old))
    return old * falling + new * rising


def _check(source: Samples, replacement: Samples, span: Span, fades: Fades) -> None:
    _require(len(source) == span.source_frames, f"the source has {len(source)} frames, its span says otherwise: {span}")
    _require(source.shape[1] == replacement.shape[1], "source and replacement differ in channels")
    room = Fades.around(span, span.source_frames)
    fit = 0 <= fades.before <= room.before and 0 <= fades.after <= room.after
    _require(fit, f"{fades} reach out of the source: {span}")
    length = fades.before + span.frames + fades.after
    _require(len(replacement) == length, f"the replacement has {len(replacement)} frames, not {length}")


def _require(condition: bool, otherwise: str) -> None:
    if not condition:
        raise ValueError(otherwise)
