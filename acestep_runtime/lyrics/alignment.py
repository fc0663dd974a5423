"""When words are sung, by how a model attends to them, and how well they are.

maps ─► consensus ─► path ─► first and last frame of each token ─► lines, words and sections
                energy ─► path ─► coverage, monotonicity, confidence ─► score

Source: the public ACE-Step 1.5 code. Letters: L tokens, P frames.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from acestep_runtime.lyrics.consensus import Floats, consensus
from acestep_runtime.lyrics.dtw import path
from acestep_runtime.lyrics.timed import Timing
from acestep_runtime.lyrics.token_times import TokenTimes, is_sung, timing_of_tokens

#: A token is covered when its energy comes above this somewhere; energy below the other is no place to be at.
_COVERED, _AUDIBLE = 0.1, 0.01
#: A token may be centred so many frames before the one before it.
_OVERLAP_FRAMES = 9.0


@dataclass(frozen=True)
class Agreement:
    """How well words are sung, each 0 to 1.

    ``coverage`` is the share of tokens that are attended to at all, ``monotonicity`` that of those which follow the one
    before, ``confidence`` the mean energy on the path; ``score`` is coverage² · monotonicity² · confidence.
    """

    coverage: float
    monotonicity: float
    confidence: float

    @property
    def score(self) -> float:
        """All in one."""
        return float(np.clip(self.coverage**2 * self.monotonicity**2 * self.confidence, 0.0, 1.0))


@dataclass(frozen=True)
class Aligned:
    """Lines, words and sections with their times, and how well they are sung: ``None`` where there is no word."""

    timing: Timing
    agreement: Agreement | None


def aligned(maps: Iterable[Floats], pieces: Sequence[bytes], maps_s: float, duration_s: float) -> Aligned:
    """Return when the words are sung.

    ``maps`` ``[L, P]`` tell how heads attend to the tokens of the words, of which ``pieces`` are the UTF-8 bytes; they last
    ``maps_s`` seconds, the song ``duration_s``, at most as long. Raises `EngineFailure` for maps that hold no numbers.
    """
    found = consensus(maps)
    if not found.agreed.size:
        return Aligned(Timing((), ()), None)
    times = _times(found.agreed, maps_s).until(duration_s)
    sung = is_sung(pieces)
    return Aligned(timing_of_tokens(pieces, times, duration_s), agreement(found.energy, sung) if sung.any() else None)


def _times(agreed: Floats, maps_s: float) -> TokenTimes:
    """Return when each token begins and ends: at the first and the last frame of its part of the path."""
    tokens, frames = path(-agreed)
    first = np.searchsorted(tokens, np.arange(len(agreed)), "left")
    last = np.searchsorted(tokens, np.arange(len(agreed)), "right") - 1
    frame_s = maps_s / agreed.shape[1]
    return TokenTimes(frames[first] * frame_s, frames[last] * frame_s, frame_s)


def agreement(energy: Floats, sung: npt.NDArray[np.bool_]) -> Agreement:
    """Return how well tokens are sung by their ``energy`` ``[L, P]``; only those ``sung`` ``[L]`` have to be covered."""
    peaks = energy.max(axis=1)
    audible = np.where(energy > _AUDIBLE, energy, np.float32(0)).astype(np.float64)
    weight = audible.sum(axis=1)
    placed = sung & (weight > 1e-9)
    centres = (audible[placed] @ np.arange(energy.shape[1])) / weight[placed]
    follows = np.diff(centres) >= -_OVERLAP_FRAMES
    tokens, frames = path(-np.square(energy))
    return Agreement(
        coverage=float((peaks[sung] > _COVERED).mean()) if sung.any() else 1.0,
        monotonicity=float(follows.mean()) if len(follows) else 1.0,
        confidence=float(energy[tokens, frames].mean(dtype=np.float64)),
    )
