"""An autoencoder that 16 bits spoil computes in float32."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch
from torch import Tensor
from torch.nn import functional

from acestep_runtime.vae.fuse import fuse
from acestep_runtime.vae.parity import TOLERANCE, decoding_error, with_safe_dtype
from tests.support.small_vae import small


def _round_result(compute: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Compute in float32 and round to the type of the input: what a correct CPU does, and not every CPU is one."""

    def run(x: Tensor, *given: Any) -> Tensor:
        exact = [each.float() if isinstance(each, Tensor) else each for each in given]
        return compute(x.float(), *exact).to(x.dtype)

    return run


def test_rounding_to_16_bits_is_within_the_tolerance(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("conv1d", "conv_transpose1d"):
        monkeypatch.setattr(functional, name, _round_result(getattr(functional, name)))
    vae = fuse(small(8)).to(torch.bfloat16)
    assert 1e-4 < decoding_error(vae) < TOLERANCE
    assert next(with_safe_dtype(vae).parameters()).dtype == torch.bfloat16


def test_values_beyond_float16_bring_float32(caplog: pytest.LogCaptureFixture) -> None:
    vae = fuse(small(8))
    with torch.no_grad():
        vae.decoder.conv1.weight.mul_(1e6)
    exact = {name: value.half().float() for name, value in vae.state_dict().items()}
    with caplog.at_level(logging.WARNING):
        safe = with_safe_dtype(vae.half())
    assert safe is vae
    assert all(value.dtype == torch.float32 for value in safe.state_dict().values())
    assert all(torch.equal(value, exact[name]) for name, value in safe.state_dict().items())
    assert "The VAE computes in float32" in caplog.text


def test_float32_is_not_checked(caplog: pytest.LogCaptureFixture) -> None:
    vae = fuse(small(8))
    with torch.no_grad():
        vae.decoder.conv1.weight.fill_(float("nan"))
    assert with_safe_dtype(vae) is vae
    assert not caplog.records
