"""Candidates for GPUs agree with what they may replace."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="the bench of GPUs needs torch")

import torch

from acestep_runtime.dit.windows import sliding_window_attention
from acestep_runtime.vae.fuse import Snake
from tests.bench.gpu_candidates import flex_window_attention, one_pass_snake

CPU = torch.device("cpu")


@torch.inference_mode()
def test_a_compiled_snake_agrees() -> None:
    torch.manual_seed(1)
    snake, x = Snake(torch.rand(1, 8, 1) + 0.5, torch.rand(1, 8, 1) + 0.5), torch.randn(2, 8, 50)
    torch.testing.assert_close(one_pass_snake(snake, CPU)(x), snake(x), atol=1e-6, rtol=1e-6)
    snake, x = snake.bfloat16(), x.bfloat16()
    found, expected = one_pass_snake(snake, CPU)(x).float(), snake(x).float()
    assert float((found - expected).norm() / expected.norm()) < 0.02


@pytest.mark.parametrize("patches", [40, 150])
@torch.inference_mode()
def test_flex_attention_agrees_with_windows(patches: int) -> None:
    torch.manual_seed(2)
    query, keys, values = (torch.randn(2, heads, patches, 16) for heads in (4, 2, 2))
    expected = sliding_window_attention(patches, 16, CPU)(query, keys, values, 0.25)
    found = flex_window_attention(patches, 16, CPU)(query, keys, values, 0.25)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
