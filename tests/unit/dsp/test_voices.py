"""Voices and drums against physics and textbooks: pitch, decay, bounds, no clicks."""

import numpy as np
import pytest

from acestep_runtime.dsp.drums import KITS, PIECES, strike
from acestep_runtime.dsp.effects import EFFECTS
from acestep_runtime.dsp.synth import apply_filter, harmonics, midi_to_hz, partials, pluck_string
from acestep_runtime.dsp.voices import VOICES, play_voice

RATE = 48_000


def pitch_hz(samples):
    """Fundamental by autocorrelation with parabolic interpolation."""
    x = samples[2400 : 2400 + 16384].astype(float)
    spectrum = np.abs(np.fft.rfft(x * np.hanning(len(x)), 4 * len(x))) ** 2
    curve = np.fft.irfft(spectrum)[:2400]
    low = np.argmax(curve < 0) or 20
    high = curve >= 0.9 * curve[low:].max()
    first = low + int(np.argmax(high[low:]))  # the shortest lag that explains the sound: no octave below it
    lag = first + int(np.argmax(curve[first : first + 20]))
    a, b, c = curve[lag - 1 : lag + 2]
    return RATE / (lag + 0.5 * (a - c) / (a - 2 * b + c))


def test_partials_are_the_sum_of_damped_sines():
    t = np.arange(10_001) / RATE
    hz, amps, decay, phase = [220.0, 661.3, 5000.0], [1.0, 0.5, 0.2], [3.0, 0.0, 40.0], [0.0, 1.0, 2.0]
    truth = sum(
        a * np.exp(-d * t) * np.sin(2 * np.pi * f * t + p) for f, a, d, p in zip(hz, amps, decay, phase, strict=True)
    )
    assert np.max(np.abs(partials(len(t), hz, amps, decay, phase) - truth)) < 1e-5


def test_partials_above_the_limit_are_left_out():
    assert not partials(1000, [17_000.0, 30_000.0], 1.0).any()


def test_harmonics_are_the_sum_of_sines():
    phase = np.cumsum(np.full(5000, 2 * np.pi * 300 / RATE))
    truth = np.sin(phase) + 0.25 * np.sin(3 * phase)
    assert np.max(np.abs(harmonics(phase, np.array([1.0, 0.0, 0.25])) - truth)) < 1e-4


@pytest.mark.parametrize("pitch", [40, 52, 64, 76])
def test_a_plucked_string_is_in_tune_and_decays(pitch):
    string = pluck_string(RATE, midi_to_hz(pitch), damping=0.4, decay_s=1.0, rng=np.random.default_rng(1), pick_hz=4000)
    assert abs(1200 * np.log2(pitch_hz(string) / midi_to_hz(pitch))) < 6
    early, late = string[: RATE // 8], string[-RATE // 8 :]
    fall_db = 20 * np.log10(np.sqrt(np.mean(early**2)) / np.sqrt(np.mean(late**2)))
    assert fall_db > 40


def test_filters_halve_the_power_at_the_corner():
    t = np.arange(RATE) / RATE
    tone = np.sin(2 * np.pi * 1000 * t).astype(np.float32)
    for side in ({"low_hz": 1000.0}, {"high_hz": 1000.0}):
        middle = apply_filter(tone, **side)[RATE // 4 : -RATE // 4]
        assert np.sqrt(2 * np.mean(middle**2)) == pytest.approx(2**-0.5, rel=0.01)


@pytest.mark.parametrize("voice", list(VOICES))
def test_a_voice_is_in_tune_clean_and_bounded(voice):
    low = 33 if voice.startswith("bass") else 57
    for velocity in (0.25, 1.0):
        audio = play_voice(voice, (low,), 0.6, velocity, 0.3, np.random.default_rng(3))
        assert audio.dtype == np.float32
        assert np.isfinite(audio).all()
        assert np.abs(audio).max() < 1.2
        assert abs(audio.mean()) < 1e-3
        assert max(abs(audio[0]), abs(audio[-1])) < 1e-3
        if voice in EFFECTS or voice == "organ":  # no pitch, and one an octave lower
            continue
        cents = 1200 * np.log2(pitch_hz(audio) / midi_to_hz(low))
        assert abs((cents + 600) % 1200 - 600) < 25


@pytest.mark.parametrize("voice", ["piano", "strings", "synth_lead", "guitar_driven", "bass_pick"])
def test_brightness_moves_the_spectrum_up(voice):
    def centre(bright):
        audio = play_voice(voice, (48,), 0.5, 0.7, bright, np.random.default_rng(3))
        power = np.abs(np.fft.rfft(audio)) ** 2
        return (power * np.fft.rfftfreq(len(audio))).sum() / power.sum()

    assert centre(-0.8) < centre(0.0) < centre(0.8)


@pytest.mark.parametrize("voice", list(VOICES))
def test_very_short_notes_are_finite(voice):
    audio = play_voice(voice, (60, 64), 0.01, 0.5, 0.0, np.random.default_rng(0))
    assert np.isfinite(audio).all()
    assert len(audio) > 0


@pytest.mark.parametrize("kit", list(KITS))
def test_every_piece_of_every_kit_is_clean(kit):
    for piece in PIECES:
        audio = strike(kit, piece, np.random.default_rng(0))
        assert np.isfinite(audio).all()
        assert np.abs(audio).max() == pytest.approx(KITS[kit][piece].gain, rel=1e-3)
        assert abs(audio.mean()) < 3e-3
        assert max(abs(audio[0]), abs(audio[-1])) < 1e-2


def test_kicks_are_low_and_hats_are_high():
    def centre(piece):
        power = np.abs(np.fft.rfft(strike("acoustic", piece, np.random.default_rng(0)), RATE)) ** 2
        return (power * np.arange(len(power))).sum() / power.sum()

    assert centre("kick") < 300 < centre("snare") < 4000 < centre("hat")
