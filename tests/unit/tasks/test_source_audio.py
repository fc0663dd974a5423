"""Reading sources: the memory that it takes follows the frames that are asked for, not those of the file."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf

from acestep_runtime.audio import convert, decoders
from acestep_runtime.engines.fake import FakeEngine
from acestep_runtime.tasks import build_task
from acestep_runtime.tasks.base import Output, Source
from acestep_runtime.tasks.source_audio import Clip
from acestep_runtime.units import ENGINE_RATE_HZ
from acestep_runtime.values import CancelToken
from tests.support.signals import noise

SECONDS, RATE_HZ = 20, 192_000
#: What the engine's version of the file below takes: float32, stereo.
ENGINE_BYTES = SECONDS * ENGINE_RATE_HZ * 2 * 4
#: Blocks on their way, and what Python itself takes.
SLACK_BYTES = 6 << 20


@pytest.fixture(scope="module")
def silence(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small file that holds much: 20 KiB become 31 MB."""
    path = tmp_path_factory.mktemp("audio") / "silence.flac"
    sf.write(path, np.zeros((SECONDS * RATE_HZ, 2), np.int16), RATE_HZ)
    assert path.stat().st_size < 40_000
    return path


def peak_bytes(work: Callable[[], object]) -> int:
    """How much NumPy and Python take at most during ``work``."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("rate_hz", [None, 44_100])
def test_a_source_at_a_high_rate_takes_no_more_memory_than_the_engines_version_of_it(
    silence: Path, rate_hz: int | None
) -> None:
    clip = Clip.open(Source(str(silence)), Output(sample_rate=rate_hz))
    assert peak_bytes(lambda: clip.for_engine(0, clip.frames)) < ENGINE_BYTES + SLACK_BYTES


def test_stems_at_a_high_rate_take_no_more_either(silence: Path) -> None:
    task = build_task("extract", {"source": {"path": str(silence)}, "tracks": ["drums"]})

    def run() -> None:
        for _ in task.run(FakeEngine(), CancelToken()):
            pass

    assert peak_bytes(run) < 2 * ENGINE_BYTES + SLACK_BYTES


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg"])
@pytest.mark.parametrize("channels", [1, 2])
def test_the_engines_version_is_the_file_resampled(tmp_path: Path, name: str, channels: int) -> None:
    sf.write(tmp_path / name, noise(3.0, rate_hz=44_100, channels=channels), 44_100)
    samples = sf.read(tmp_path / name, dtype="float32", always_2d=True)[0]
    expected = convert.resample(convert.to_channels(samples, 2), 44_100, ENGINE_RATE_HZ)
    clip = Clip.open(Source(str(tmp_path / name)), Output())
    assert np.array_equal(clip.for_engine(0, clip.frames), expected)
    part = convert.resample(convert.to_channels(samples[5_000:70_001], 2), 44_100, ENGINE_RATE_HZ)
    assert np.array_equal(clip.for_engine(5_000, 70_001), part)
    beyond = convert.resample(np.pad(expected[:0], ((0, 100), (0, 0))), 44_100, ENGINE_RATE_HZ)
    assert np.array_equal(clip.for_engine(clip.frames, clip.frames + 100), beyond)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.aiff"])
def test_a_part_of_a_long_file_is_decoded_without_the_rest(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Time follows the frames that are asked for, too: counted in frames, so that a busy machine changes nothing."""
    sf.write(tmp_path / name, np.zeros((60 * RATE_HZ, 1), np.int16), RATE_HZ)
    decoded, fill = 0, decoders._fill

    def count(decoder: Any, out: Any) -> int:
        nonlocal decoded
        frames = fill(decoder, out)
        decoded += frames
        return frames

    monkeypatch.setattr(decoders, "_fill", count)
    clip = Clip.open(Source(str(tmp_path / name)), Output())
    assert decoded == 0
    assert len(clip.for_engine(30 * RATE_HZ, 31 * RATE_HZ)) == ENGINE_RATE_HZ
    assert decoded == RATE_HZ
