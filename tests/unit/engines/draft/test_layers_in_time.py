"""Layers of the draft engine are in time with their source: by onsets that are found without the engine, and by the fit."""

from __future__ import annotations

import numpy as np
import pytest

from acestep_runtime.engines.base import Block, EngineRequest
from acestep_runtime.engines.draft.engine import DraftEngine
from acestep_runtime.fit.measure import FitFacts, measure_fit
from acestep_runtime.tasks import TASKS
from acestep_runtime.tasks.layer_tries import GOOD_FIT
from acestep_runtime.units import ENGINE_RATE_HZ
from acestep_runtime.values import CancelToken, Music
from tests.quality.judges import detect_onsets
from tests.support import signals

BEAT_S = 0.5


def straight_song() -> np.ndarray:
    """Eight bars at 120 bpm, with hits on all eighths."""
    song = signals.song(bars=8)
    hits = signals.clicks(
        np.arange(0, len(song) / ENGINE_RATE_HZ - 0.1, BEAT_S / 2), len(song) / ENGINE_RATE_HZ, peak=0.3
    )
    return (song + hits[: len(song)]).astype(np.float32)


@pytest.mark.parametrize("caption", ["", "jazz", "reggae"])
@pytest.mark.parametrize("task", ["lego", "complete"])
def test_a_guitar_plays_on_the_eighths_of_its_source(task: str, caption: str) -> None:
    song = straight_song()
    whole = (0, len(song))
    request = EngineRequest(
        TASKS[task], len(song), 7, Music(caption=caption), source=song, span=whole, known=whole, tracks=("guitar",)
    )
    blocks = [event for event in DraftEngine().run(request, CancelToken()) if isinstance(event, Block)]
    guitar = np.concatenate([block.samples for block in blocks if block.role == "guitar"])
    onsets_s = detect_onsets(guitar, ENGINE_RATE_HZ)
    assert len(onsets_s) >= 12
    away_s = (onsets_s + BEAT_S / 4) % (BEAT_S / 2) - BEAT_S / 4
    assert np.median(np.abs(away_s)) < 0.025
    assert np.mean(np.abs(away_s) < 0.04) > 0.8
    assert measure_fit(song, guitar, FitFacts(task, ("guitar",))).value >= GOOD_FIT
