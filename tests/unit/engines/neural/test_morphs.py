"""Morphing on the neural engine: words or style change, on base models alone, and the same request gives the same result."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

from acestep_runtime.audio.samples import Samples
from acestep_runtime.engines.base import Block, EngineRequest, Metadata, Progress
from acestep_runtime.engines.neural import diffusion
from acestep_runtime.engines.neural.engine import NeuralEngine
from acestep_runtime.errors import InvalidValue
from acestep_runtime.tasks import TASKS
from acestep_runtime.values import CancelToken, Morph, Music, Sampling, TakeSeed, Variation
from tests.support.signals import noise
from tests.support.tiny_models import tiny_models

pytestmark = pytest.mark.slow

FRAMES = 2 * 48_000


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> NeuralEngine:
    return NeuralEngine(tiny_models(tmp_path_factory.mktemp("models")))


def _request(morph: Morph, **sampling: Any) -> EngineRequest:
    source = np.ascontiguousarray(0.3 * noise(FRAMES / 48_000, rate_hz=48_000)[:FRAMES])
    return EngineRequest(
        TASKS["cover"], FRAMES, 7, Music("jazz", "la la", bpm=120.0), Sampling(**{"steps": 4, **sampling}), source=source,
        known=(0, FRAMES), morph=morph,
    )  # fmt: skip


def _make(engine: NeuralEngine, request: EngineRequest) -> tuple[Samples, list[Any]]:
    events = list(engine.run(request, CancelToken()))
    return np.concatenate([event.samples for event in events if isinstance(event, Block)]), events


def test_a_morph_is_made_by_a_base_model_and_made_again(engine: NeuralEngine) -> None:
    request = _request(Morph("all", caption="rock", end=0.7, draws=2))
    first, events = _make(engine, request)
    assert any(event.values.get("model") == "acestep-v15-base" for event in events if isinstance(event, Metadata))
    assert np.isfinite(first).all()
    assert np.array_equal(_make(engine, request)[0], first)
    for other in (Morph("all", caption="rock", end=0.7), Morph("style", caption="rock"), Morph("all", lyrics="lo lo")):
        assert not np.array_equal(_make(engine, replace(request, morph=other))[0], first)
    assert not np.array_equal(_make(engine, replace(request, variations=(Variation(0.5, 9),)))[0], first)
    half, _ = _make(engine, replace(request, strength=0.5))
    assert not np.array_equal(half, first)


def test_the_steps_before_the_window_are_left_out(engine: NeuralEngine) -> None:
    _, events = _make(engine, _request(Morph("words", lyrics="lo lo"), steps=5))
    stages = [event.stage for event in events if isinstance(event, Progress) and event.stage.startswith("step")]
    assert stages == ["step 4 of 5", "step 5 of 5"]


def test_takes_of_a_morph_are_made_in_one_batch(engine: NeuralEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    request = _request(Morph("all", caption="rock"))
    takes = (TakeSeed(6), TakeSeed(7), TakeSeed(8))  # the first is made alone
    alone = [_make(engine, replace(request, seed=take.seed))[0] for take in takes]
    monkeypatch.setattr(diffusion, "max_batch_takes", lambda *_, **__: 2)
    for take, expected in zip(takes, alone, strict=True):
        together, _ = _make(engine, replace(request, seed=take.seed, take_seeds=takes))
        assert np.abs(together - expected).max() < 1e-5


def test_turbo_models_do_not_morph(engine: NeuralEngine) -> None:
    with pytest.raises(InvalidValue, match="acestep-v15-turbo is a turbo model; morphing needs a base or an SFT model"):
        _make(engine, _request(Morph("style", caption="rock"), model="turbo"))
