"""Mixdown: the sum of tracks, each at its position and with its gains, block by block.

Tracks are read in blocks, so no song is ever in memory whole. Reading, resampling and writing are in
`decode`, `convert` and `wav`.

    track 0    at ├──────── frames ────────┤
    track 1          at ├──── frames ────┤
    mix        0 ├────────┼────────┼────────┤ frames       blocks of the same length, the last one shorter

Letters: N and n frames, C channels.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

import numpy as np

from acestep_runtime.audio.samples import Samples

BLOCK_FRAMES = 1 << 16


@dataclass(frozen=True)
class Track:
    """``frames`` frames of audio that play from frame ``at`` of a mix on.

    ``open_blocks`` returns the audio in blocks ``[n, 1]`` or ``[n, C]`` of any length, at the rate of the mix. `mix_down`
    calls it when the track begins to sound and closes the generator when the track ends, so a mix may have more tracks than
    files can be open at once. ``gains`` are linear, one for each channel of the mix or one for all; a mono track sounds on
    all channels.
    """

    open_blocks: Callable[[], Generator[Samples, None, None]]
    frames: int
    at: int = 0
    gains: tuple[float, ...] = (1.0,)


def mix_down(tracks: Sequence[Track], frames: int, channels: int) -> Generator[Samples, None, None]:
    """Yield the sum of the tracks, float32, in blocks ``[n, channels]`` that add up to ``frames``; silence where none plays.

    Audio past the end is dropped. Tracks are added in order, so equal tracks give equal bits. Raises the errors of
    reading a track, and ``ValueError`` when a track yields less than its ``frames``.
    """
    readers: dict[int, _Reader] = {}  # of the tracks that sound
    try:
        for start in range(0, frames, BLOCK_FRAMES):
            stop = min(start + BLOCK_FRAMES, frames)
            total = np.zeros((stop - start, channels), np.float32)
            for number, track in enumerate(tracks):
                begin, end = max(start, track.at), min(stop, track.at + track.frames)
                if begin >= end:
                    continue
                if number not in readers:
                    readers[number] = _Reader(track.open_blocks())
                gains = np.array(track.gains, np.float32)
                total[begin - start : end - start] += gains * readers[number].read(end - begin)
                if end == track.at + track.frames:
                    readers.pop(number).close()
            yield total
    finally:
        for reader in readers.values():
            reader.close()


class _Reader:
    """Reads blocks of any length in pieces of the requested length."""

    def __init__(self, blocks: Generator[Samples, None, None]) -> None:
        self._blocks = blocks
        self._rest: list[Samples] = []

    def read(self, frames: int) -> Samples:
        """Return the next ``[frames, C]``."""
        parts, missing = self._rest, frames - sum(map(len, self._rest))
        while missing > 0:
            block = next(self._blocks, None)
            if block is None:
                raise ValueError(f"a track of the mix ended {missing} frames early")
            parts.append(block)
            missing -= len(block)
        samples = parts[0] if len(parts) == 1 else np.concatenate(parts)
        self._rest = [samples[frames:]] if len(samples) > frames else []
        return samples[:frames]

    def close(self) -> None:
        """Close the blocks."""
        self._blocks.close()
