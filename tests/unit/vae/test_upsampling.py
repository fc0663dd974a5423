"""Upsampling as a matrix product equals the transposed convolution."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch
from torch import nn

from acestep_runtime.vae import upsampling
from acestep_runtime.vae.stages import ConvStage
from acestep_runtime.vae.upsampling import ProductUpsampling, upsample_by_products


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "output_padding"), [(20, 10, 5, 0), (4, 2, 1, 0), (6, 3, 2, 1), (5, 5, 0, 0), (9, 3, 2, 0)]
)  # fmt: skip
@torch.inference_mode()
def test_a_product_equals_the_transposed_convolution(
    kernel: int, stride: int, padding: int, output_padding: int, bias: bool
) -> None:
    torch.manual_seed(3)
    conv = nn.ConvTranspose1d(8, 6, kernel, stride, padding, output_padding, bias=bias).requires_grad_(False)
    layer, x = ProductUpsampling.of(conv), torch.randn(2, 8, 7)
    torch.testing.assert_close(layer(x), conv(x), atol=1e-5, rtol=1e-5)
    assert layer(x).is_contiguous()
    exact = conv.double()(x.double())
    rough = ProductUpsampling.of(conv.bfloat16())(x.bfloat16())
    assert float((rough - exact).norm() / exact.norm()) < 0.01


def test_there_is_one_copy_of_the_weights() -> None:
    conv = nn.ConvTranspose1d(8, 6, 4, 2, 1).requires_grad_(False)
    layer = ProductUpsampling.of(conv)
    assert torch.equal(layer.weight, conv.weight)
    assert layer.weight.untyped_storage().data_ptr() == layer.taps.untyped_storage().data_ptr()


def test_only_large_layers_are_replaced_and_receptive_fields_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upsampling, "_MIN_WEIGHTS", 100)
    small, large = nn.ConvTranspose1d(2, 2, 4, 2, 1), nn.ConvTranspose1d(8, 4, 6, 3, 2, 1)
    module = nn.Sequential(large, small).requires_grad_(False)
    before, names = ConvStage.of(module), list(module.state_dict())
    upsample_by_products(module)
    after = ConvStage.of(module)
    assert isinstance(module[0], ProductUpsampling)
    assert module[1] is small
    assert list(module.state_dict()) == names
    assert (after.length(9), after.input_span((5, 9)), after.upsampling) == (
        before.length(9), before.input_span((5, 9)), before.upsampling,
    )  # fmt: skip


def test_a_layer_that_is_no_product_is_refused() -> None:
    with pytest.raises(ValueError, match="no single matrix product"):
        ProductUpsampling.of(nn.ConvTranspose1d(2, 2, 5, 2))
