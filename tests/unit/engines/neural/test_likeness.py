"""A repaint that starts from what is in its region: the more of it the noise leaves, the more of it comes back."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch

from acestep_runtime.audio.samples import Samples
from acestep_runtime.conditioning.latents import FRAME_SAMPLES
from acestep_runtime.engines.base import Block, EngineRequest
from acestep_runtime.engines.neural.diffusion import encode_source_tiles
from acestep_runtime.engines.neural.engine import NeuralEngine
from acestep_runtime.song.plan import USUAL_LIKE_STRENGTH
from acestep_runtime.tasks import TASKS
from acestep_runtime.values import CancelToken, Music, Sampling
from tests.support.signals import noise
from tests.support.tiny_models import tiny_models

pytestmark = pytest.mark.slow

FRAMES = 4 * 48_000
#: The region: the second half, as a section that follows the song so far.
SPAN = (FRAMES // 2, FRAMES)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> NeuralEngine:
    return NeuralEngine(tiny_models(tmp_path_factory.mktemp("models")))


@pytest.fixture(scope="module")
def source() -> Samples:
    return np.ascontiguousarray(0.3 * noise(FRAMES / 48_000, rate_hz=48_000)[:FRAMES])


def request_for(source: Samples, sampling: Sampling) -> EngineRequest:
    music = Music("warm piano", bpm=120.0)
    return EngineRequest(TASKS["repaint"], FRAMES, 7, music, sampling, source, SPAN, (0, FRAMES), mode="conservative")


def likeness(engine: NeuralEngine, request: EngineRequest) -> float:
    """Return the correlation of the latents in the region with those that were there."""
    events = engine.run(request, CancelToken())
    made = next(each.latents for each in events if isinstance(each, Block) and each.latents is not None)
    assert engine._model is not None
    before = torch.cat(list(encode_source_tiles(engine._model, request, CancelToken())), 1)[0].float().cpu().numpy()
    first, stop = (frame // FRAME_SAMPLES for frame in SPAN)
    one, other = made.latents.astype(np.float32)[first:stop], before[first:stop]
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


@pytest.mark.parametrize(
    ("sampling", "strengths"),
    [
        # Of a turbo model's eight steps the last one begins at noise level 0.3.
        (Sampling(steps=8), (0.0, 0.25, USUAL_LIKE_STRENGTH, 0.7)),
        # Without guidance, which takes the velocity of random weights far from any music.
        (Sampling(model="base", steps=16, shift=1.0, guidance=1.0), (0.0, 0.25, USUAL_LIKE_STRENGTH, 0.7, 1.0)),
    ],
)
def test_more_of_the_region_comes_back_the_higher_the_strength(
    engine: NeuralEngine, source: Samples, sampling: Sampling, strengths: tuple[float, ...]
) -> None:
    found = [likeness(engine, request_for(source, replace(sampling, noise_strength=each))) for each in strengths]
    assert all(later > earlier + 0.01 for earlier, later in pairwise(found)), found
    assert found[-1] > found[0] + 0.2
