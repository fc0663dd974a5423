"""Attention in blocks equals that under a mask of the whole square."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch
from torch import Tensor

from acestep_runtime.dit.windows import BLOCKS_FROM, attend, attend_in_window

CPU = torch.device("cpu")


def _random(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _by_hand(query: Tensor, keys: Tensor, values: Tensor, scale: float, window: int) -> Tensor:
    """One patch at a time."""
    grouped = query.shape[1] // keys.shape[1]
    keys, values = keys.repeat_interleave(grouped, 1), values.repeat_interleave(grouped, 1)
    made = []
    for at in range(query.shape[2]):
        near = slice(max(0, at - window), at + window + 1)
        weights = torch.softmax(query[:, :, at : at + 1] @ keys[:, :, near].transpose(-1, -2) * scale, -1)
        made.append(weights @ values[:, :, near])
    return torch.cat(made, 2)


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 70), st.integers(1, 9), st.integers(1, 2), st.sampled_from([(2, 2), (4, 2), (3, 1)]))
def test_every_patch_attends_to_those_near_it(patches: int, window: int, items: int, heads: tuple[int, int]) -> None:
    query = _random(1, items, heads[0], patches, 4)
    keys, values = _random(2, items, heads[1], patches, 4), _random(3, items, heads[1], patches, 4)
    made = attend_in_window(patches, window, CPU)(query, keys, values, 0.5)
    assert torch.allclose(made, _by_hand(query, keys, values, 0.5, window), atol=1e-12)


def test_a_window_over_everything_is_no_window() -> None:
    query, keys, values = (_random(seed, 1, 2, 30, 4) for seed in (1, 2, 3))
    made = attend_in_window(30, 30, CPU)(query, keys, values, 0.5)
    assert torch.allclose(made, attend(query, keys, values, 0.5), atol=1e-12)


def test_what_is_not_seen_does_not_matter() -> None:
    window, patches = 2, 3 * 2 * BLOCKS_FROM
    query, keys, values = (_random(seed, 1, 2, patches, 4) for seed in (1, 2, 3))
    near = attend_in_window(patches, window, CPU)
    before = near(query, keys, values, 0.5)
    values[:, :, 20:] = torch.inf
    after = near(query, keys, values, 0.5)
    assert torch.equal(after[:, :, : 20 - 4 * window], before[:, :, : 20 - 4 * window])
