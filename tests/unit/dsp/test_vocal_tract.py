"""Sung notes against phonetic measurements: pitch, formants, vibrato, and onset noises."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from acestep_runtime.dsp.vocal_tract import ONSETS, VOWELS, sing_note
from acestep_runtime.dsp.voices import SINGERS, VOICES, play_voice

RATE_HZ = 48_000
Mono = npt.NDArray[np.float32]

#: Peterson and Barney 1952, table II, first and second formants of men and women.
MEASURED_HZ = {
    "male": {"i": (270, 2290), "e": (530, 1840), "a": (730, 1090), "o": (570, 840), "u": (300, 870)},
    "female": {"i": (310, 2790), "e": (610, 2330), "a": (850, 1220), "o": (590, 920), "u": (370, 950)},
}


def note(
    voice_type: str, syllable: str, pitch: int, length_s: float = 1.5, velocity: float = 0.75, seed: int = 0
) -> Mono:
    return sing_note(voice_type, syllable, (pitch,), length_s, velocity, 0.0, np.random.default_rng(seed))


def pitches(samples: Mono) -> npt.NDArray[np.float64]:
    """Fundamental as a MIDI pitch in frames of 85 ms, 20 ms apart: normalised autocorrelation with a parabola."""
    found = []
    lags = np.arange(40, 800)
    for start in range(0, len(samples) - 4096, 960):
        x = samples[start : start + 4096].astype(np.float64)
        x = x - x.mean()
        power = np.concatenate(([0.0], np.cumsum(x**2)))
        full = np.fft.irfft(np.abs(np.fft.rfft(x, 8192)) ** 2)
        energy = np.sqrt(power[4096 - np.arange(801)] * (power[4096] - power[:801])) + 1e-9
        curve = full[:801] / energy
        best = curve[lags].max()
        peaks = (curve[lags] > 0.97 * best) & (curve[lags] >= curve[lags - 1]) & (curve[lags] >= curve[lags + 1])
        lag = lags[np.argmax(peaks)]
        a, b, c = curve[lag - 1 : lag + 2]
        found.append(69 + 12 * np.log2(RATE_HZ / (lag + 0.5 * (a - c) / (a - 2 * b + c)) / 440))
    return np.array(found)


@pytest.mark.parametrize(
    ("voice_type", "pitch"), [("male", 45), ("male", 57), ("female", 57), ("female", 66), ("female", 75)]
)
@pytest.mark.parametrize("syllable", ["a", "ti", "su", "no", "m"])
def test_a_vocal_note_is_in_tune_and_its_vibrato_swings_around_it(voice_type: str, pitch: int, syllable: str) -> None:
    measured_hz = pitches(note(voice_type, syllable, pitch, 2.4))
    steady = measured_hz[30:110]  # past the vibrato's onset
    assert abs(np.mean(steady) - pitch) < 0.15
    assert 0.15 < (steady.max() - steady.min()) / 2 < 0.6
    early = measured_hz[4:10]
    assert (early.max() - early.min()) / 2 < 0.2  # no vibrato yet
    spectrum = np.abs(np.fft.rfft((steady - steady.mean()) * np.hanning(len(steady)), 4096))
    assert 4.5 < np.argmax(spectrum) * 50 / 4096 < 6.5  # the rate of singers


def envelope(samples: Mono, pitch: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Level in dB at each harmonic of a note."""
    f0 = 440 * 2 ** ((pitch - 69) / 12)
    x = samples[4_000:20_384]
    spectrum = np.abs(np.fft.rfft(x * np.hanning(len(x)), 1 << 17))
    hz = np.fft.rfftfreq(1 << 17, 1 / RATE_HZ)
    k = np.arange(1, int(4500 / f0))
    return k * f0, np.array([20 * np.log10(spectrum[np.abs(hz - n * f0) < 0.3 * f0].max()) for n in k])


@pytest.mark.parametrize("voice_type", ["male", "female"])
@pytest.mark.parametrize("vowel", "ieaou")
def test_the_formants_of_a_vowel_are_those_measured(voice_type: str, vowel: str) -> None:
    """A note so low that its harmonics show the tract: peaks of their levels lie at the first two formants."""
    hz, level = envelope(note(voice_type, vowel, 36, 0.6), 36)
    level = level + 20 * np.log10(hz)  # without the fall of the source
    inner = [k for k in range(1, len(hz) - 1) if level[k] > level[k - 1] and level[k] >= level[k + 1]]
    for formant_hz in MEASURED_HZ[voice_type][vowel]:
        assert min(abs(hz[k] - formant_hz) for k in inner) < max(70, 0.06 * formant_hz), (hz[inner], formant_hz)


def test_vowels_differ_in_their_spectral_centres() -> None:
    def share(vowel: str, low: float, high: float) -> float:
        x = note("male", vowel, 45)
        power = np.abs(np.fft.rfft(x)) ** 2
        hz = np.fft.rfftfreq(len(x), 1 / RATE_HZ)
        return float(power[(hz > low) & (hz < high)].sum() / power.sum())

    assert share("a", 600, 1400) > 3 * max(share("i", 600, 1400), share("u", 600, 1400))
    assert share("i", 2000, 3500) > 5 * share("u", 2000, 3500)
    assert share("m", 1200, 8000) < 0.01


def level_db(samples: Mono, low_hz: float = 0.0) -> float:
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    power[np.fft.rfftfreq(len(samples), 1 / RATE_HZ) < low_hz] = 0
    return float(10 * np.log10(power.sum() + 1e-12))


@pytest.mark.parametrize("onset", ONSETS)
def test_syllables_begin_with_the_noise_of_their_onset(onset: str) -> None:
    """Fricatives hiss for some 60 ms, plosives for 20, nasals murmur, vowels come at once; all within 40 ms."""
    note_audio = sing_note("female", onset + "a", (62,), 0.5, 0.75, 0.0, np.random.default_rng(1))
    begin, later, vowel = (note_audio[round(a * RATE_HZ) : round(b * RATE_HZ)] for a, b in
                           ((0.0, 0.02), (0.04, 0.07), (0.2, 0.23)))  # fmt: skip
    hiss = [level_db(x, 4500) - level_db(vowel, 4500) for x in (begin, later)]
    if onset == "t":
        assert hiss[0] > hiss[1]
        assert level_db(begin) < level_db(vowel) - 3
    elif onset == "s":
        assert hiss[1] > 6
    elif onset == "n":
        assert level_db(begin, 900) - level_db(begin) < level_db(vowel, 900) - level_db(vowel) - 6
    loud = np.abs(note_audio[: round(0.06 * RATE_HZ)]) > 0.1 * np.abs(note_audio).max()
    assert np.argmax(loud) / RATE_HZ < 0.04


def test_high_notes_lift_the_first_formant() -> None:
    """At 700 Hz an "i" would lose its fundamental, were the jaw not to follow."""
    low, high = (envelope(note("female", "i", pitch), pitch)[1] for pitch in (57, 77))
    assert high[0] - high[1] > 6
    assert low[0] - low[1] > -12


def test_a_choir_is_wider_than_a_voice_and_takes_both_registers() -> None:
    one, many = (
        play_voice(voice, (57, 60, 64), 1.0, 0.75, 0.0, np.random.default_rng(3)) for voice in ("hum", "choir:u")
    )
    assert len(one) == len(many)
    assert np.abs(many).max() < 1.2
    low, high = (
        pitches(play_voice("choir:a", (p,), 1.5, 0.75, 0.0, np.random.default_rng(2)))[20:55] for p in (45, 69)
    )
    assert abs(low.mean() - 45) < 0.2
    assert abs(high.mean() - 69) < 0.2


@pytest.mark.parametrize("singer", list(SINGERS))
@pytest.mark.parametrize("length_s", [0.01, 0.03, 12.0])
def test_every_syllable_is_clean_at_any_length(singer: str, length_s: float) -> None:
    assert singer in VOICES
    for syllable in ("", *(f":{onset}{vowel}" for onset in ONSETS for vowel in VOWELS)):
        if length_s > 1 and syllable not in ("", ":sa"):
            continue
        audio = play_voice(singer + syllable, (60,), length_s, 0.5, 0.0, np.random.default_rng(0))
        assert audio.dtype == np.float32
        assert np.isfinite(audio).all()
        assert np.abs(audio).max() < 1.3
        assert max(abs(audio[0]), abs(audio[-1])) < 2e-3


def test_the_same_seed_sings_the_same() -> None:
    assert np.array_equal(note("female", "sa", 60, seed=4), note("female", "sa", 60, seed=4))
    assert not np.array_equal(note("female", "sa", 60, seed=4), note("female", "sa", 60, seed=5))
