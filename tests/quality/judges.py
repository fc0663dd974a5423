"""What judges audio in the quality measurements: chords, beats, onsets, notes. None shares code with acestep_runtime.

Chords and beats are recognised by published networks, from weights that `make quality` puts into build/; `missing` says where
they are absent. How well the judges do on songs whose truth is known is a table of docs/QUALITY.md, and stands before all
that they judge.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt

from . import judge_beats, judge_chords, metrics
from .corpus import Excerpt, Note
from .harmony import Chord
from .judge_beats import Beats
from .judge_chords import ChordSpan, triads_by_beat
from .sounds import RATE_HZ

__all__ = ["Beats", "ChordSpan", "chord_agreement", "detect_beats", "detect_onsets", "drum_f1", "missing", "note_f1",
           "recognise_chords", "triads_by_beat"]  # fmt: skip

Samples = npt.NDArray[np.floating]
#: Where `make quality` puts crema and BeatNet, which need older packages than AceBridge: only their weights are read.
PACKAGES = Path(os.environ.get("ACEBRIDGE_JUDGES", Path(__file__).parents[2] / "build" / "quality" / "packages"))
#: Kick, snare and rim, hi-hats, toms, cymbals: what counts as the same drum, by General MIDI pitch.
_DRUMS = {"kick": (35, 36), "snare": (37, 38, 39, 40), "hat": (42, 44, 46), "tom": (41, 43, 45, 47, 48, 50),
          "cymbal": (49, 51, 52, 53, 55, 57, 59)}  # fmt: skip
#: The network of BeatNet that is asked. All were trained on other music than the corpus.
_BEATNET_MODEL = 1


def missing() -> str:
    """Return in words what the judges of chords and beats lack here; "" for nothing."""
    absent = [name for name, place in (("crema", "crema"), ("BeatNet", "BeatNet")) if not (PACKAGES / place).is_dir()]
    absent += [name for name in ("h5py", "torch") if find_spec(name) is None]
    return f"{' and '.join(absent)} not installed" if absent else ""


def recognise_chords(samples: Samples, rate_hz: int) -> list[ChordSpan]:
    """Return the chords of ``[N, C]`` samples, from the first to the last frame of 93 ms; "N" where there is none."""
    weights = judge_chords.weights_file(PACKAGES)
    return judge_chords.join_frames(
        judge_chords.decode(judge_chords.run_network(judge_chords.features(samples, rate_hz), weights))
    )


#: An excerpt with fewer clear beats than this says nothing about chords.
LEAST_CLEAR_BEATS = 8


def chord_agreement(spans: Sequence[ChordSpan], beats_s: npt.NDArray[np.float64], truth: Sequence[Chord]) -> float:
    """Return the share of beats with the true triad, of those that have a clear one; nan where too few have."""
    found = triads_by_beat(spans, beats_s)
    right = [one == true for one, true in zip(found, truth, strict=True) if true is not None]
    return float(np.mean(right)) if len(right) >= LEAST_CLEAR_BEATS else float("nan")


def detect_beats(samples: Samples, rate_hz: int) -> Beats:
    """Return beats and downbeats of ``[N, C]`` samples."""
    weights = judge_beats.read_weights(PACKAGES, _BEATNET_MODEL)
    return judge_beats.decode(judge_beats.run_network(judge_beats.features(samples, rate_hz), weights))


def detect_onsets(samples: Samples, rate_hz: int) -> npt.NDArray[np.float64]:
    """Return the onsets of ``[N, C]`` samples in seconds, where the spectrum rises (spectral flux, Dixon 2006)."""
    import soxr

    return metrics.onsets_s(samples if rate_hz == RATE_HZ else soxr.resample(samples, rate_hz, RATE_HZ))


def note_f1(found: Sequence[Note], true: Sequence[Note], window_s: float = 0.05) -> float:
    """Return the F-measure of notes matched one to one by pitch and onset within ±50 ms (MIREX; Raffel et al. 2014).

    As many pairs as can be are matched. 0 where one side has no notes and the other has; 1 where neither has.
    """
    if not found and not true:
        return 1.0
    one, other = (_starts_by_pitch(notes) for notes in (found, true))
    hits = sum(_count_matches(starts_s, other.get(pitch, []), window_s) for pitch, starts_s in one.items())
    return 2 * hits / (len(found) + len(true))


def _starts_by_pitch(notes: Sequence[Note]) -> dict[int, list[float]]:
    starts: dict[int, list[float]] = {}
    for note in notes:
        starts.setdefault(note.pitch, []).append(note.start_s)
    return starts


def drum_f1(found: Sequence[Note], true: Sequence[Note], window_s: float = 0.05) -> dict[str, float]:
    """Return the F-measure of strokes by kind of drum, and of all kinds together as "all"; kinds nobody plays are left out."""
    scores, hits, strokes = {}, 0, 0
    for drum, pitches in _DRUMS.items():
        one, other = ([n.start_s for n in notes if n.pitch in pitches] for notes in (found, true))
        if one or other:
            matched = _count_matches(one, other, window_s)
            scores[drum] = 2 * matched / (len(one) + len(other))
            hits, strokes = hits + matched, strokes + len(one) + len(other)
    return {**scores, "all": 2 * hits / strokes if strokes else 1.0}


def onset_f1(found_s: Sequence[float], true_s: Sequence[float], window_s: float = 0.05) -> float:
    """Return the F-measure of times matched one to one within a window; 1 where both are empty."""
    total = len(found_s) + len(true_s)
    return 2 * _count_matches(found_s, true_s, window_s) / total if total else 1.0


def _count_matches(found_s: Sequence[float], true_s: Sequence[float], window_s: float) -> int:
    """Return how many pairs of times within a window there can be: on a line, the earliest free one is always a best choice."""
    hits, k = 0, 0
    ordered = sorted(true_s)
    for time_s in sorted(found_s):
        while k < len(ordered) and ordered[k] < time_s - window_s - 1e-9:
            k += 1
        if k < len(ordered) and ordered[k] <= time_s + window_s + 1e-9:
            hits, k = hits + 1, k + 1
    return hits


def share_of_truth(excerpt: Excerpt) -> float:
    """Return the share of an excerpt's beats that have a clear triad."""
    return float(np.mean([chord is not None for chord in excerpt.chords]))
