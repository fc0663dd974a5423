"""Stems add up to their source at every rate, also above the band of the engine."""

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from acestep_runtime.engines.draft.engine import DraftEngine
from acestep_runtime.tasks import build_task
from acestep_runtime.tasks.base import OutputBlock
from acestep_runtime.values import TRACKS, CancelToken
from tests.support.signals import noise


@pytest.mark.parametrize("tracks", [("drums",), ("vocals", "bass"), TRACKS], ids=len)
@pytest.mark.parametrize(("rate_hz", "channels"), [(44_100, 1), (44_100, 2), (48_000, 1), (96_000, 2)])
def test_stems_add_up_to_the_source(tmp_path: Path, rate_hz: int, channels: int, tracks: tuple[str, ...]) -> None:
    source = noise(1.0, rate_hz=rate_hz, channels=channels)
    sf.write(tmp_path / "a.wav", source, rate_hz, subtype="FLOAT")
    task = build_task("extract", {"source": {"path": str(tmp_path / "a.wav")}, "tracks": list(tracks)})
    outputs: dict[int, list[np.ndarray]] = {}
    for event in task.run(DraftEngine(), CancelToken()):
        if isinstance(event, OutputBlock):
            outputs.setdefault(event.output, []).append(event.samples)
    total = sum(np.concatenate(blocks).astype(np.float64) for blocks in outputs.values())
    rest_db = 10 * np.log10(np.mean((total - source) ** 2) / np.mean(source.astype(np.float64) ** 2) + 1e-30)
    assert rest_db < -110
