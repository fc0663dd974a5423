"""The timbre reference: three parts of ten seconds, from the front, the middle and the back of a recording.

Source: the public ACE-Step 1.5 code, which `diffusers.AceStepPipeline.prepare_reference_audio_latents` follows.
"""

from __future__ import annotations

import numpy as np

from acestep_runtime.audio.samples import Samples
from acestep_runtime.tasks.base import Output, Source
from acestep_runtime.tasks.source_audio import Clip
from acestep_runtime.units import ENGINE_RATE_HZ, seconds_to_frames

PIECE_S = 10
PIECES = 3


def load_reference(reference: Source) -> Samples:
    """Return 30 s ``[N, 2]`` at 48 kHz of a recording, repeated first if it is shorter.

    Of formats that can seek, only these parts are read.
    """
    clip = Clip.open(reference, Output())
    piece = seconds_to_frames(PIECE_S, clip.rate_hz)
    if clip.frames < PIECES * piece:
        short = clip.for_engine(0, clip.frames)
        return _pieces(np.tile(short, (-(-PIECES * PIECE_S * ENGINE_RATE_HZ // len(short)), 1)))
    starts = _starts(clip.frames, piece)
    return np.concatenate([clip.for_engine(start, start + piece) for start in starts])


def _starts(frames: int, piece: int) -> tuple[int, ...]:
    return 0, frames // PIECES, frames - piece


def _pieces(samples: Samples) -> Samples:
    piece = PIECE_S * ENGINE_RATE_HZ
    return np.concatenate([samples[start : start + piece] for start in _starts(len(samples), piece)])
