import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acestep_runtime.audio import wav
from acestep_runtime.audio.dither import Dither
from tests.support.signals import decode_chunk, noise


def round_trip(samples: np.ndarray, encoding: str) -> np.ndarray:
    return decode_chunk(wav.encode(Dither.for_encoding(encoding).add(samples), encoding), encoding, samples.shape[1])


@pytest.mark.parametrize(("encoding", "bits"), [("pcm16", 16), ("pcm24", 24)])
def test_samples_of_as_many_bits_stay_as_they_are(encoding: str, bits: int) -> None:
    held = round_trip(noise(0.1, rms=0.1), encoding)
    assert np.array_equal(Dither(bits).add(held), held)
    silence = np.zeros((100, 2), np.float32)
    assert np.array_equal(Dither(bits).add(silence), silence)


def test_floats_get_none() -> None:
    samples = noise(0.1)
    assert Dither.for_encoding("float32").add(samples) is samples


def test_a_tone_below_half_a_step_is_there_and_free_of_distortion() -> None:
    frames, cycles = 48_000, 1_000
    tone = (0.4 * 2**-15 * np.sin(2 * np.pi * cycles * np.arange(frames) / frames)).astype(np.float32)[:, None]
    assert not wav.encode(tone, "pcm16").strip(b"\0")  # rounded alone it is silence
    spectrum = np.abs(np.fft.rfft(round_trip(tone, "pcm16")[:, 0])) * 2 / frames * 2**15
    assert spectrum[cycles] == pytest.approx(0.4, abs=0.05)
    floor = np.sqrt(np.mean(np.square(np.delete(spectrum, [0, cycles]))))
    assert spectrum[3 * cycles] < 5 * floor


def test_the_error_has_the_power_of_rounding_and_triangular_noise() -> None:
    samples = noise(2.0, rms=0.1)
    error = (round_trip(samples, "pcm16") - samples).astype("f8") * 2**15
    assert np.abs(error).max() <= 1.5 + 1e-3
    assert error.mean() == pytest.approx(0, abs=0.02)
    assert error.var() == pytest.approx(1 / 12 + 1 / 6, rel=0.03)  # in steps


def test_equal_channels_stay_equal_and_a_silent_one_silent() -> None:
    mono = noise(0.1, channels=1)
    both = Dither(16).add(np.hstack([mono, mono]))
    assert np.array_equal(both[:, 0], both[:, 1])
    one = Dither(16).add(np.hstack([mono, np.zeros_like(mono)]))
    assert not one[:, 1].any()


@settings(deadline=None)
@given(cuts=st.lists(st.integers(0, 999), max_size=5))
def test_blocks_of_any_length_give_the_same(cuts: list[int]) -> None:
    samples, dither = noise(1_000 / 48_000), Dither(16)
    parts = [dither.add(part) for part in np.split(samples, sorted(cuts))]
    assert np.array_equal(np.concatenate(parts), Dither(16).add(samples))


@pytest.mark.parametrize("start", [-700, 0, 300])
def test_a_region_gets_what_the_whole_gets(start: int) -> None:
    samples = noise(1_000 / 48_000)
    whole = Dither(16, start).add(samples)
    assert np.array_equal(Dither(16, start + 400).add(samples[400:]), whole[400:])
