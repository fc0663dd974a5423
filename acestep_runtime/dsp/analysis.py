"""Music analysis: `analyse` combines what `onsets`, `tempo`, `harmony` and `meter` measure.

Everything is measured on a mono mix at 22.05 kHz (`audio.mono`).
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from acestep_runtime import units
from acestep_runtime.audio import convert
from acestep_runtime.audio.mono import mix_for_analysis
from acestep_runtime.audio.samples import Samples
from acestep_runtime.certainty import is_reported, is_sure
from acestep_runtime.dsp import caption, harmony, meter, octaves, onsets, tempo
from acestep_runtime.dsp.memoize import memoize_by_audio
from acestep_runtime.dsp.musical import Analysis, Grid
from acestep_runtime.threads import run_concurrently
from acestep_runtime.values import MAX_BPM, Key

Number = TypeVar("Number", np.float32, np.float64)

#: Quieter than this is silence.
SILENCE_DB = -80.0
#: Shorter audio has no rhythm or harmony.
SHORTEST_S = 0.5
_BLOCK_FRAMES = 1 << 20
#: Factor on the confidence of one tempo for music that drifts.
_DRIFT_FACTOR = 0.45


@memoize_by_audio(8)
def analyse(
    samples: Samples,
    rate_hz: int,
    *,
    bpm: float | None = None,
    keyscale: str | None = None,
    timesignature: int | None = None,
) -> Analysis:
    """Return tempo, beats, meter, key, chords and loudness of ``samples`` ``[N, 1 or 2]``, and a caption.

    Values passed in are kept, with confidence 1; then only the phase of beats and downbeats is estimated. The audio never
    causes an error: what cannot be measured gets a default (120 bpm, 4 beats a bar, C major) with confidence 0.
    Raises `InvalidValue` for an invalid ``keyscale``.
    """
    key_hint = None if keyscale is None else Key.parse(keyscale)
    duration_s = units.frames_to_seconds(len(samples), rate_hz)
    mono, rms = run_concurrently(partial(mono_for_analysis, samples, rate_hz), partial(_rms, samples))
    loudness_db = units.gain_to_db(rms)
    if loudness_db < SILENCE_DB or duration_s < SHORTEST_S:
        return _default_analysis(duration_s, loudness_db, bpm, key_hint, timesignature)

    pitches, rises = run_concurrently(partial(harmony.pitch_classes, mono), partial(onsets.onset_strength, mono))
    pulse = tempo.find_pulse(rises, duration_s, bpm, partial(meter.harmonic_rhythm, pitches))
    if meter.is_half_beat_off(rises, pitches, pulse.beats_s):
        pulse = tempo.shift_half_beat(pulse, duration_s)
    octave = octaves.Octave(pulse) if bpm is not None else octaves.find_octave(rises, pitches, pulse, duration_s)
    pulse = octave.pulse
    pulse, bar = _find_bars(mono, rises, pitches, pulse, duration_s, bpm, timesignature)
    beats_s, downbeat, beats_per_bar = pulse.beats_s, bar.downbeat, bar.beats
    bounds_s, positions = _chord_bounds(beats_s, downbeat, beats_per_bar, duration_s)
    key, key_confidence = key_hint, 1.0
    if key is None:
        triads = harmony.find_chords(pitches, bounds_s, None, positions, beats_per_bar)
        key, key_confidence = harmony.find_key(pitches, triads)
    chords = harmony.find_chords(pitches, bounds_s, key, positions, beats_per_bar) if key_confidence > 0 else ()
    grid = Grid(bpm or 60.0 / pulse.period_s, pulse.phase_s + downbeat * pulse.period_s, beats_per_bar)
    steadiness = 1.0 if bpm is not None else pulse.confidence * (_DRIFT_FACTOR if pulse.drifts else 1.0)
    confidence = {
        "tempo": min(steadiness, octave.confidence),
        "beats": pulse.confidence,
        "key": key_confidence,
        "meter": bar.confidence,
    }
    return Analysis(
        grid=grid,
        key=key,
        beats_s=tuple(beats_s.tolist()),
        downbeats_s=tuple(beats_s[downbeat::beats_per_bar].tolist()),
        chords=chords,
        duration_s=duration_s,
        loudness_db=loudness_db,
        confidence=confidence,
        caption=caption.describe(mono, rises, grid.bpm, key, beats_per_bar, loudness_db, confidence),
        steadiness=steadiness,
        other_bpm=None if is_sure("tempo", {"tempo": octave.confidence}) else octave.other_bpm,
    )


def _find_bars(
    mono: Samples,
    rises: onsets.Onsets,
    pitches: harmony.Pitches,
    pulse: tempo.Pulse,
    duration_s: float,
    bpm: float | None,
    timesignature: int | None,
) -> tuple[tempo.Pulse, meter.Meter]:
    """Return the meter, and the pulse that it counts: a faster one where bars are not whole beats of ``pulse``, as in 7/8.

    Bars are no clearer than beats. Where they are not heard, music is taken to be in the default meter.
    """
    if pulse.confidence == 0 and timesignature is None:
        return pulse, meter.Meter(meter.DEFAULT_METER, 0, 0.0)

    def find(counted: tempo.Pulse, beats: int | None) -> meter.Meter:
        evidence = meter.downbeat_evidence(rises, pitches, counted.beats_s, duration_s)
        patterns = meter.beat_patterns(rises, pitches, counted.beats_s)
        first_beat, thirds = _first_audible_beat(mono, counted.beats_s), meter.has_thirds(rises, counted.beats_s)
        return meter.find_meter(evidence, patterns, first_beat, beats, thirds=thirds)

    bar = find(pulse, timesignature)
    if timesignature is not None:
        return pulse, bar
    confidence = min(bar.confidence, pulse.confidence) if is_reported("beats", {"beats": pulse.confidence}) else 0.0
    bar = replace(bar, confidence=confidence)
    if not is_reported("meter", {"meter": confidence}):
        return pulse, replace(find(pulse, meter.DEFAULT_METER), confidence=confidence)
    faster = tempo.halve_beats(pulse, duration_s)
    # No faster beat is told than a request can ask for.
    if bar.in_halves and bpm is None and 60.0 / faster.period_s <= MAX_BPM:
        return faster, replace(find(faster, bar.beats), confidence=bar.confidence)
    return pulse, bar


def mono_for_analysis(samples: Samples, rate_hz: int) -> Samples:
    """Mix ``[N, C]`` to mono ``[M]`` at `onsets.RATE_HZ`, scaled to RMS 0.1, so that no threshold depends on the level."""
    clean = _clean(samples).astype(np.float32, copy=False)
    low = mix_for_analysis(convert.resample(clean, rate_hz, onsets.RATE_HZ), onsets.RATE_HZ)[:, 0]
    return np.asarray(low * np.float32(0.1 / max(1e-9, _rms(low))))


def _clean(samples: npt.NDArray[Number]) -> npt.NDArray[Number]:
    """Return samples with 0 for what is not a number, the very same array where all are: looking is cheap."""
    return samples if np.isfinite(samples).all() else np.nan_to_num(samples, posinf=0.0, neginf=0.0)


def _rms(samples: Samples) -> float:
    """Return the RMS over all channels, in blocks to spare memory; what is not a number counts as 0."""
    blocks = (samples[at : at + _BLOCK_FRAMES] for at in range(0, len(samples), _BLOCK_FRAMES))
    clean = (_clean(block.astype(np.float64)) for block in blocks)
    return float(np.sqrt(sum(float(np.sum(block**2)) for block in clean) / max(1, samples.size)))


def _first_audible_beat(mono: Samples, beats_s: onsets.Floats) -> int:
    """Return the index of the first beat that is not in the silence before the music."""
    loud = np.flatnonzero(np.abs(mono) > 0.05 * np.abs(mono).max())
    start_s = float(loud[0]) / onsets.RATE_HZ if len(loud) else 0.0
    return int(np.searchsorted(beats_s, start_s - 0.06)) if len(beats_s) else 0


def _chord_bounds(
    beats_s: onsets.Floats, downbeat: int, beats_per_bar: int, duration_s: float
) -> tuple[onsets.Floats, list[int]]:
    """Return the bounds of the spans that get one chord each (beats, and the time before the first), and their positions
    in the bar."""
    inside = (beats_s > 0.05) & (beats_s < duration_s - 0.05)
    bounds_s = np.concatenate([[0.0], beats_s[inside], [duration_s]])
    first = int(np.argmax(inside)) if inside.any() else 0
    return bounds_s, [(first - 1 + unit - downbeat) % beats_per_bar for unit in range(len(bounds_s) - 1)]


def _default_analysis(
    duration_s: float, loudness_db: float, bpm: float | None, key: Key | None, timesignature: int | None
) -> Analysis:
    grid = Grid(bpm or tempo.DEFAULT_BPM, 0.0, timesignature or meter.DEFAULT_METER)
    beats = [k * grid.beat_s for k in range(int(np.ceil(duration_s / grid.beat_s)))]
    sentence = "Silence." if loudness_db < SILENCE_DB else "A sound too short to tell tempo or key."
    return Analysis(
        grid=grid,
        key=key or harmony.DEFAULT_KEY,
        beats_s=tuple(beats),
        downbeats_s=tuple(beats[:: grid.beats_per_bar]),
        chords=(),
        duration_s=duration_s,
        loudness_db=loudness_db,
        confidence={
            "tempo": float(bpm is not None),
            "beats": 0.0,
            "key": float(key is not None),
            "meter": float(timesignature is not None),
        },
        caption=sentence,
        steadiness=float(bpm is not None),
    )
