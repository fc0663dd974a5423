"""Transcription: the main melody, and the strokes of low, middle and high sounds.

Chords and beats are in `analysis`. Everything is measured on a mono mix at 22.05 kHz (`audio.mono`).

Letters: K frames of `HOP` samples, F bins, P semitones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from acestep_runtime.audio.convert import resample
from acestep_runtime.audio.mono import mix_for_analysis
from acestep_runtime.audio.samples import Samples
from acestep_runtime.dsp.melody import Plane, pitch_salience, trace_back
from acestep_runtime.dsp.memoize import memoize_by_audio
from acestep_runtime.dsp.musical import Analysis, Grid
from acestep_runtime.dsp.onsets import RATE_HZ
from acestep_runtime.dsp.progressions import SCALES

HOP = 256
FRAME_S = HOP / RATE_HZ
#: Range of the melody: G2 to F6.
LOW_MIDI, HIGH_MIDI = 43, 89
#: Minimum length of a note.
SHORTEST_S = 0.08
#: Strokes are quantised to sixteenths: this many to a beat.
PARTS = 4
#: Bounds in Hz of what counts as low (kick, bass), middle (snare, chords) and high (cymbals).
BANDS = {"low": (25.0, 150.0), "mid": (150.0, 2500.0), "high": (5000.0, 11_000.0)}

_WINDOW, _FFT = 2048, 4096
_BIN_HZ = RATE_HZ / _FFT
_TOP_BIN = int(5500 / _BIN_HZ)
_CHUNK = 1024
_SUSTAIN_FRAMES = 7
#: Candidates per semitone; the middle one of a semitone is on pitch.
_PER_SEMITONE = 3
#: Cost of a change of note, or to or from silence, in units of the salience of a clear note.
_CHANGE_COST = 0.9
#: Minimum salience of a note, relative to a clear one.
_REST = 0.30
#: Rise of a note's level over 46 ms, relative to its maximum, that counts as a new attack.
_RESTRIKE = 0.3
#: Minimum share of sustained sound in clear notes: white noise has 0.13, drums 0.19, songs 0.4 or more.
_NOISY = 0.28
#: Salience that counts as silence.
_FAINTEST = 1e-4
#: Weight loss of pitches far from the melody's middle, per octave beyond one and a half.
_FAR_PITCH_LOSS = 0.35
#: Weight loss of pitches outside a certain key.
_OUT_OF_KEY = 0.1
#: Weight of the octave's excess salience that is subtracted from a pitch.
_OCTAVE_SUPPRESSION = np.float32(2.0)
#: Rise of a band's level, relative to its usual peak, that counts as a stroke.
_STROKE = 0.3

#: Share of the power on the melody's harmonics from which on it plays alone.
SOLO_SHARE = 0.8
#: Maximum number of places measured.
_MAX_PLACES = 400

MelodyNote = tuple[float, float, int, float]


@memoize_by_audio(4)
def transcribe_melody(source: Samples, rate_hz: int, analysis: Analysis) -> tuple[MelodyNote, ...]:
    """Return the main melody of ``source`` ``[N, 1 or 2]`` as (start_s, length_s, MIDI pitch, strength 0 to 1), in order.

    One note at a time, none shorter than 80 ms. Salience is a sum over harmonics (Klapuri 2006; Salamon and Gómez 2012),
    the notes are the best path with a cost for every change (Ryynänen and Klapuri 2008). Empty without a melody:
    silence, noise, drums alone.
    """
    salience, body, lasting = tone_salience(source, rate_hz)
    clear = _clear_note_salience(salience, lasting)
    if clear <= 0:
        return ()
    scaled = np.minimum(salience / np.float32(clear), np.float32(1.5))
    scaled = scaled * _register_weights(scaled) * _key_weights(analysis)
    path = _best_path(scaled)
    notes = []
    for start, stop, pitch in _note_runs(path, body):
        if (stop - start) * FRAME_S < SHORTEST_S:
            continue
        strength = float(np.clip(np.mean(scaled[start:stop, pitch]), 0.0, 1.0))
        notes.append((start * FRAME_S, (stop - start) * FRAME_S, LOW_MIDI + pitch, strength))
    return tuple(notes)


@memoize_by_audio(1)
def tone_salience(source: Samples, rate_hz: int) -> tuple[Plane, Plane, Plane]:
    """Return the inputs of `transcribe_melody` that do not depend on the key, cached for its next call.

    Can run in parallel with the analysis of beat and key.
    """
    return _semitone_salience(_mono(source, rate_hz))


def _mono(source: Samples, rate_hz: int) -> npt.NDArray[np.float32]:
    clean = np.nan_to_num(source.astype(np.float32, copy=False), posinf=0.0, neginf=0.0)
    return mix_for_analysis(resample(clean, rate_hz, RATE_HZ), RATE_HZ)[:, 0]


def _frames(mono: npt.NDArray[np.float32], size: int) -> npt.NDArray[np.float32]:
    if len(mono) < HOP:
        return np.zeros((0, size), np.float32)
    return np.lib.stride_tricks.sliding_window_view(np.pad(mono, size // 2), size)[:-1:HOP]


def _semitone_salience(mono: npt.NDArray[np.float32]) -> tuple[Plane, Plane, Plane]:
    """Return the salience of every semitone ``[K, P]``, the level of its first three harmonics ``[K, P]``, and the share
    of sustained sound ``[K]``."""
    frames = _frames(mono, _WINDOW)
    count = HIGH_MIDI - LOW_MIDI + 1
    steps = np.arange(count * _PER_SEMITONE)
    fine = 440.0 * 2 ** ((LOW_MIDI + (steps - _PER_SEMITONE // 2) / _PER_SEMITONE - 69) / 12)
    near = _harmonic_bands(count)
    salience, body = np.zeros((len(frames), count), np.float32), np.zeros((len(frames), count), np.float32)
    share = np.zeros(len(frames), np.float32)
    for start in range(0, len(frames), _CHUNK):
        first, stop = max(0, start - _SUSTAIN_FRAMES), min(len(frames), start + _CHUNK)
        level = _levels(frames[first : min(len(frames), stop + _SUSTAIN_FRAMES)])
        peaks = _peaks(level)
        lasting = _sustain_level(peaks)
        own = slice(start - first, stop - first)
        candidate_salience = _suppress_octaves(pitch_salience(lasting[own], fine, _BIN_HZ))
        salience[start:stop] = candidate_salience.reshape(len(candidate_salience), -1, _PER_SEMITONE).max(axis=2)
        body[start:stop] = np.sqrt(peaks[own] ** 2 @ near)
        share[start:stop] = lasting[own].sum(axis=1) / np.maximum(level[own].sum(axis=1), np.float32(1e-9))
    return salience, body, share


def _suppress_octaves(salience: Plane) -> Plane:
    """Return the salience of candidates ``[K, P * 3]``, lowered by twice the excess of their octave.

    Every tone gives most of its salience to the pitch an octave below, whose even harmonics are the tone's; a pitch that
    really sounds has odd harmonics too, which count against its octave.
    """
    octave = 12 * _PER_SEMITONE
    above = np.pad(salience[:, octave:], ((0, 0), (0, octave)))
    return np.asarray(np.maximum(salience - _OCTAVE_SUPPRESSION * np.maximum(above - salience, 0), 0), np.float32)


def _levels(frames: npt.NDArray[np.float32]) -> Plane:
    """Return the level of ``[K, window]`` samples, ``[K, F]``."""
    from scipy.fft import rfft  # faster than numpy's on batches of float32

    window = np.hanning(_WINDOW + 1)[:-1].astype(np.float32)
    return np.asarray(np.abs(rfft(frames * window, _FFT)[:, :_TOP_BIN]), np.float32)


def _peaks(level: Plane) -> Plane:
    """Return the level of spectral peaks above the broad floor of noise and drums."""
    from scipy.ndimage import uniform_filter1d

    floor = uniform_filter1d(level, 61, axis=1, mode="nearest")
    return np.asarray(np.maximum(level - floor, np.float32(0)))


def _sustain_level(levels: Plane) -> Plane:
    """Return the level sustained for 80 ms: a running median removes strokes."""
    from scipy.ndimage import median_filter

    by_bin = np.ascontiguousarray(levels.T)
    smooth = median_filter(by_bin.ravel(), size=_SUSTAIN_FRAMES, mode="nearest").reshape(by_bin.shape)
    return np.asarray(np.minimum(levels, smooth.T))


def _harmonic_bands(count: int) -> Plane:
    """Return which bins belong to the first three harmonics of each semitone, vibrato included, ``[F, count]``."""
    hz = (np.arange(_TOP_BIN) * _BIN_HZ)[:, None]
    f0 = 440.0 * 2 ** ((LOW_MIDI + np.arange(count) - 69) / 12)
    return np.asarray(sum(np.abs(hz - h * f0) < 0.06 * h * f0 for h in (1, 2, 3)) > 0, np.float32)


def _clear_note_salience(salience: Plane, lasting: Plane) -> float:
    """Return the salience of a clear note, reached by a tenth of the frames; 0 where those frames are mostly noise."""
    top = salience.max(axis=1)
    if not len(top) or top.max() <= _FAINTEST:
        return 0.0
    clear = float(np.quantile(top, 0.9)) or float(top.max())
    return clear if float(np.median(lasting[top >= 0.9 * clear])) > _NOISY else 0.0


def _register_weights(scaled: Plane) -> Plane:
    """Return weights ``[P]`` that favour the register in which most of the melody lies."""
    best = scaled.argmax(axis=1)
    weight = scaled[np.arange(len(scaled)), best]
    centre = float(np.average(best, weights=weight + np.float32(1e-9)))
    octaves = np.abs(np.arange(scaled.shape[1]) - centre) / 12
    return np.asarray(np.clip(1 - _FAR_PITCH_LOSS * np.maximum(0.0, octaves - 1.0), 0.2, 1.0), np.float32)


def _key_weights(analysis: Analysis) -> Plane:
    """Return weights ``[P]`` that favour the notes of the key, in proportion to its confidence."""
    scale = {(analysis.key.tonic + step) % 12 for step in SCALES[analysis.key.mode]}
    outside = [(LOW_MIDI + semitone) % 12 not in scale for semitone in range(HIGH_MIDI - LOW_MIDI + 1)]
    return np.asarray(1 - _OUT_OF_KEY * analysis.confidence.get("key", 0.0) * np.array(outside), np.float32)


def _best_path(scaled: Plane) -> npt.NDArray[np.int64]:
    """Return the best semitone of each frame, ``[K]``, P standing for none."""
    score = np.column_stack((scaled, np.full(len(scaled), _REST, np.float32))).astype(np.float64)
    back = np.zeros(score.shape, np.int32)
    total = score[0].copy()
    own = np.arange(score.shape[1])
    for k in range(1, len(score)):
        best = int(total.argmax())
        jump = total[best] - _CHANGE_COST
        stays = total >= jump
        back[k] = np.where(stays, own, best)
        total = np.where(stays, total, jump) + score[k]
    return trace_back(total, back)


def _note_runs(path: npt.NDArray[np.int64], body: Plane) -> list[tuple[int, int, int]]:
    """Return (first frame, last plus one, semitone) of every note; a reattacked note is two."""
    edges = np.flatnonzero(np.diff(path)) + 1
    bounds = [0, *edges.tolist(), len(path)]
    runs = []
    for start, stop in pairwise(bounds):
        pitch = int(path[start])
        if pitch < body.shape[1]:
            cuts = [start, *(start + k for k in _find_reattacks(body[start:stop, pitch])), stop]
            runs += [(a, b, pitch) for a, b in pairwise(cuts)]
    return runs


def _find_reattacks(level: npt.NDArray[np.float32]) -> list[int]:
    """Return the frames at which a sounding note is attacked again."""
    reach, least = 4, round(SHORTEST_S / FRAME_S)
    if len(level) < 2 * least:
        return []
    rise = level[reach:] - level[:-reach]
    threshold = _RESTRIKE * float(level.max())
    attacks: list[int] = []
    for k in range(1, len(rise) - 1):
        if rise[k] > threshold and rise[k] >= rise[k - 1] and rise[k] > rise[k + 1]:
            place = k + reach // 2
            if least <= place <= len(level) - least and (not attacks or place - attacks[-1] >= least):
                attacks.append(place)
    return attacks


@dataclass(frozen=True)
class Stroke:
    """An onset: its ``sixteenth`` of the grid (counted from the first downbeat), one of `BANDS`,
    and its strength, 0 to 1."""

    sixteenth: int
    band: str
    strength: float


@memoize_by_audio(4)
def find_strokes(source: Samples, rate_hz: int, grid: Grid) -> tuple[Stroke, ...]:
    """Return the onsets of each band, quantised to sixteenths of the grid, in order; one per band and place."""
    curves = _band_rises(_mono(source, rate_hz))
    strengths: dict[tuple[int, str], float] = {}
    for band, curve in curves.items():
        usual = float(np.quantile(curve, 0.99)) if len(curve) else 0.0
        if usual <= 1e-6:
            continue
        for k in range(1, len(curve) - 1):
            if curve[k] > _STROKE * usual and curve[k] >= curve[k - 1] and curve[k] > curve[k + 1]:
                place = round(PARTS * grid.s_to_beat(k * FRAME_S))
                strength = float(min(1.0, curve[k] / usual))
                strengths[place, band] = max(strengths.get((place, band), 0.0), strength)
    return tuple(Stroke(place, band, strength) for (place, band), strength in sorted(strengths.items()))


def _band_rises(mono: npt.NDArray[np.float32]) -> dict[str, npt.NDArray[np.float32]]:
    """Return the rise of each band's level over 23 ms, ``[K]``, in units of the band's greatest level."""
    from scipy.fft import rfft

    size = 1024
    frames = _frames(mono, size)
    window = np.hanning(size + 1)[:-1].astype(np.float32)
    hz = np.fft.rfftfreq(size, 1 / RATE_HZ)
    parts: dict[str, list[npt.NDArray[np.float32]]] = {band: [] for band in BANDS}
    for start in range(0, len(frames), _CHUNK):
        power = np.abs(rfft(frames[start : start + _CHUNK] * window)) ** 2
        for band, (low, high) in BANDS.items():
            parts[band].append(np.sqrt(power[:, (hz >= low) & (hz < high)].sum(axis=1)).astype(np.float32))
    rises = {}
    for band, levels in parts.items():
        level = np.concatenate(levels) if levels else np.zeros(0, np.float32)
        level = level / max(1e-6, float(level.max(initial=0.0)))
        before = np.concatenate((np.zeros(2, np.float32), level[:-2])) if len(level) > 2 else level
        rises[band] = np.maximum(level - before, np.float32(0))
    return rises


def sounding_share(notes: Sequence[MelodyNote], start_s: float, end_s: float) -> float:
    """Return the share of a time span during which the melody sounds, 0 to 1."""
    sounds = sum(max(0.0, min(end_s, at + length) - max(start_s, at)) for at, length, _, _ in notes)
    return min(1.0, sounds / max(1e-9, end_s - start_s))


def melody_power_share(source: Samples, rate_hz: int, notes: Sequence[MelodyNote]) -> float:
    """Return the median share of the power that lies on the melody's harmonics.

    Above `SOLO_SHARE` the melody plays alone. 0 without notes.
    """
    frames = _frames(_mono(source, rate_hz), _WINDOW)
    times = [(at + share * length, pitch) for at, length, pitch, _ in notes for share in (0.3, 0.6)]
    rows = [(round(at / FRAME_S), pitch) for at, pitch in times[:: max(1, len(times) // _MAX_PLACES)]]
    rows = [(k, pitch) for k, pitch in rows if k < len(frames)]
    if not rows:
        return 0.0
    power = _levels(frames[[k for k, _ in rows]]) ** 2
    hz = np.arange(_TOP_BIN) * _BIN_HZ
    shares = []
    for (_, pitch), row in zip(rows, power, strict=True):
        f0 = 440.0 * 2 ** ((pitch - 69) / 12)
        away = np.abs(hz - np.maximum(1, np.rint(hz / f0)) * f0)
        near = away < np.minimum(0.04 * np.maximum(hz, f0), 0.25 * f0) + _BIN_HZ
        shares.append(float(row[near].sum()) / max(1e-12, float(row.sum())))
    return float(np.median(shares))
