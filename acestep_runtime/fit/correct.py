"""`correct_fit`: move and stretch a result so that it fits its source better. Measured again after each step.

The stretch is Signalsmith Stretch (package python-stretch, MIT licence), an optional package: without it nothing is stretched,
and a sentence says so.
Rubber Band sounds as good, and its licence is the GPL.

Letters: N frames of the window at 48 kHz.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from acestep_runtime.audio.samples import Samples
from acestep_runtime.fit.measure import Fit, measure_fit
from acestep_runtime.fit.words import find_faults
from acestep_runtime.units import ENGINE_RATE_HZ, seconds_to_frames
from acestep_runtime.values import CancelToken

#: Offsets that are corrected, in seconds, and the agreement from which on they are clear.
_OFFSET_S, _CLEAR_AGREEMENT = (0.008, 0.25), 0.2
#: Differences of tempo that are corrected: smaller ones are shifts, greater ones are heard as a stretch.
_STRETCH = (0.001, 0.02)
#: Certainty from which on a measured tempo is the tempo.
_CLEAR_TEMPO = 0.5
#: The part for the start below which its silence is removed: it begins late, and not just after a rest.
_LATE_START = 0.9
#: Gain of the value that a step must bring.
_GAIN = 0.01
_FADE_S = 0.003
_NO_STRETCH = (
    "Its tempo was not corrected: that needs the package python-stretch. Install it with `pip install python-stretch`."
)

#: A step: the audio that it makes, and what it did.
Step = tuple[Samples, str]


def correct_fit(
    source: Samples, result: Samples, fit: Fit, cancel: CancelToken | None = None
) -> tuple[Samples, tuple[str, ...]]:
    """Return ``result`` ``[N, 2]`` moved and stretched in time so that it fits ``source`` better, and what was done.

    ``fit`` is its `measure_fit`. Steps: a stretch of at most 2 %, the silence before a late start removed, a shift by up to
    250 ms (exact to the sample). Each is kept only where the fit is measurably better with it: without one that is, the very
    same array comes back. A sentence says what was done, and what was not for lack of a package. The result has N frames;
    where audio was moved away there is silence. ``cancel`` is that of `measure_fit`.
    """
    notes: list[str] = []
    if "tempo" in find_faults(fit.parts) and _stretch_ratio(fit, len(result)) != 1.0 and load_stretch() is None:
        notes.append(_NO_STRETCH)
    for propose in (_stretches, _earlier_starts, _shifts):
        for audio, sentence in propose(result, fit):
            again = measure_fit(source, audio, fit.facts, cancel)
            if again.value >= fit.value + _GAIN:
                result, fit = audio, again
                notes.append(sentence)
                break
    return result, tuple(notes)


def _shifts(result: Samples, fit: Fit) -> Iterator[Step]:
    """Yield the result without its offset."""
    offset_s = fit.figures.get("offset_s", 0.0)
    if _OFFSET_S[0] <= abs(offset_s) <= _OFFSET_S[1] and fit.figures.get("agreement", 0.0) >= _CLEAR_AGREEMENT:
        side = "earlier" if offset_s > 0 else "later"
        yield (
            move(result, seconds_to_frames(offset_s, ENGINE_RATE_HZ)),
            f"It was moved {abs(1e3 * offset_s):.0f} ms {side}.",
        )


def _earlier_starts(result: Samples, fit: Fit) -> Iterator[Step]:
    """Yield the result without the silence before it: moved by whole beats, where these are known, or by all of it."""
    late_s, beat_s = fit.figures.get("start_s", 0.0), fit.figures.get("beat_s", 0.0)
    if fit.parts.get("start", 1.0) >= _LATE_START:
        return
    beats = int(late_s / beat_s + 0.1) if beat_s > 0 else 0
    for earlier_s in dict.fromkeys((beats * beat_s, late_s)):
        if earlier_s > 0:
            moved = move(result, seconds_to_frames(earlier_s, ENGINE_RATE_HZ))
            yield moved, f"It was moved {earlier_s:.2f} s earlier: it began with silence."


def _stretches(result: Samples, fit: Fit) -> Iterator[Step]:
    """Yield the result at the tempo of the source."""
    ratio, stretch = _stretch_ratio(fit, len(result)), load_stretch()
    if ratio == 1.0 or stretch is None:
        return
    start = fit.facts.span[0]
    slower = "longer" if ratio > 1 else "shorter"
    stretched = np.concatenate([result[:start], stretch(result[start:], ratio)])
    yield (
        fit_length(stretched, len(result)),
        f"It was made {100 * abs(ratio - 1):.1f} % {slower}, to the tempo of the source.",
    )


def _stretch_ratio(fit: Fit, frames: int) -> float:
    """Return how much longer a result of ``frames`` has to be for the tempo of its source, 1 where it is to stay as it is."""
    figures, (start, stop) = fit.figures, fit.facts.span
    stop = stop if stop > start else frames
    ratio = 1.0
    if figures.get("tempo_certainty", 0.0) >= _CLEAR_TEMPO:
        ratio = figures["tempo_ratio"]
    elif "drift_s" in figures:
        # What is later by the drift at the end is slower by as much.
        ratio = 1 / (1 + figures["drift_s"] * ENGINE_RATE_HZ / max(1, stop - start))
    return ratio if _STRETCH[0] <= abs(ratio - 1) <= _STRETCH[1] else 1.0


def move(samples: Samples, frames: int) -> Samples:
    """Return ``[N, 2]`` that comes ``frames`` earlier (negative: later), with silence where nothing is left."""
    out = np.zeros_like(samples)
    if abs(frames) >= len(samples):
        return out
    if frames >= 0:
        out[: len(samples) - frames] = samples[frames:]
        _fade(out[: len(samples) - frames][::-1])
        return out
    out[-frames:] = samples[:frames]
    _fade(out[-frames:])
    return out


def _fade(samples: Samples) -> None:
    """Fade in the first 3 ms, in place: audio that is cut begins with a step."""
    length = min(len(samples), seconds_to_frames(_FADE_S, ENGINE_RATE_HZ))
    samples[:length] *= np.linspace(0.0, 1.0, length, dtype=np.float32)[:, None]


def fit_length(samples: Samples, frames: int) -> Samples:
    """Return exactly ``frames`` frames: the end is cut off, or silence follows."""
    if len(samples) >= frames:
        return np.ascontiguousarray(samples[:frames])
    return np.concatenate([samples, np.zeros((frames - len(samples), samples.shape[1]), samples.dtype)])


def load_stretch() -> Callable[[Samples, float], Samples] | None:
    """Return a function that makes ``[N, 2]`` longer by a factor and keeps its pitch; ``None`` without python-stretch.

    The same audio and factor give the same samples.
    """
    try:
        from python_stretch import Signalsmith
    except ImportError:
        return None

    def stretch(samples: Samples, factor: float) -> Samples:
        stretcher = Signalsmith.Stretch(1)  # the seed
        stretcher.preset(samples.shape[1], float(ENGINE_RATE_HZ))
        stretcher.setTimeFactor(1 / factor)
        channels = np.asarray(stretcher.process(np.ascontiguousarray(samples.T)), np.float32)
        return np.ascontiguousarray(channels.T)

    return stretch
