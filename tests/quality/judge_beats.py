"""Finding beats and downbeats with the network of BeatNet 1.1.3 (Heydari, Cwitkowitz & Duan, ISMIR 2021), run from its weights.

The features are those of its authors, made here without madmom: magnitudes in 24 triangular bands to the octave, 50 frames a
second, and how much they rise from frame to frame. Its probabilities are decoded by a hidden Markov model over the place in
the beat (Krebs, Böck & Widmer, ISMIR 2015), and the meter and the first beat that suit them best are those of the excerpt.
Letters: T frames, B bands, S states.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

RATE_HZ, HOP, SIZE = 22_050, 441, 1411
FRAMES_HZ = RATE_HZ / HOP
_BANDS_PER_OCTAVE, _LOW_HZ, _HIGH_HZ, _REFERENCE_HZ = 24, 30.0, 17_000.0, 440.0
_BPM_RANGE = (50.0, 215.0)
_METERS = (3, 4)
#: How strongly a tempo is kept from beat to beat, and the part of a beat that its onset takes.
_TEMPO_STEADINESS, _ONSET_PART = 100.0, 16


@dataclass(frozen=True)
class Beats:
    """Times of beats and downbeats in seconds, and the number of beats in a bar."""

    beats_s: Floats
    downbeats_s: Floats
    meter: int


def bands() -> Floats:
    """Return the filters from the bins of the spectrum to bands, ``[SIZE // 2, B]``; each adds up to 1."""
    bin_hz = np.arange(SIZE // 2) * RATE_HZ / SIZE
    first, last = (np.log2(hz / _REFERENCE_HZ) * _BANDS_PER_OCTAVE for hz in (_LOW_HZ, _HIGH_HZ))
    centres_hz = _REFERENCE_HZ * 2 ** (np.arange(np.floor(first), np.ceil(last)) / _BANDS_PER_OCTAVE)
    centres_hz = centres_hz[(centres_hz >= _LOW_HZ) & (centres_hz <= _HIGH_HZ)]
    above = np.clip(np.searchsorted(bin_hz, centres_hz), 1, len(bin_hz) - 1)
    nearest = np.unique(above - (centres_hz - bin_hz[above - 1] < bin_hz[above] - centres_hz))
    filters = []
    for start, centre, stop in zip(nearest, nearest[1:], nearest[2:], strict=False):
        if stop - start < 2:
            centre, stop = start, start + 1
        shape = np.zeros(len(bin_hz))
        shape[start:centre] = np.linspace(0, 1, centre - start, endpoint=False)
        shape[centre:stop] = np.linspace(1, 0, stop - centre, endpoint=False)
        filters.append(shape / shape.sum())
    return np.array(filters).T


def features(samples: npt.NDArray[np.floating], rate_hz: int) -> Floats:
    """Return what the network reads of ``[N, C]`` or ``[N]`` samples, ``[T, 2B]``: log magnitudes and their rises."""
    import soxr

    mono = samples.astype(np.float64)
    mono = mono.mean(axis=1) if mono.ndim == 2 else mono
    mono = np.asarray(soxr.resample(mono, rate_hz, RATE_HZ)) if rate_hz != RATE_HZ else mono
    padded = np.pad(mono, (SIZE // 2, SIZE))
    spans = np.lib.stride_tricks.sliding_window_view(padded, SIZE)[::HOP][: -(-len(mono) // HOP)]
    magnitude = np.abs(np.fft.rfft(spans * np.hanning(SIZE), axis=1))[:, : SIZE // 2]
    level = np.log10(1 + magnitude @ bands())
    return np.hstack([level, np.maximum(0.0, np.diff(level, axis=0, prepend=level[:1]))])


def run_network(read: Floats, weights: dict[str, Any]) -> Floats:
    """Return the probabilities of a beat that is no downbeat, of a downbeat, and of neither, ``[T, 3]``."""
    import torch
    from torch.nn import LSTM
    from torch.nn.functional import conv1d, linear, max_pool1d, relu

    lstm = LSTM(weights["linear0.weight"].shape[0], weights["linear.weight"].shape[1], 2, batch_first=True)
    lstm.load_state_dict({k.removeprefix("lstm."): v for k, v in weights.items() if k.startswith("lstm.")})
    with torch.no_grad():
        x = torch.from_numpy(read.astype(np.float32))[:, None, :]
        x = max_pool1d(relu(conv1d(x, weights["conv1.weight"], weights["conv1.bias"])), 2).flatten(1)
        x = linear(x, weights["linear0.weight"], weights["linear0.bias"])
        x = linear(lstm(x[None])[0][0], weights["linear.weight"], weights["linear.bias"])
        return x.softmax(dim=1).numpy().astype(np.float64)


def decode(probabilities: Floats) -> Beats:
    """Return the beats and bars that suit ``[T, 3]`` probabilities best."""
    beat = np.clip(probabilities[:, :2].sum(axis=1), 1e-6, 1 - 1e-6)
    frames = _track_beats(beat)
    if len(frames) < 3:
        return Beats(frames / FRAMES_HZ, np.zeros(0), 0)
    near = np.stack([probabilities[np.clip(frames + d, 0, len(beat) - 1)] for d in (-1, 0, 1)]).max(axis=0)
    gain = np.log((near[:, 1] + 1e-3) / (near[:, 0] + 1e-3))
    # For each meter and first beat, what its downbeats gain over what its other beats do.
    scores = {(meter, first): gain[first::meter].sum() - np.delete(gain, np.s_[first::meter]).sum()
              for meter in _METERS for first in range(meter)}  # fmt: skip
    meter, first = max(scores, key=lambda key: scores[key])
    return Beats(frames / FRAMES_HZ, frames[first::meter] / FRAMES_HZ, meter)


def _track_beats(beat: Floats) -> npt.NDArray[np.int64]:
    """Return the frames of the beats on the best path through the states (length of beat, place in it)."""
    shortest, longest = (int(np.ceil(60 * FRAMES_HZ / bpm)) for bpm in reversed(_BPM_RANGE))
    lengths = np.arange(shortest, longest + 1)
    firsts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    lasts = firsts + lengths - 1
    states = int(lengths.sum())
    place = np.arange(states) - np.repeat(firsts, lengths)
    onset = place < np.maximum(1, np.repeat(lengths, lengths) / _ONSET_PART)
    changes = -_TEMPO_STEADINESS * np.abs(lengths[None, :] / lengths[:, None] - 1)
    changes -= np.log(np.exp(changes).sum(axis=1, keepdims=True))
    on, off = np.log(beat), np.log((1 - beat) / (_ONSET_PART - 1))
    best = np.where(onset, on[0], off[0]) - np.log(states)
    came_from = np.zeros((len(beat), len(lengths)), np.int64)
    for t in range(1, len(beat)):
        paths = best[lasts][:, None] + changes
        came_from[t] = paths.argmax(axis=0)
        moved = np.empty(states)
        moved[1:] = best[:-1]
        moved[firsts] = paths.max(axis=0)
        best = moved + np.where(onset, on[t], off[t])
    state, found = int(np.argmax(best)), []
    for t in range(len(beat) - 1, 0, -1):
        if place[state] == 0:
            found.append(t)
            length = int(np.searchsorted(firsts, state))
            state = int(lasts[came_from[t, length]])
        else:
            state -= 1
    frames = np.array(found[::-1], dtype=np.int64)
    # The state begins a beat where it must; the network's peak within the onset's part says where it is.
    reach = 2
    return np.array(
        [max(range(max(0, f - 1), min(len(beat), f + reach + 1)), key=lambda k: beat[k]) for f in frames], np.int64
    )


@lru_cache(maxsize=2)
def read_weights(folder: Path, model: int = 1) -> dict[str, Any]:
    """Return the weights of a BeatNet that lies in a folder; models 1, 2 and 3 left out GTZAN, Ballroom and Rock Corpus."""
    import torch

    path = folder / "BeatNet" / "models" / f"model_{model}_weights.pt"
    return dict(torch.load(path, map_location="cpu", weights_only=True))
