"""Posteriors of pitches: how likely each semitone sounds, and begins, in each frame.

`model_posteriors` asks the network of Basic Pitch (Bittner et al., "A lightweight instrument-agnostic model for polyphonic note
transcription and multipitch estimation", ICASSP 2022, arXiv:2203.09893); `signal_posteriors` measures them with plain signal
processing, for machines without that model.

    audio      |····|························|····|            windows of WINDOW samples, every WINDOW − OVERLAP
               |····|························|····|
    frames     15   └──────── kept ──────────┘  15             half of the overlap is dropped at each end of a window

Letters: K frames of `HOP` samples at `RATE_HZ`, P = 88 semitones from A0, N samples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from acestep_runtime.dsp.melody import Plane, pitch_salience
from acestep_runtime.dsp.onsets import normalise_onsets, onset_strength
from acestep_runtime.errors import EngineFailure

#: What the network was trained with.
RATE_HZ, HOP = 22_050, 256
WINDOW = 2 * RATE_HZ - HOP
OVERLAP_FRAMES = 30
#: The lowest of the semitones, as a MIDI pitch (A0), and their number.
LOWEST_PITCH, PITCHES = 21, 88

_STEP = WINDOW - OVERLAP_FRAMES * HOP
_EDGE = OVERLAP_FRAMES // 2
#: Windows that the network gets at a time.
_BATCH = 8
#: Names of the network's outputs: what sounds, and what begins.
_SOUNDS, _BEGINS = "StatefulPartitionedCall:1", "StatefulPartitionedCall:2"

Mono = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Posteriors:
    """What sounds, and what begins, ``[K, P]`` each, 0 to 1, at the times ``[K]`` in seconds."""

    sounds: Plane
    begins: Plane
    times_s: npt.NDArray[np.float64]


def model_posteriors(mono: Mono, model: Path, check: Callable[[], None], report: Callable[[float], None]) -> Posteriors:
    """Return what the network in the file ``model`` hears in ``[N]`` samples at `RATE_HZ`.

    ``check`` is called before each batch of windows, ``report`` after it with the fraction done. Raises `EngineFailure` for a
    file that is not the network.
    """
    session = _open(model)
    sounds, begins, times = [], [], []
    starts = np.arange(0, max(1, len(mono)), _STEP)
    for first in range(0, len(starts), _BATCH):
        check()
        batch = np.stack(list(_windows(mono, starts[first : first + _BATCH])))[..., None]
        for each, start in zip(_infer(session, batch), starts[first : first + _BATCH], strict=True):
            sounds.append(each[0])
            begins.append(each[1])
            times.append((start + np.arange(len(each[0])) * HOP) / RATE_HZ)
        report(min(1.0, (first + _BATCH) / len(starts)))
    times_s = np.concatenate(times)
    kept = times_s < len(mono) / RATE_HZ
    return Posteriors(np.concatenate(sounds)[kept], np.concatenate(begins)[kept], times_s[kept])


def _open(model: Path) -> Any:
    import onnxruntime

    try:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        names = {each.name for each in session.get_outputs()}
    except Exception as error:  # the library has exceptions of its own for each kind of damage
        raise EngineFailure(
            f"{model} cannot be loaded: {type(error).__name__}.",
            remedy="Run `acebridge models pull basic-pitch` again.",
        ) from error
    if not {_SOUNDS, _BEGINS} <= names:
        raise EngineFailure(
            f"{model} is another network than that of Basic Pitch.", remedy="Run `acebridge models pull basic-pitch`."
        )
    return session


def _infer(session: Any, batch: npt.NDArray[np.float32]) -> Iterator[tuple[Plane, Plane]]:
    """Yield what sounds and what begins in each window of ``[B, WINDOW, 1]``, without the frames at its edges."""
    (name,) = (each.name for each in session.get_inputs())
    sounds, begins = session.run([_SOUNDS, _BEGINS], {name: batch})
    return zip(sounds[:, _EDGE:-_EDGE], begins[:, _EDGE:-_EDGE], strict=True)


def _windows(mono: Mono, starts: npt.NDArray[np.int64]) -> Iterator[Mono]:
    """Yield a window for each start, which is that of its first kept frame; outside the audio there is silence."""
    lead = _EDGE * HOP
    for start in starts.tolist():
        part = mono[max(0, start - lead) : start - lead + WINDOW]
        before = max(0, lead - start)
        yield np.pad(part, (before, WINDOW - before - len(part)))


_FFT, _SPAN = 8192, 4096
_TOP_HZ = 5500.0
_CHUNK = 512
#: Weight of the octave's excess salience that is subtracted from a pitch, as in `dsp.transcribe`.
_OCTAVE_SUPPRESSION = 2.0
#: Frames after a stroke at which a note that begins there is clear.
_RISE_FRAMES = 6
#: Salience below which nothing sounds, whatever it is compared with.
_FAINTEST = 1e-4


def signal_posteriors(mono: Mono, check: Callable[[], None], report: Callable[[float], None]) -> Posteriors:
    """Return the salience of each semitone of ``[N]`` samples at `RATE_HZ`, scaled so that a clear note has 1.

    Salience is a sum over harmonics (Klapuri 2006), less what an octave explains. ``check`` and ``report`` as in
    `model_posteriors`.
    """
    from scipy.fft import rfft

    count = len(mono) // HOP
    bin_hz = RATE_HZ / _FFT
    top = int(_TOP_HZ / bin_hz)
    window = np.hanning(_SPAN + 1)[:-1].astype(np.float32)
    f0 = 440.0 * 2 ** ((LOWEST_PITCH + np.arange(PITCHES) - 69) / 12)
    salience = np.zeros((count, PITCHES), np.float32)
    padded = np.pad(mono, (_SPAN // 2, _SPAN))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _SPAN)[::HOP]
    for first in range(0, count, _CHUNK):
        check()
        level = np.abs(rfft(frames[first : min(count, first + _CHUNK)] * window, _FFT)[:, :top]).astype(np.float32)
        salience[first : first + len(level)] = _without_octaves(pitch_salience(_peaks(level), f0, bin_hz))
        report(min(1.0, (first + _CHUNK) / count))
    peak = salience.max(axis=1, initial=0.0)
    loud = peak[peak > _FAINTEST]
    clear = float(np.quantile(loud, 0.9)) if len(loud) else 1.0
    sounds = np.clip(salience / np.float32(clear), 0, 1)
    return Posteriors(sounds, _begins(mono, sounds), np.arange(count) * HOP / RATE_HZ)


def _begins(mono: Mono, sounds: Plane) -> Plane:
    """Return what begins ``[K, P]``: at each stroke of the whole sound, what sounds just after it more than just before it.

    The long window that pitches need blurs their begins; strokes are found with a short one.
    """
    stroke = normalise_onsets(onset_strength(mono).full)[: len(sounds)]
    usual = float(np.quantile(stroke, 0.98)) if len(stroke) else 0.0
    gate = np.clip(np.pad(stroke, (0, len(sounds) - len(stroke))) / max(1e-9, usual), 0, 1).astype(np.float32)
    after = np.pad(sounds, ((0, _RISE_FRAMES), (0, 0)))[_RISE_FRAMES:]
    return np.asarray(gate[:, None] * after)


def _peaks(level: Plane) -> Plane:
    """Return the level of ``[K, F]`` above the broad floor of noise and drums."""
    from scipy.ndimage import uniform_filter1d

    floor = uniform_filter1d(level, 121, axis=1, mode="nearest")
    return np.asarray(np.maximum(level - floor, np.float32(0)))


def _without_octaves(salience: Plane) -> Plane:
    """Return the salience ``[K, P]`` less what the tone an octave above gives it: that has only the even harmonics."""
    above = np.pad(salience[:, 12:], ((0, 0), (0, 12)))
    return np.asarray(np.maximum(salience - np.float32(_OCTAVE_SUPPRESSION) * np.maximum(above - salience, 0), 0))
