"""What an engine is told of a preview: the tempo of its bars and where they end, and what it is not told."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from acestep_runtime.audio import wav
from acestep_runtime.engines.base import EngineRequest
from acestep_runtime.engines.fake import FakeEngine
from acestep_runtime.tasks import TASKS
from acestep_runtime.tasks.base import Output
from acestep_runtime.tasks.preview_input import read_preview, with_preview
from acestep_runtime.values import Music
from tests.support.signals import noise

RATE_HZ = 48_000


class Neural(FakeEngine):
    """An engine that decodes what it makes."""

    has_latents = True


def beats(bpm: float, seconds: float = 8.0) -> np.ndarray[Any, Any]:
    """Clicks of noise at a tempo."""
    samples = np.zeros((round(RATE_HZ * seconds), 2), np.float32)
    for beat in range(int(seconds * bpm / 60)):
        at = round(beat * 60 / bpm * RATE_HZ)
        samples[at : at + 480] = noise(0.01, seed=beat)[: len(samples) - at]
    return samples


def request_for(task: str, source: Any = None, music: Music | None = None, seconds: float = 8.0) -> EngineRequest:
    return EngineRequest(TASKS[task], round(seconds * RATE_HZ), 1, music=music or Music(), source=source)


def preview_of(request: EngineRequest, bars: int = 2, end_s: float = 8.0, engine: Any = None) -> Any:
    end = round(end_s * RATE_HZ)
    return with_preview(request, Output(preview_bars=bars), engine or Neural(), 0, end).preview


def test_the_tempo_is_that_of_the_request_or_else_of_the_source() -> None:
    found = preview_of(request_for("cover", beats(100.0)), 1)
    assert found.tempo.origin == "source"
    assert found.tempo.bpm == pytest.approx(100, rel=0.02)
    asked_for = preview_of(request_for("cover", beats(100.0), Music(bpm=150.0, timesignature=3)))
    assert (asked_for.tempo.bpm, asked_for.tempo.beats_per_bar, asked_for.tempo.origin) == (150.0, 3, "request")
    assert asked_for.stop == round(2 * 3 * 0.4 * RATE_HZ)


def test_without_a_tempo_bars_are_of_two_seconds_or_as_the_plan_says() -> None:
    silence = np.zeros((8 * RATE_HZ, 2), np.float32)
    assumed = preview_of(request_for("cover", silence))
    assert (assumed.tempo.origin, assumed.stop) == ("assumed", 4 * RATE_HZ)
    open_one = preview_of(request_for("text2music"))
    assert open_one.tempo is None
    assert open_one.with_plan(60.0, None).stop == 8 * RATE_HZ


def test_there_is_no_preview_of_all_bars_of_stems_and_by_an_engine_without_latents() -> None:
    request = request_for("cover", music=Music(bpm=120.0))
    assert preview_of(request, 3) is not None
    assert preview_of(request, 4) is None
    assert preview_of(request, 3, engine=FakeEngine()) is None
    assert preview_of(dataclasses.replace(request, task=TASKS["extract"]), 3) is None
    assert with_preview(request, Output(), Neural(), 0, 8 * RATE_HZ) == request


def test_a_preview_that_is_not_there_has_no_latents(tmp_path: Path) -> None:
    assert read_preview(Output(), Neural()) is None
    assert read_preview(Output(preview_id=str(tmp_path / "none.wav")), Neural()) is None
    wav.write(tmp_path / "plain.wav", noise(0.1), RATE_HZ, "float32")
    assert read_preview(Output(preview_id=str(tmp_path / "plain.wav")), Neural()) is None
