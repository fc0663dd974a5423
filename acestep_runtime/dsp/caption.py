"""A one-sentence description of music, from measured values only."""

from __future__ import annotations

from bisect import bisect

import numpy as np
import numpy.typing as npt

from acestep_runtime.certainty import is_reported, is_sure
from acestep_runtime.dsp.onsets import RATE_HZ, Onsets, count_onsets
from acestep_runtime.values import Key

_TEMPO_WORDS = ((76, "slow"), (100, "moderate"), (126, "mid-tempo"), (152, "upbeat"), (1e9, "fast"))
#: By spectral centroid in Hz.
_BRIGHTNESS_WORDS = ((700, "dark"), (1300, "warm"), (2600, "balanced"), (1e9, "bright"))
#: By RMS level in dBFS.
_ENERGY_WORDS = ((-32.0, "quiet"), (-17.0, "moderately loud"), (1e9, "loud"))
#: Clear onsets a second.
_DENSITY_WORDS = ((0.8, "sustained"), (2.5, "sparse"), (1e9, "rhythmic"))
_BAR_WORDS = {3: " in triple meter", 5: " in bars of five", 6: " in bars of six", 7: " in bars of seven"}


def _word(table: tuple[tuple[float, str], ...], value: float) -> str:
    return table[min(bisect([limit for limit, _ in table], value), len(table) - 1)][1]


def describe(
    mono: npt.NDArray[np.float32],
    onsets: Onsets,
    bpm: float,
    key: Key,
    beats_per_bar: int,
    loudness_db: float,
    confidence: dict[str, float],
) -> str:
    """Return a sentence on ``mono`` ``[N]`` at `RATE_HZ`. Values that are not sure are left out.

    Only instruments with a clear signature are named: drums by strong onsets both below 150 Hz and above 2 kHz,
    bass by steady energy between 40 and 160 Hz.
    """
    power = _power(mono)
    hz = np.linspace(0, RATE_HZ / 2, power.shape[1])
    total = float(power.sum())
    amplitude = np.sqrt(power)
    centroid_hz = float((amplitude * hz).sum() / max(1e-12, amplitude.sum()))
    low = power[:, (hz >= 40) & (hz < 160)].sum(axis=1)
    per_s = count_onsets(onsets) / (len(mono) / RATE_HZ)
    sounds = f"{_word(_ENERGY_WORDS, loudness_db)}, {_word(_BRIGHTNESS_WORDS, centroid_hz)}-sounding"
    kind = f"{_word(_DENSITY_WORDS, per_s)} music"
    if not is_reported("key", confidence) and not is_reported("tempo", confidence):
        kind = "sound without a clear pulse or key"
    words = [f"{sounds} {kind}"]
    if is_sure("tempo", confidence):
        words[0] = f"{_word(_TEMPO_WORDS, bpm)}, {words[0]} at {bpm:.0f} bpm"
        words[0] += _BAR_WORDS.get(beats_per_bar, "") if is_sure("meter", confidence) else ""
    if is_sure("key", confidence):
        words[0] += f" in {key}"
    instruments = []
    if is_sure("beats", confidence) and _has_strong_onsets(onsets.low) and _has_strong_onsets(onsets.high):
        instruments.append("drums")
    if total > 0 and float(np.median(low)) > 0.02 * total / len(power):
        instruments.append("bass")
    if instruments:
        words.append(f"with {' and '.join(instruments)}")
    sentence = " ".join(words)
    return f"{sentence[0].upper()}{sentence[1:]}."


def _power(mono: npt.NDArray[np.float32], size: int = 2048) -> npt.NDArray[np.float64]:
    """Return the power spectra of adjacent frames, ``[T, size/2 + 1]``."""
    padded = np.pad(mono, (0, -len(mono) % size))
    return np.asarray(np.abs(np.fft.rfft(padded.reshape(-1, size) * np.hanning(size))) ** 2, np.float64)


def _has_strong_onsets(curve: npt.NDArray[np.float64]) -> bool:
    """Whether a band's onsets stand out: the strongest 2 % of frames rise clearly, most frames do not."""
    strong = float(np.quantile(curve, 0.98))
    return strong > 0.03 and float(np.median(curve)) < 0.1 * strong
