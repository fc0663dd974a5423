"""Normalisation equals that of diffusers' module up to the order in which squares are added."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch
from diffusers.models.normalization import RMSNorm

from acestep_runtime.dit.norms import normalize


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.bfloat16, 1e-3), (torch.float16, 2e-4)])
@pytest.mark.parametrize("shape", [(1, 1, 8), (2, 30, 4, 128), (1, 7, 2048)])
@torch.inference_mode()
def test_it_equals_the_module(shape: tuple[int, ...], dtype: torch.dtype, tolerance: float) -> None:
    draw = torch.Generator().manual_seed(1)
    norm = RMSNorm(shape[-1], eps=1e-6)
    norm.weight.copy_(torch.rand(shape[-1], generator=draw) + 0.5)
    norm.to(dtype)
    states = (3 * torch.randn(shape, generator=draw)).to(dtype)
    found, expected = normalize(norm, states), norm(states)
    assert found.dtype is expected.dtype is dtype
    assert (found.double() - expected.double()).norm() <= tolerance * expected.double().norm()


@torch.inference_mode()
def test_the_root_mean_square_of_the_result_is_that_of_the_weight() -> None:
    norm = RMSNorm(64, eps=0.0)
    norm.weight.fill_(2.0)
    found = normalize(norm, torch.randn(5, 64, generator=torch.Generator().manual_seed(2)))
    torch.testing.assert_close(found.square().mean(-1).sqrt(), torch.full((5,), 2.0))


@torch.inference_mode()
def test_large_values_do_not_overflow_in_float16() -> None:
    """Squares of more than 255 are beyond float16."""
    norm = RMSNorm(32, eps=1e-6).half()
    assert torch.equal(normalize(norm, torch.full((1, 32), 1000.0).half()), torch.ones(1, 32).half())
