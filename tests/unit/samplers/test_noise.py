"""The noise of variations against its closed form."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch
from torch import Tensor

from acestep_runtime.samplers.loop import draw_noise
from acestep_runtime.samplers.noise import NoiseStream, draw_take_noise, mix_weights
from acestep_runtime.values import TakeSeed, Variation

_STEPS = st.lists(st.builds(Variation, st.floats(0, 1), st.integers(0, 5)), max_size=6)


def _noise(seed: int, *steps: tuple[float, int], frames: int = 50) -> Tensor:
    return draw_take_noise([TakeSeed(seed, tuple(Variation(*step) for step in steps))], frames, 8)


def test_no_variation_and_a_whole_one_are_plain_noise_bit_for_bit() -> None:
    own, other = draw_noise([7], 50, 8), draw_noise([9], 50, 8)
    assert torch.equal(_noise(7), own)
    assert torch.equal(_noise(7, (0.0, 9)), own)
    assert torch.equal(_noise(7, (1.0, 9)), other)
    assert torch.equal(_noise(7, (0.4, 8), (1.0, 9)), other)


@pytest.mark.parametrize("amount", [0.1, 0.3, 0.5, 0.9])
def test_a_variation_turns_the_noise_towards_the_other(amount: float) -> None:
    own, other = draw_noise([7], 20_000, 8), draw_noise([9], 20_000, 8)
    varied, angle = _noise(7, (amount, 9), frames=20_000), amount * math.pi / 2
    assert torch.allclose(varied, math.cos(angle) * own + math.sin(angle) * other, atol=1e-6)
    assert float(varied.var()) == pytest.approx(1.0, abs=0.01)
    likeness = torch.corrcoef(torch.stack((varied.flatten(), own.flatten())))[0, 1]
    assert float(likeness) == pytest.approx(math.cos(angle), abs=0.01)


@given(st.integers(0, 5), _STEPS)
def test_the_variance_stays_one_also_where_a_seed_comes_twice(seed: int, steps: list[Variation]) -> None:
    weights = mix_weights(TakeSeed(seed, tuple(steps)))
    assert sum(weight**2 for weight in weights.values()) == pytest.approx(1.0)
    assert all(weight >= 0 for weight in weights.values())


def test_a_variation_towards_the_own_seed_is_the_same_take() -> None:
    assert torch.allclose(_noise(7, (0.5, 7)), draw_noise([7], 50, 8), atol=1e-6)


def test_variations_of_a_variation_follow_each_other() -> None:
    first = math.cos(0.15 * math.pi) * draw_noise([1], 50, 8) + math.sin(0.15 * math.pi) * draw_noise([2], 50, 8)
    expected = math.cos(0.1 * math.pi) * first + math.sin(0.1 * math.pi) * draw_noise([3], 50, 8)
    assert torch.allclose(_noise(1, (0.3, 2), (0.2, 3)), expected, atol=1e-6)


@settings(deadline=None, max_examples=20)
@given(st.lists(st.tuples(st.integers(0, 3), _STEPS), min_size=1, max_size=4))
def test_a_take_has_the_same_noise_in_every_batch(rows: list[tuple[int, list[Variation]]]) -> None:
    takes = [TakeSeed(seed, tuple(steps)) for seed, steps in rows]
    like, together = torch.zeros(len(takes), 5, 4), NoiseStream(takes, 77)
    alone = [NoiseStream([take], 77) for take in takes]
    assert torch.equal(draw_take_noise(takes, 5, 4), torch.cat([draw_take_noise([take], 5, 4) for take in takes]))
    for _ in range(2):
        assert torch.equal(together.draw(like), torch.cat([each.draw(like[:1]) for each in alone]))


def test_a_stream_without_variations_is_that_of_its_seed() -> None:
    stream, generator = NoiseStream([TakeSeed(7)], 77), torch.Generator().manual_seed(7 ^ 77)
    like = torch.zeros(1, 5, 4)
    assert torch.equal(stream.draw(like), torch.randn(1, 5, 4, generator=generator))
    assert torch.equal(stream.draw(like), torch.randn(1, 5, 4, generator=generator))
