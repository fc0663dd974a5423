"""Sliding-window attention equals a computation patch by patch."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch
from torch import Tensor

from acestep_runtime.dit.windows import MIN_WINDOWS_FOR_BLOCKS, dot_product_attention, sliding_window_attention

CPU = torch.device("cpu")


def _random(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _reference_attention(query: Tensor, keys: Tensor, values: Tensor, scale: float, window: int) -> Tensor:
    """One patch at a time."""
    grouped = query.shape[1] // keys.shape[1]
    keys, values = keys.repeat_interleave(grouped, 1), values.repeat_interleave(grouped, 1)
    outputs = []
    for position in range(query.shape[2]):
        near = slice(max(0, position - window), position + window + 1)
        weights = torch.softmax(query[:, :, position : position + 1] @ keys[:, :, near].transpose(-1, -2) * scale, -1)
        outputs.append(weights @ values[:, :, near])
    return torch.cat(outputs, 2)


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 70), st.integers(1, 9), st.integers(1, 2), st.sampled_from([(2, 2), (4, 2), (3, 1)]))
def test_windowed_attention_equals_the_reference(patches: int, window: int, items: int, heads: tuple[int, int]) -> None:
    query = _random(1, items, heads[0], patches, 4)
    keys, values = _random(2, items, heads[1], patches, 4), _random(3, items, heads[1], patches, 4)
    output = sliding_window_attention(patches, window, CPU)(query, keys, values, 0.5)
    assert torch.allclose(output, _reference_attention(query, keys, values, 0.5, window), atol=1e-12)


def test_a_window_over_the_whole_length_equals_full_attention() -> None:
    query, keys, values = (_random(seed, 1, 2, 30, 4) for seed in (1, 2, 3))
    output = sliding_window_attention(30, 30, CPU)(query, keys, values, 0.5)
    assert torch.allclose(output, dot_product_attention(query, keys, values, 0.5), atol=1e-12)


def test_values_outside_the_window_have_no_effect() -> None:
    window, patches = 2, 3 * 2 * MIN_WINDOWS_FOR_BLOCKS
    query, keys, values = (_random(seed, 1, 2, patches, 4) for seed in (1, 2, 3))
    attend = sliding_window_attention(patches, window, CPU)
    before = attend(query, keys, values, 0.5)
    values[:, :, 20:] = torch.inf
    after = attend(query, keys, values, 0.5)
    assert torch.equal(after[:, :, : 20 - 4 * window], before[:, :, : 20 - 4 * window])
