"""A repaint keeps to the sides of its source."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from acestep_runtime.audio import wav
from acestep_runtime.engines.fake import FakeEngine
from acestep_runtime.tasks.base import Output, OutputBlock, Source
from acestep_runtime.tasks.repaint import Repaint
from acestep_runtime.values import CancelToken
from tests.support.signals import noise


@pytest.mark.parametrize(("gains", "channels"), [((1, 0), 2), ((0, 1), 2), ((1, 1), 2), ((1,), 1)])
@pytest.mark.parametrize("rate_hz", [44_100, 48_000])
def test_sound_stays_where_the_source_has_some(
    tmp_path: Path, gains: tuple[int, ...], channels: int, rate_hz: int
) -> None:
    song = noise(2.0, rate_hz=rate_hz, channels=1) * np.float32(gains)
    wav.write(tmp_path / "song.wav", song, rate_hz)
    task = Repaint(Source(str(tmp_path / "song.wav")), start_s=0.5, end_s=1.5, output=Output(seeds=(1,)))
    blocks = [event.samples for event in task.run(FakeEngine(), CancelToken()) if isinstance(event, OutputBlock)]
    result = np.concatenate(blocks)
    assert result.shape == (2 * rate_hz, channels)
    new = result[rate_hz * 6 // 10 : rate_hz * 14 // 10]
    assert np.abs(new).max() > 0.01
    assert not np.array_equal(new, song[rate_hz * 6 // 10 : rate_hz * 14 // 10])
    assert np.array_equal(new * np.float32(gains), new)
    if gains == (1, 1):
        assert np.array_equal(new[:, 0], new[:, 1])
