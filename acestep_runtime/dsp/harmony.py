"""Pitch classes, key and chords. Beats are passed in as times.

Letters: T frames at `FRAME_HZ`, U units of time (beats), 12 pitch classes from C.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from acestep_runtime.dsp.memoize import memoize_by_audio
from acestep_runtime.dsp.musical import CHORD_TONES, Chord
from acestep_runtime.dsp.onsets import RATE_HZ, Floats
from acestep_runtime.values import Key

HOP = 1024
FRAME_HZ = RATE_HZ / HOP
DEFAULT_KEY = Key(0, "major")

_FFT = 8192
_TOP_HZ = 2100.0
_LOW_MIDI, _HIGH_MIDI = 28, 96
_BASS_TOP_MIDI = 50
_FLOOR_DB = -55.0
#: Noise peaks seldom exceed this many times the local median.
_NOISE_PEAK = 3.0

#: Krumhansl and Kessler (1982): how well each pitch class fits a key, from its tonic up.
_PROFILES = {
    "major": (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    "minor": (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
}
_SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}
#: Strength of a note's first five harmonics in a chord template (Papadopoulos & Peeters 2007), as pitch class offsets.
_HARMONICS = ((0, 1.0), (0, 0.5), (7, 0.3), (0, 0.15), (4, 0.1))
#: Chord qualities and the handicap of each. Sevenths are not distinguished from triads with passing notes.
_QUALITIES = {"": 0.0, "m": 0.0, "sus4": 0.10, "dim": 0.08}
_OUT_OF_KEY = 0.06
_BASS_WEIGHT = 0.25
#: Minimum likeness of a chord.
_NO_CHORD = 0.55
#: Cost of a chord change on a downbeat, in the middle of a bar, and elsewhere.
_CHANGE_COSTS = (0.05, 0.12, 0.35)
#: Bonus on a key's correlation for a tonic chord at the beginning, and at the end.
_TONIC_ENDS = (0.06, 0.04)
#: Relative spread of the pitch classes of unpitched noise, and of clear music.
_FLAT, _CLEAR = 0.15, 0.45
#: Closeness to a tuning of what has none (speech has 0.15 at most), and of music (songs have 0.66 or more).
_IN_TUNE = (0.15, 0.35)
#: Harmonic motion of music (songs have 0.17 or more, held sounds 0.02 at most), and the share of the confidence that a held
#: sound keeps: its overtones alone make a triad.
_MOVING, _STANDING = 0.1, 0.05
#: Lead of a key over the next that leaves no doubt, and the share of the confidence that stays without any, between relatives.
_CLEAR_MARGIN, _LEAST_SHARE = 0.1, 0.2
#: Tonal share without harmony (white noise has 0.00005), and with certain harmony (songs have 0.15).
_TONAL = (0.005, 0.03)


@dataclass(frozen=True)
class Pitches:
    """Salience of the twelve pitch classes ``[T, 12]``: of all notes, of bass notes; and the pitched ``level`` ``[T]``.

    ``tonal`` is the share of the magnitude below 2.1 kHz that lies in steady spectral peaks, 0 to 1. ``in_tune`` is how closely
    all peaks keep to semitones of one tuning: 1 where they all do, 0 where they lie anywhere between. ``tuning`` is how far
    this tuning is above 440 Hz, in semitones, −0.5 to 0.5: the classes are those of the semitones of the tuning.
    """

    full: Floats
    bass: Floats
    level: Floats
    tonal: float
    in_tune: float = 1.0
    tuning: float = 0.0


@memoize_by_audio(4)
def pitch_classes(mono: npt.NDArray[np.float32]) -> Pitches:
    """Fold the spectral peaks of ``[N]`` samples at `RATE_HZ` onto pitch classes (HPCP, after Gómez 2006).

    Peaks are interpolated, so a single bass note is placed well although its semitones share a bin; the broad floor that
    drums leave is subtracted first; the tuning is estimated from all peaks and taken out.
    """
    from scipy.fft import rfft  # a third of numpy's time on batches of float32
    from scipy.ndimage import median_filter

    centred = np.pad(mono, _FFT // 2)
    frames = np.lib.stride_tricks.sliding_window_view(centred, _FFT)[::HOP]
    window = np.hanning(_FFT + 1)[:-1].astype(np.float32)
    bins = int(_TOP_HZ / RATE_HZ * _FFT)
    size = _HIGH_MIDI - _LOW_MIDI + 1
    rows, midi, strength, total = [], [], [], 0.0
    for start in range(0, len(frames), 512):
        x = np.abs(rfft(frames[start : start + 512] * window)[:, :bins])
        total += float(x.sum())
        floor = median_filter(x.ravel(), size=41, mode="nearest").reshape(x.shape)
        x = np.maximum(0.0, x - _NOISE_PEAK * floor)
        t, f = np.nonzero((x[:, 1:-1] > x[:, :-2]) & (x[:, 1:-1] >= x[:, 2:]))
        f += 1
        a, b, c = (np.log(x[t, f + k] + 1e-9) for k in (-1, 0, 1))
        exact = f + np.clip(0.5 * (a - c) / np.minimum(a - 2 * b + c, -1e-9), -0.5, 0.5)
        rows.append(t + start)
        midi.append(69 + 12 * np.log2(np.maximum(exact, 0.5) * RATE_HZ / _FFT / 440))
        strength.append(x[t, f])
    row, pitch, amount = np.concatenate(rows), np.concatenate(midi), np.concatenate(strength).astype(np.float64)
    mean_turn = np.sum(amount * np.exp(2j * np.pi * pitch))
    in_tune = float(np.abs(mean_turn)) / max(1e-9, float(amount.sum()))
    tuning = float(np.angle(mean_turn)) / (2 * np.pi)
    pitch = pitch - tuning
    note = np.rint(pitch).astype(int)
    amount = np.sqrt(amount) * np.exp(-0.5 * ((pitch - note) / 0.2) ** 2)
    keep = (note >= _LOW_MIDI) & (note <= _HIGH_MIDI)
    grid = np.zeros((len(frames), size))
    np.add.at(grid, (row[keep], note[keep] - _LOW_MIDI), amount[keep])
    # A median over half a second would smear changes; over 0.23 s it removes the pitches of drums.
    steady = median_filter(grid, size=(5, 1), mode="nearest")
    tonal = float((steady**2).sum()) / max(1e-9, total)
    classes = (np.arange(size) + _LOW_MIDI) % 12
    fold = np.eye(12)[classes]
    low = np.arange(size) + _LOW_MIDI <= _BASS_TOP_MIDI
    return Pitches(steady @ fold, steady[:, low] @ fold[low], steady.sum(axis=1), tonal, in_tune, tuning)


def mean_per_unit(curve: Floats, bounds_s: Floats) -> Floats:
    """Average ``[T, 12]`` (or ``[T]``) within each span between ``bounds_s`` (U + 1 of them); returns ``[U, 12]``."""
    edges = np.clip(np.rint(bounds_s * FRAME_HZ).astype(int), 0, len(curve))
    total = np.concatenate([np.zeros_like(curve[:1]), np.cumsum(curve, axis=0)])
    count = np.maximum(1, np.diff(edges))
    sums = total[edges[1:]] - total[edges[:-1]]
    return np.asarray(sums / (count[:, None] if curve.ndim == 2 else count))


def find_key(pitches: Pitches, chords: Sequence[Chord] = ()) -> tuple[Key, float]:
    """Return the key whose Krumhansl–Kessler profile correlates best, and how sure that is (0 to 1).

    Correlates the measured pitch classes and the notes of the ``chords`` (which lack the measured overtones), half each.
    A key on whose tonic chord the music begins or ends is preferred to its relatives.
    """
    sounding = pitches.full[pitches.level > 0.1 * max(1e-9, float(np.quantile(pitches.level, 0.95)))]
    if not len(sounding):
        return DEFAULT_KEY, 0.0
    # Each frame counts alike, so that a loud chorus does not outvote the rest.
    mean = (sounding / sounding.sum(axis=1, keepdims=True)).mean(axis=0)
    contrast = float(mean.std() / mean.mean())
    variety = float(np.exp(-np.sum(mean * np.log(mean + 1e-12))))
    clarity = float(np.clip((contrast - _FLAT) / (_CLEAR - _FLAT), 0.0, 1.0) * np.clip(variety - 2.0, 0.0, 1.0))
    for value, (least, enough) in ((pitches.tonal, _TONAL), (pitches.in_tune, _IN_TUNE)):
        clarity *= float(np.clip((value - least) / (enough - least), 0.0, 1.0))
    if clarity <= 0.0:
        return DEFAULT_KEY, 0.0
    clarity *= float(np.clip(_harmonic_motion(sounding) / _MOVING, _STANDING, 1.0))
    notes = np.zeros(12)
    for chord in chords:
        for tone in CHORD_TONES[chord.quality]:
            notes[(chord.root + tone) % 12] += (chord.end_s - chord.start_s) * (1.5 if tone == 0 else 1.0)
    keys = [Key(tonic, mode) for mode in _PROFILES for tonic in range(12)]
    fits = np.array([_key_fit(mean, notes, key) + _tonic_bonus(key, chords) for key in keys])
    order = np.argsort(-fits, kind="stable")
    margin = float(fits[order[0]] - fits[order[1]])
    return keys[order[0]], clarity * float(np.clip(fits[order[0]], 0, 1)) * float(
        np.clip(margin / _CLEAR_MARGIN, _LEAST_SHARE, 1)
    )


def key_of_classes(weights: Floats) -> Key:
    """Return the key that pitch classes ``[12]``, by how long they sound, fit best; C major where nothing sounds."""
    if not weights.any() or float(weights.std()) == 0:
        return DEFAULT_KEY
    keys = [Key(tonic, mode) for mode in _PROFILES for tonic in range(12)]
    return max(keys, key=lambda key: float(np.corrcoef(weights, np.roll(_PROFILES[key.mode], key.tonic))[0, 1]))


def _harmonic_motion(frames: Floats) -> float:
    """Return how far pitch classes ``[T, 12]`` lie from their mean direction: 0 for one held sound, 1 at most."""
    units = frames / np.maximum(1e-9, np.linalg.norm(frames, axis=1, keepdims=True))
    return 1.0 - float(np.linalg.norm(units.mean(axis=0)))


def _key_fit(mean: Floats, notes: Floats, key: Key) -> float:
    profile = np.roll(_PROFILES[key.mode], key.tonic)
    fits = [float(np.corrcoef(classes, profile)[0, 1]) for classes in (mean, notes) if classes.std() > 0]
    return sum(fits) / len(fits)


def _tonic_bonus(key: Key, chords: Sequence[Chord]) -> float:
    tonic = (key.tonic, "m" if key.mode == "minor" else "")
    ends = zip(_TONIC_ENDS, (*chords[:1], *chords[-1:]), strict=False)
    return sum(bonus for bonus, chord in ends if (chord.root, chord.quality) == tonic)


def _chord_templates() -> tuple[list[tuple[int, str]], Floats]:
    names = [(root, quality) for quality in _QUALITIES for root in range(12)]
    rows = np.zeros((len(names), 12))
    for row, (root, quality) in zip(rows, names, strict=True):
        for tone in CHORD_TONES[quality]:
            for offset, gain in _HARMONICS:
                row[(root + tone + offset) % 12] += gain
    rows -= rows.mean(axis=1, keepdims=True)
    return names, rows / np.linalg.norm(rows, axis=1, keepdims=True)


def chord_likeness(full: Floats, bass: Floats, key: Key | None) -> tuple[list[tuple[int, str]], Floats]:
    """Return the candidate chords and the likeness ``[U, chords]`` of each unit's pitch classes to them.

    Likeness is the correlation with the template, raised where the root is in the bass, lowered for rare qualities and
    for chords with notes outside ``key``.
    """
    names, templates = _chord_templates()
    centred = full - full.mean(axis=1, keepdims=True)
    centred /= np.maximum(1e-9, np.linalg.norm(centred, axis=1, keepdims=True))
    low = bass / np.maximum(1e-9, bass.max(axis=1, keepdims=True))
    scale = {(key.tonic + step) % 12 for step in _SCALES[key.mode]} if key else set(range(12))
    handicap = np.array(
        [
            _QUALITIES[q] + _OUT_OF_KEY * sum((root + tone) % 12 not in scale for tone in CHORD_TONES[q])
            for root, q in names
        ]
    )
    roots = np.array([root for root, _ in names])
    return names, centred @ templates.T + _BASS_WEIGHT * low[:, roots] - handicap


def find_chords(
    pitches: Pitches, bounds_s: Floats, key: Key | None, bar_positions: Sequence[int], beats_per_bar: int
) -> tuple[Chord, ...]:
    """Return one chord per run of equal units between ``bounds_s``; units without a clear chord are left out.

    The best path weighs likeness against the cost of changing (Viterbi), which depends on ``bar_positions`` ``[U]``:
    chords change on downbeats rather than elsewhere.
    """
    full, bass = mean_per_unit(pitches.full, bounds_s), mean_per_unit(pitches.bass, bounds_s)
    level = mean_per_unit(pitches.level, bounds_s)
    if not len(full) or pitches.tonal < _TONAL[0]:
        return ()
    names, likeness = chord_likeness(full, bass, key)
    silent = level <= max(1e-9, float(level.max()) * 10 ** (_FLOOR_DB / 40))
    likeness = np.column_stack([likeness, np.full(len(full), _NO_CHORD)])
    likeness[silent, :-1] = -1.0
    middle = beats_per_bar // 2 if beats_per_bar % 2 == 0 else -1
    kinds = [0 if p == 0 else 1 if p == middle else 2 for p in bar_positions]
    path = best_path(likeness, np.array([_CHANGE_COSTS[k] for k in kinds]))
    chords: list[Chord] = []
    for unit, state in enumerate(path):
        if state == len(names):
            continue
        root, quality = names[state]
        start_s, end_s = float(bounds_s[unit]), float(bounds_s[unit + 1])
        last = chords[-1] if chords else None
        if last and (last.root, last.quality) == (root, quality) and last.end_s == start_s:
            chords[-1] = Chord(last.start_s, end_s, root, quality)
        else:
            chords.append(Chord(start_s, end_s, root, quality))
    return tuple(chords)


def best_path(score: Floats, change_cost: Floats) -> list[int]:
    """Return the states ``[U]`` with the greatest sum of ``score`` ``[U, S]`` minus ``change_cost`` ``[U]`` per change."""
    total, back = score[0].copy(), np.zeros(score.shape, int)
    for unit in range(1, len(score)):
        best = int(total.argmax())
        stay = total >= total[best] - change_cost[unit]
        back[unit] = np.where(stay, np.arange(score.shape[1]), best)
        total = np.where(stay, total, total[best] - change_cost[unit]) + score[unit]
    path = [int(total.argmax())]
    for unit in range(len(score) - 1, 0, -1):
        path.append(int(back[unit, path[-1]]))
    return path[::-1]
