"""Aligning lyric tokens with audio from a model's attention, and scoring the alignment.

maps ─► consensus ─► path ─► first and last frame of each token ─► lines, words and sections
                energy ─► path ─► coverage, monotonicity, confidence ─► score

Source: the public ACE-Step 1.5 code. Letters: L tokens, P frames.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from acestep_runtime.lyrics.consensus import Floats, find_consensus
from acestep_runtime.lyrics.dtw import cheapest_path
from acestep_runtime.lyrics.timed import Timing
from acestep_runtime.lyrics.token_times import TokenTimes, lyric_mask, timing_from_tokens

#: Minimum peak energy of a covered token; energy below the second counts as none.
_COVERAGE_ENERGY, _MIN_ENERGY = 0.1, 0.01
#: Frames by which a token's centre may precede that of the token before it.
_OVERLAP_FRAMES = 9.0


@dataclass(frozen=True)
class Agreement:
    """How well the words fit the audio, each 0 to 1.

    ``coverage`` is the share of tokens with enough attention, ``monotonicity`` the share that follows the token
    before, ``confidence`` the mean energy on the path; ``score`` is coverage² · monotonicity² · confidence.
    """

    coverage: float
    monotonicity: float
    confidence: float

    @property
    def score(self) -> float:
        """The combined score."""
        return float(np.clip(self.coverage**2 * self.monotonicity**2 * self.confidence, 0.0, 1.0))


@dataclass(frozen=True)
class LyricAlignment:
    """Lines, words and sections with their times, and the agreement: ``None`` without words."""

    timing: Timing
    agreement: Agreement | None


def align_by_attention(
    maps: Iterable[Floats], pieces: Sequence[bytes], maps_s: float, duration_s: float
) -> LyricAlignment:
    """Return the times of the words.

    ``maps`` ``[L, P]`` hold the attention of each head to the tokens, whose UTF-8 bytes are ``pieces``; they last
    ``maps_s`` seconds, the song at most as long, ``duration_s``. Raises `EngineFailure` for maps that are not finite.
    """
    head_consensus = find_consensus(maps)
    if not head_consensus.evidence.size:
        return LyricAlignment(Timing((), ()), None)
    times = _token_times(head_consensus.evidence, maps_s).until(duration_s)
    is_lyric = lyric_mask(pieces)
    return LyricAlignment(
        timing_from_tokens(pieces, times, duration_s),
        agreement(head_consensus.energy, is_lyric) if is_lyric.any() else None,
    )


def _token_times(evidence: Floats, maps_s: float) -> TokenTimes:
    """Return the times of each token: the first and the last frame of its part of the path."""
    tokens, frames = cheapest_path(-evidence)
    first = np.searchsorted(tokens, np.arange(len(evidence)), "left")
    last = np.searchsorted(tokens, np.arange(len(evidence)), "right") - 1
    frame_s = maps_s / evidence.shape[1]
    return TokenTimes(frames[first] * frame_s, frames[last] * frame_s, frame_s)


def agreement(energy: Floats, is_lyric: npt.NDArray[np.bool_]) -> Agreement:
    """Return the agreement by the ``energy`` ``[L, P]`` of tokens; only ``is_lyric`` ``[L]`` tokens need coverage."""
    peaks = energy.max(axis=1)
    audible = np.where(energy > _MIN_ENERGY, energy, np.float32(0)).astype(np.float64)
    weight = audible.sum(axis=1)
    audible_tokens = is_lyric & (weight > 1e-9)
    centres = (audible[audible_tokens] @ np.arange(energy.shape[1])) / weight[audible_tokens]
    follows = np.diff(centres) >= -_OVERLAP_FRAMES
    tokens, frames = cheapest_path(-np.square(energy))
    return Agreement(
        coverage=float((peaks[is_lyric] > _COVERAGE_ENERGY).mean()) if is_lyric.any() else 1.0,
        monotonicity=float(follows.mean()) if len(follows) else 1.0,
        confidence=float(energy[tokens, frames].mean(dtype=np.float64)),
    )
