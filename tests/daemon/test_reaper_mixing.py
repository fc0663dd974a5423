"""The mix of what a script has read, against a sum in plain numpy."""

from __future__ import annotations

from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from signals import noise

from acestep_runtime.errors import InvalidValue
from daemon.reaper.mixing import mixed
from daemon.reaper.request import Mix, MixTrack

TRACKS = st.lists(
    st.tuples(
        st.integers(1, 70_000), st.integers(0, 80_000), st.sampled_from([1, 2]), st.floats(-2, 2), st.floats(-2, 2)
    ),
    min_size=1,
    max_size=3,
)


@settings(deadline=None, max_examples=20)
@given(tracks=TRACKS, frames=st.integers(1, 140_000))
def test_a_mix_is_the_sum_of_its_tracks(tmp_path_factory, tracks, frames) -> None:
    folder = tmp_path_factory.mktemp("mix")
    channels = max(track[2] for track in tracks)
    expected = np.zeros((frames, channels), np.float64)
    entries = []
    for number, (length, at, own, left, right) in enumerate(tracks):
        samples = noise(length / 44_100, rate_hz=44_100, channels=own, seed=number)
        file = folder / f"{number}.wav"
        soundfile.write(file, samples, 44_100, subtype="FLOAT")
        entries.append(MixTrack(file, at, left, right))
        stop = min(frames, at + len(samples))
        if at < stop:
            expected[at:stop] += samples[: stop - at] * np.array([left, right][:channels])
    path = mixed(Mix(tuple(entries), frames), folder / "mix.wav")
    got, rate_hz = soundfile.read(path, always_2d=True)
    if path == entries[0].file:  # one that needs no mixing
        assert (len(tracks), entries[0].at, entries[0].left, entries[0].right) == (1, 0, 1, 1)
        return
    assert (got.shape, rate_hz) == (expected.shape, 44_100)
    assert np.abs(got - expected).max() < 1e-5


def test_a_lone_track_is_its_own_mix(tmp_path: Path) -> None:
    file = tmp_path / "one.wav"
    soundfile.write(file, noise(0.1), 48_000)
    assert mixed(Mix((MixTrack(file, 0, 1.0, 1.0),), 4800), tmp_path / "mix.wav") == file
    assert not (tmp_path / "mix.wav").exists()


def test_files_that_do_not_fit_together_are_refused(tmp_path: Path) -> None:
    for rate_hz in (44_100, 48_000):
        soundfile.write(tmp_path / f"{rate_hz}.wav", noise(0.1), rate_hz)
    tracks = tuple(MixTrack(tmp_path / f"{rate_hz}.wav", 0, 1.0, 1.0) for rate_hz in (44_100, 48_000))
    with pytest.raises(InvalidValue, match="one rate"):
        mixed(Mix(tracks, 4800), tmp_path / "mix.wav")
    with pytest.raises(OSError, match="nowhere"):
        mixed(Mix((tracks[0], MixTrack(tmp_path / "nowhere.wav", 0, 1.0, 1.0)), 4800), tmp_path / "mix.wav")
