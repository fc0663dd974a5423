"""Variations on the neural engine: between a take and the take of another seed, for every task."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

from acestep_runtime.audio.samples import Samples
from acestep_runtime.engines.base import Block, EngineRequest, Metadata
from acestep_runtime.engines.neural import diffusion
from acestep_runtime.engines.neural.engine import NeuralEngine
from acestep_runtime.engines.neural.recipes import RECIPES
from acestep_runtime.tasks import TASKS
from acestep_runtime.values import CancelToken, Music, Sampling, TakeSeed, Thinking, Variation
from tests.support.signals import noise
from tests.support.tiny_lm import tiny_lm
from tests.support.tiny_models import tiny_models

pytestmark = pytest.mark.slow

FRAMES = 2 * 48_000
SPAN = (48_000, 72_000)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> NeuralEngine:
    return NeuralEngine(tiny_models(tmp_path_factory.mktemp("models")))


def _request(task: str, seed: int = 7, *steps: tuple[float, int]) -> EngineRequest:
    tracks = {"lego": ("drums",), "extract": ("vocals",), "complete": ("fx",)}.get(task, ())
    request = EngineRequest(
        TASKS[task], FRAMES, seed, Music("warm piano", bpm=120.0), Sampling(steps=2, skip_loop=True), tracks=tracks,
        mode="balanced", variations=tuple(Variation(*step) for step in steps),
    )  # fmt: skip
    if task == "text2music":
        return request
    source = np.ascontiguousarray(0.3 * noise(FRAMES / 48_000, rate_hz=48_000)[:FRAMES])
    return replace(request, source=source, known=(0, FRAMES), span=SPAN)


def _make(engine: NeuralEngine, request: EngineRequest) -> Samples:
    blocks = [event.samples for event in engine.run(request, CancelToken()) if isinstance(event, Block)]
    return np.concatenate(blocks)


@pytest.mark.parametrize("task", RECIPES)
def test_variations_lie_between_a_take_and_the_take_of_the_other_seed(engine: NeuralEngine, task: str) -> None:
    own, other = _make(engine, _request(task, 7)), _make(engine, _request(task, 8))
    assert np.array_equal(_make(engine, _request(task, 7, (0.0, 8))), own)
    assert np.array_equal(_make(engine, _request(task, 7, (1.0, 8))), other)
    varied = [_make(engine, _request(task, 7, (amount, 8))) for amount in (0.1, 0.5)]
    far = [float(np.abs(each - own).mean()) for each in (*varied, other)]
    assert 0 < far[0] < far[1] < far[2]
    assert np.array_equal(_make(engine, _request(task, 7, (0.1, 8))), varied[0])


def test_variations_of_one_take_are_generated_in_one_batch(
    engine: NeuralEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    takes = tuple(TakeSeed(7, (Variation(0.3, seed),)) for seed in (8, 9, 10))
    plain = replace(_request("text2music"), sampling=Sampling(model="base", steps=2, sampler="sde"))
    alone = [_make(engine, replace(plain, variations=take.variations)) for take in takes]
    batches = []
    original = diffusion._denoise
    monkeypatch.setattr(diffusion, "max_batch_takes", lambda *_, **__: 2)
    monkeypatch.setattr(diffusion, "_denoise", lambda *given: (batches.append(given[3]), original(*given))[1])
    for take, expected in zip(takes, alone, strict=True):
        together = _make(engine, replace(plain, variations=take.variations, take_seeds=takes))
        assert np.abs(together - expected).max() < 1e-5
    assert batches == [list(takes[:1]), list(takes[1:])]  # the first is alone, to be heard soon
    assert not np.allclose(alone[0], alone[1])


def test_variations_have_the_plan_of_their_take(tmp_path: Path) -> None:
    tiny_lm(tiny_models(tmp_path))
    engine = NeuralEngine(tmp_path)
    thinking = Thinking(plan_first=True, top_k=20)  # random weights would choose among all tokens, slowly
    requests = [replace(_request("text2music", 7, *steps), thinking=thinking) for steps in ((), ((0.4, 8),))]
    plans = [
        [event.values["plan"] for event in engine.run(each, CancelToken()) if isinstance(event, Metadata)
         and "plan" in event.values] for each in requests
    ]  # fmt: skip
    assert plans[0] == plans[1] != []
