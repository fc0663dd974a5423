"""Narrow convolutions that a CPU computes wrongly in bfloat16 compute in float32, and nothing else does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch
from torch import Tensor, nn

from acestep_runtime.vae import exact_layers
from acestep_runtime.vae.exact_layers import ExactConvolution, compute_exactly_where_wrong, convolution_error
from acestep_runtime.vae.fuse import fuse
from acestep_runtime.vae.stages import ConvStage
from tests.support.small_vae import small

_FORWARD = nn.Conv1d.forward


def _fake_cpu(is_wrong: Callable[[nn.Conv1d], bool]) -> Callable[[nn.Conv1d, Tensor], Tensor]:
    """Return convolutions that round their result as bfloat16 does, and are noise where they are wrong."""

    def forward(self: nn.Conv1d, x: Tensor) -> Tensor:
        bias = None if self.bias is None else self.bias.float()
        exact = self._conv_forward(x.float(), self.weight.float(), bias)
        if x.dtype == torch.bfloat16 and self.weight.dtype == torch.bfloat16 and is_wrong(self):
            exact = exact.flip(-1)
        return exact.to(x.dtype)

    return forward


def _layers_with_stride(module: nn.Module) -> list[nn.Conv1d]:
    return [each for each in module.modules() if isinstance(each, nn.Conv1d) and each.stride != (1,)]


def test_what_the_cpu_computes_right_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nn.Conv1d, "forward", _fake_cpu(lambda _: False))
    encoder = fuse(small(8)).to(torch.bfloat16).encoder
    compute_exactly_where_wrong(encoder)
    assert {each.weight.dtype for each in _layers_with_stride(encoder)} == {torch.bfloat16}
    assert not any(isinstance(each, ExactConvolution) for each in encoder.modules())


def test_wrong_layers_compute_in_float32_and_the_others_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    vae = fuse(small(8)).to(torch.bfloat16)
    exact = fuse(small(8)).to(torch.bfloat16).float().encoder
    strides = {each.stride for each in _layers_with_stride(vae.encoder)}
    wrong = max(strides)
    monkeypatch.setattr(nn.Conv1d, "forward", _fake_cpu(lambda layer: layer.stride == wrong))
    signal = 0.3 * torch.randn(1, 2, 4 * 1920, generator=torch.Generator().manual_seed(3))
    expected = exact(signal)

    def error() -> float:
        return float((vae.encoder(signal.bfloat16()).float() - expected).norm() / expected.norm())

    assert error() > 0.3
    compute_exactly_where_wrong(vae.encoder)
    assert error() < 0.05
    assert {each.stride for each in vae.encoder.modules() if isinstance(each, ExactConvolution)} == {wrong}
    assert next(vae.encoder.parameters()).dtype == torch.bfloat16
    assert ConvStage.of(vae.encoder).downsampling == 1920


def test_wide_layers_are_checked_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(exact_layers, "convolution_error", lambda layer: (asked.append(layer), 1.0)[1])
    wide, narrow = (nn.Conv1d(channels, 4, 8, stride=4) for channels in (128, 127))
    compute_exactly_where_wrong(nn.Sequential(wide, narrow, nn.Conv1d(8, 8, 7)).to(torch.bfloat16))
    assert asked == [narrow]
    assert type(wide) is nn.Conv1d
    assert isinstance(narrow, ExactConvolution)


def test_the_error_is_that_of_rounding_on_a_correct_cpu_and_large_on_a_wrong_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    layer = nn.Conv1d(8, 8, 8, stride=4).to(torch.bfloat16)
    monkeypatch.setattr(nn.Conv1d, "forward", _fake_cpu(lambda _: False))
    assert 1e-4 < convolution_error(layer) < 0.01
    monkeypatch.setattr(nn.Conv1d, "forward", _fake_cpu(lambda _: True))
    assert convolution_error(layer) > 0.5
    monkeypatch.setattr(nn.Conv1d, "forward", _FORWARD)
    assert convolution_error(ExactConvolution.of(layer)) < 1e-6
