"""Layers on signals that lie point by point equal the usual ones, and keep that layout."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch
from torch import Tensor, nn

from acestep_runtime.vae import by_points
from acestep_runtime.vae.by_points import PointConvolution, PointUpsampling, lay_out_by_points
from acestep_runtime.vae.codec import Codec
from acestep_runtime.vae.cpu import prepare_for_cpu
from acestep_runtime.vae.fuse import fuse
from acestep_runtime.vae.stages import ConvStage
from acestep_runtime.vae.upsampling import ProductUpsampling
from tests.support.small_vae import small

#: Relative errors (L2): of float32, and of sums whose parts are rounded to bfloat16.
_EXACT, _NARROW = 1e-5, 0.03


def _difference(found: Tensor, expected: Tensor) -> float:
    return float((found.float() - expected.float()).norm() / expected.float().norm())


def _lies_by_points(signal: Tensor) -> bool:
    return signal.stride(1) == 1


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "dilation"), [(7, 1, 27, 9), (4, 2, 1, 1), (20, 10, 5, 1), (1, 1, 0, 1)]
)
@torch.inference_mode()
def test_a_convolution_by_points_is_the_same(kernel: int, stride: int, padding: int, dilation: int, bias: bool) -> None:
    torch.manual_seed(3)
    conv = nn.Conv1d(128, 24, kernel, stride, padding, dilation, bias=bias).requires_grad_(False)
    x = torch.randn(2, 128, 90)
    expected = conv(x)
    module = nn.Sequential(conv)
    lay_out_by_points(module)
    assert isinstance(module[0], PointConvolution)
    assert _difference(module(x), expected) < _EXACT
    found = module(x.transpose(1, 2).contiguous().transpose(1, 2))
    assert _difference(found, expected) < _EXACT
    assert _lies_by_points(found)


@pytest.mark.parametrize(("kernel", "stride", "padding", "extra"), [(4, 2, 1, 0), (6, 3, 2, 1), (20, 10, 5, 0)])
@torch.inference_mode()
def test_upsampling_by_points_is_the_same(kernel: int, stride: int, padding: int, extra: int) -> None:
    torch.manual_seed(3)
    conv = nn.ConvTranspose1d(24, 128, kernel, stride, padding, extra).requires_grad_(False)
    x = torch.randn(2, 24, 9)
    expected = conv(x)
    product = ProductUpsampling.of(conv, is_by_points=True)
    module = nn.Sequential(conv)
    lay_out_by_points(module)
    assert isinstance(module[0], PointUpsampling)
    for layer in (module, product):
        found = layer(x)
        assert _difference(found, expected) < _EXACT
        assert _lies_by_points(found)
    with pytest.raises(ValueError, match="length of the output"):
        module[0](x, [90])


def test_narrow_layers_and_other_forms_stay() -> None:
    other = ProductUpsampling.of(nn.ConvTranspose1d(128, 128, 4, 2, 1))
    module = nn.Sequential(nn.Conv1d(127, 127, 3), nn.Conv1d(128, 128, 3, groups=2), other)
    lay_out_by_points(module)
    assert [type(each) for each in module] == [nn.Conv1d, nn.Conv1d, ProductUpsampling]


@torch.inference_mode()
def test_an_autoencoder_by_points_encodes_and_decodes_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also in tiles, whose receptive fields are those of the usual layers."""
    monkeypatch.setattr(by_points, "RELEASED_CHANNELS", 8)
    vae, changed = fuse(small(8)), fuse(small(8))
    lay_out_by_points(changed)
    kinds = {type(each) for each in changed.modules() if isinstance(each, (nn.Conv1d, nn.ConvTranspose1d))}
    assert kinds == {PointConvolution, PointUpsampling}
    assert ConvStage.of(changed.encoder).input_span((3, 5)) == ConvStage.of(vae.encoder).input_span((3, 5))
    samples = torch.randn(40 * 1920, 2, generator=torch.Generator().manual_seed(5)).numpy() * 0.1
    expected, found = (Codec(each, encode_tile_frames=16, decode_tile_frames=16) for each in (vae, changed))
    latents = expected.encode(samples)
    assert _difference(found.encode(samples), latents) < _EXACT
    blocks = [torch.cat([torch.as_tensor(block) for block in each.decode(latents)]) for each in (expected, found)]
    assert _difference(blocks[1], blocks[0]) < _EXACT


@pytest.mark.parametrize("amx", [True, False])
@torch.inference_mode()
def test_the_forms_for_a_cpu_decode_as_before(amx: bool) -> None:
    vae = fuse(small(128, multiples=(1, 1, 1, 1, 1)))
    latents = torch.randn(1, 64, 3, generator=torch.Generator().manual_seed(5))
    expected = vae.decoder(latents)
    vae.to(torch.bfloat16)
    prepare_for_cpu(vae, has_amx=amx)
    assert any(isinstance(each, PointConvolution) for each in vae.modules()) is amx
    assert _difference(vae.decoder(latents.bfloat16()), expected) < _NARROW
