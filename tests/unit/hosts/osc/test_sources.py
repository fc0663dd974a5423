from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from acebridge.hosts.osc.surfaces.sources import Channel, source_file
from acestep_runtime.errors import AceStepError, InvalidValue

RATE_HZ = 44_100


def write(path: Path, channels: int = 1, *, frames: int = 70_000, seed: int = 0, subtype: str = "FLOAT") -> Path:
    samples = np.random.default_rng(seed).uniform(-0.5, 0.5, (frames, channels)).astype(np.float32)
    soundfile.write(path, samples, RATE_HZ, subtype=subtype)
    return path


def samples(path: Path) -> np.ndarray:
    return soundfile.read(path, dtype="float32", always_2d=True)[0]


@pytest.mark.parametrize("channels", [1, 2])
def test_a_file_with_exactly_these_channels_is_the_source(tmp_path: Path, channels: int) -> None:
    file = write(tmp_path / "song.wav", channels)
    found = source_file([Channel(file, number) for number in range(channels)], tmp_path / "made")
    assert found == file
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("subtype", ["FLOAT", "PCM_24", "PCM_16"])
def test_two_mono_files_become_one_with_the_same_samples(tmp_path: Path, subtype: str) -> None:
    left = write(tmp_path / "노래 %L.wav", seed=1, subtype=subtype)
    right = write(tmp_path / "노래 %R.wav", seed=2, subtype=subtype)
    made = source_file([Channel(left, 0), Channel(right, 0)], tmp_path / "made")
    assert made.name.startswith("노래 -")
    assert soundfile.info(made).samplerate == RATE_HZ
    assert np.array_equal(samples(made), np.hstack([samples(left), samples(right)]))


def test_channels_of_a_file_can_change_places(tmp_path: Path) -> None:
    file = write(tmp_path / "song.wav", 2)
    swapped = source_file([Channel(file, 1), Channel(file, 0)], tmp_path / "made")
    assert np.array_equal(samples(swapped), samples(file)[:, ::-1])
    second = source_file([Channel(file, 1)], tmp_path / "made")
    assert np.array_equal(samples(second), samples(file)[:, 1:])


def test_the_file_is_made_once_and_again_when_a_channel_has_changed(tmp_path: Path) -> None:
    left, right = write(tmp_path / "a%L.wav"), write(tmp_path / "a%R.wav", seed=1)
    channels = [Channel(left, 0), Channel(right, 0)]
    first = source_file(channels, tmp_path / "made")
    before = first.stat().st_ino
    assert source_file(channels, tmp_path / "made").stat().st_ino == before
    write(right, seed=2, frames=70_001)
    write(left, seed=3, frames=70_001)
    second = source_file(channels, tmp_path / "made")
    assert second != first
    assert np.array_equal(samples(second), np.hstack([samples(left), samples(right)]))


def test_old_files_are_removed(tmp_path: Path) -> None:
    files = [write(tmp_path / f"{number}.wav", 2, frames=10, seed=number) for number in range(12)]
    for file in files:
        latest = source_file([Channel(file, 0)], tmp_path / "made")
    assert len(list((tmp_path / "made").iterdir())) == 8
    assert latest.exists()


def test_what_cannot_be_one_file_is_refused(tmp_path: Path) -> None:
    short, long = write(tmp_path / "short.wav", frames=10), write(tmp_path / "long.wav", frames=11)
    with pytest.raises(InvalidValue, match="alike"):
        source_file([Channel(short, 0), Channel(long, 0)], tmp_path / "made")
    with pytest.raises(InvalidValue, match="1 or 2"):
        source_file([], tmp_path / "made")
    with pytest.raises(InvalidValue, match="1 or 2"):
        source_file([Channel(short, 0)] * 3, tmp_path / "made")
    with pytest.raises(AceStepError):
        source_file([Channel(tmp_path / "gone.wav", 0)], tmp_path / "made")
