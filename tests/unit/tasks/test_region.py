"""Resampling part of an engine's window equals resampling all of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from acestep_runtime.audio import convert
from acestep_runtime.audio.splice import Span
from acestep_runtime.tasks.base import Output, Source
from acestep_runtime.tasks.region import Region
from acestep_runtime.tasks.source_audio import Clip
from acestep_runtime.units import ENGINE_RATE_HZ
from tests.support.signals import noise


@pytest.mark.parametrize("rate_hz", [8_000, 22_050, 44_100, 44_101, 48_000, 96_000])
@pytest.mark.parametrize(("start_s", "length_s"), [(0.0, 0.5), (1.3, 0.7), (2.6, 0.4), (0.0, 3.0)])
def test_a_part_of_a_window_is_resampled_like_the_whole(
    tmp_path: Path, rate_hz: int, start_s: float, length_s: float
) -> None:
    path = tmp_path / "source.wav"
    soundfile.write(path, noise(3.0, rate_hz=rate_hz), rate_hz, subtype="FLOAT")
    clip = Clip.open(Source(str(path)), Output())
    span = Span.resolve(start_s, start_s + length_s, clip.frames, rate_hz)
    region = Region.around(clip, span, 5.0, 20.0)
    engine_output = noise(3.0, seed=1)
    start, stop = region.window.target
    part = region.from_engine(engine_output, start, stop)
    whole = convert.resample(engine_output, ENGINE_RATE_HZ, rate_hz, region.window.frames)[start:stop]
    assert part.shape == whole.shape == (stop - start, 2)
    assert np.abs(part - whole).max() < 1e-5  # of noise at RMS 0.1
