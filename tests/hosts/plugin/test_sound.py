"""What the core calculates, compared with other programs: loudness, frame numbers, and soxr's change of the sample rate."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
import soxr

from acestep_runtime.audio.loudness import loudness_lufs
from acestep_runtime.units import frames_to_frames
from tests.support.plugin import BUILDS, CPP, build, build_plugin
from tests.support.signals import song

pytestmark = pytest.mark.host


@pytest.fixture(scope="session")
def tool() -> Path:
    options = (f"-DBUILT_PLUGIN={build_plugin().parent}",)
    return build(BUILDS / "plugin-tests/plain", CPP, *options, targets=("sound_tool",)) / "sound_tool"


def ask(tool: Path, *words: object) -> bytes:
    return subprocess.run([tool, *map(str, words)], check=True, capture_output=True).stdout


@pytest.mark.parametrize(("rate_hz", "seconds"), [(48_000, 6.0), (44_100, 3.05), (96_000, 0.35), (192_000, 0.5)])
def test_loudness_is_that_of_the_runtime(tool: Path, tmp_path: Path, rate_hz: int, seconds: float) -> None:
    random = np.random.default_rng(3)
    audio = random.normal(0, 0.1, (round(seconds * rate_hz), 2)).astype(np.float32)
    audio[: len(audio) // 3] *= 0.02  # below the relative gate
    soundfile.write(tmp_path / "audio.wav", audio, rate_hz, subtype="FLOAT")
    assert float(ask(tool, "loudness", tmp_path / "audio.wav")) == pytest.approx(
        loudness_lufs([audio], rate_hz), abs=1e-4
    )


def test_frame_numbers_are_those_of_the_runtime(tool: Path) -> None:
    numbers = [*range(-500, 500), *map(int, np.random.default_rng(4).integers(-(2**47), 2**47, 200))]
    for rates in ((44_100, 48_000), (48_000, 44_100), (96_000, 48_000), (8_000, 192_000), (44_101, 47_952)):
        answers = [int(line) for line in ask(tool, "frames", *rates, *numbers).split()]
        assert answers == [frames_to_frames(number, *rates) for number in numbers]


def resample(
    tool: Path, folder: Path, audio: npt.NDArray[np.float64], from_hz: int, to_hz: int
) -> npt.NDArray[np.float64]:
    soundfile.write(folder / "audio.wav", audio, from_hz, subtype="FLOAT")
    out = np.frombuffer(ask(tool, "resample", folder / "audio.wav", to_hz), dtype=np.float32)
    assert len(out) == frames_to_frames(len(audio), from_hz, to_hz)
    return out.astype(np.float64)


def level_db(samples: npt.NDArray[np.float64]) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(samples**2)) + 1e-12))


RATES = [(44_100, 48_000), (48_000, 44_100), (96_000, 48_000), (48_000, 192_000), (88_200, 48_000)]


def tones(frames: int, rate_hz: int, length_s: float, top_hz: float) -> npt.NDArray[np.float64]:
    """Return tones up to ``top_hz``, faded in and out over the whole length, at any rate the same sound."""
    times = np.arange(frames) / rate_hz
    fade = np.where(times < length_s, 0.5 - 0.5 * np.cos(2 * np.pi * times / length_s), 0)
    every = [np.sin(2 * np.pi * hz * times + hz) for hz in np.geomspace(30, top_hz, 25)]
    return np.asarray(fade * sum(every) / len(every))


@pytest.mark.parametrize(("from_hz", "to_hz"), RATES)
def test_resampling_in_the_passband_changes_nothing(tool: Path, tmp_path: Path, from_hz: int, to_hz: int) -> None:
    length_s, top_hz = 16_000 / from_hz, 0.9 * min(from_hz, to_hz) / 2
    ours = resample(tool, tmp_path, tones(16_000, from_hz, length_s, top_hz), from_hz, to_hz)
    truth = tones(len(ours), to_hz, length_s, top_hz)
    assert level_db(ours - truth) < level_db(truth) - 110


@pytest.mark.parametrize(("from_hz", "to_hz"), RATES)
def test_resampling_is_that_of_soxr(tool: Path, tmp_path: Path, from_hz: int, to_hz: int) -> None:
    """Further up, soxr itself is 65 dB from the tone, where the rates are no multiples of each other."""
    audio = tones(16_000, from_hz, 16_000 / from_hz, 0.6 * min(from_hz, to_hz) / 2)
    ours = resample(tool, tmp_path, audio, from_hz, to_hz)
    theirs = soxr.resample(audio, from_hz, to_hz, "VHQ")
    count = min(len(ours), len(theirs))
    assert abs(len(ours) - len(theirs)) <= 1
    assert level_db(ours[:count] - theirs[:count]) < level_db(theirs) - 90


@pytest.mark.parametrize(("from_hz", "to_hz"), [pair for pair in RATES if pair[1] < pair[0]])
def test_resampling_leaves_nothing_of_the_stopband(tool: Path, tmp_path: Path, from_hz: int, to_hz: int) -> None:
    times = np.arange(16_000) / from_hz
    for hz in np.linspace(to_hz / 2, from_hz / 2, 6)[:-1]:
        audio = np.sin(2 * np.pi * hz * times) * np.hanning(len(times))
        assert level_db(resample(tool, tmp_path, audio, from_hz, to_hz)) < level_db(audio) - 100


def test_a_song_there_and_back_is_the_song(tool: Path, tmp_path: Path) -> None:
    audio = soxr.resample(song(bpm=120, bars=1, rate_hz=48_000)[:, 0].astype(np.float64), 40_000, 48_000, "VHQ")
    audio *= np.hanning(len(audio))
    there = resample(tool, tmp_path, audio, 48_000, 44_100)
    back = resample(tool, tmp_path, there, 44_100, 48_000)
    assert level_db(back[: len(audio)] - audio[: len(back)]) < level_db(audio) - 90
