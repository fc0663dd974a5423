"""Audio that comes in blocks, is read in pieces, and begins again."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from acebridge.hosts.monitor.recording import Recording
from acestep_runtime.audio.convert import resample
from acestep_runtime.audio.loudness import loudness_lufs
from tests.support.daemon import until
from tests.support.signals import Samples, noise, sine


def recording_of(samples: Samples, rate_hz: int = 48_000, *, start_frame: int = 0) -> Recording:
    recording = Recording("test", rate_hz, len(samples), start_frame=start_frame)
    for at in range(0, len(samples), 7001):
        recording.write(at, samples[at : at + 7001])
    return recording


@pytest.mark.parametrize(
    ("own_hz", "device_hz"), [(44_100, 48_000), (48_000, 44_100), (96_000, 48_000), (48_000, 48_000)]
)
def test_pieces_are_those_of_the_whole_at_the_rate_of_the_device(own_hz: int, device_hz: int) -> None:
    samples = noise(1.5, rate_hz=own_hz, seed=4)
    whole = resample(samples, own_hz, device_hz)
    recording = recording_of(samples, own_hz)
    assert recording.end_at(device_hz) == len(whole)
    edges = [0, 1, 999, 9000, 9001, 30_000, 61_007, len(whole)]
    pieces = [recording.read(device_hz, start, stop) for start, stop in itertools.pairwise(edges)]
    played = np.concatenate(pieces)
    # soxr does not filter its first frames as it does the others.
    np.testing.assert_allclose(played[8:-8], whole[8:-8], atol=1e-6 if own_hz != device_hz else 0)
    np.testing.assert_allclose(played, whole, atol=0.02 if own_hz != device_hz else 0)
    recording.close()


def test_around_it_there_is_silence() -> None:
    samples = sine(440, 0.01)
    recording = recording_of(samples, start_frame=-100)
    read = recording.read(48_000, -150, len(samples))
    np.testing.assert_array_equal(read, np.concatenate([np.zeros((50, 2)), samples, np.zeros((100, 2))]))
    recording.close()


def test_mono_is_played_and_measured_on_both_sides() -> None:
    mono = sine(997, 1.0, channels=1)
    recording = recording_of(mono)
    np.testing.assert_array_equal(recording.read(48_000, 0, 48_000), np.repeat(mono, 2, axis=1))
    until(lambda: recording.lufs is not None)
    assert recording.lufs == pytest.approx(loudness_lufs([np.repeat(mono, 2, axis=1)]), abs=0.01)
    recording.close()


def test_what_comes_again_is_dropped_and_what_is_void_comes_again() -> None:
    first, second = noise(0.1, seed=1), noise(0.1, seed=2)
    recording = Recording("test", 48_000, len(first))
    growth = []
    recording.on_growth = lambda: growth.append(recording.ready)
    recording.write(0, first[:1000])
    recording.write(500, first[500:1500])
    assert (recording.ready, recording.complete, recording.lufs) == (1500, False, None)
    np.testing.assert_array_equal(recording.read(48_000, 0, 1500), first[:1500])
    recording.restart()
    assert (recording.ready, recording.restarts) == (0, 1)
    recording.write(0, second)
    recording.write(len(second), second)  # more than was announced
    assert recording.complete
    np.testing.assert_array_equal(recording.read(48_000, 0, len(second)), second)
    assert growth == [1000, 1500, 0, len(second)]
    recording.restart()
    with pytest.raises(ValueError, match="behind"):
        recording.write(3, first)
    recording.close()
    recording.write(0, first)
    assert (recording.is_closed, recording.ready) == (True, 0)


def test_a_resampled_recording_is_ready_as_far_as_the_filter_sees() -> None:
    samples = noise(1.0, rate_hz=44_100)
    recording = Recording("test", 44_100, len(samples))
    recording.write(0, samples[:22_050])
    ready = recording.ready_at(48_000)
    assert 20_000 < ready < 24_000
    partial = recording.read(48_000, 0, ready)
    recording.write(22_050, samples[22_050:])
    np.testing.assert_allclose(partial, recording.read(48_000, 0, ready), atol=2e-6)
    assert recording.ready_at(48_000) == 48_000
    recording.close()
