"""A fused autoencoder has the same outputs."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch
from torch import nn

from acestep_runtime.vae.fuse import fuse
from tests.support.small_vae import small


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_fusing_changes_no_output(dtype: torch.dtype) -> None:
    vae = small(8).to(dtype)
    lean = fuse(small(8).to(dtype))
    random = torch.Generator().manual_seed(3)
    signal = torch.randn(1, 2, 12 * 1920, generator=random).to(dtype)
    latents = torch.randn(1, 4, 12, generator=random).to(dtype)
    before = signal.clone()
    for mine, theirs, given in ((lean.encoder, vae.encoder, signal), (lean.decoder, vae.decoder, latents)):
        expected = theirs(given).float()
        assert (mine(given).float() - expected).abs().max() <= 1e-6 * expected.abs().max()
    assert torch.equal(signal, before)


def test_fusing_replaces_every_snake_and_weight_norm_only() -> None:
    vae = small(8)
    lean = fuse(vae)
    assert lean is vae
    assert not any(name.endswith(("weight_g", "weight_v", "alpha", "beta")) for name, _ in lean.named_parameters())
    assert not any(weight.requires_grad for weight in lean.parameters())
    weights = {name: weight.clone() for name, weight in fuse(lean).state_dict().items()}
    assert all(torch.equal(weights[name], weight) for name, weight in lean.state_dict().items())


def test_parametrized_weight_norm_is_fused() -> None:
    vae = small(8)
    conv = nn.utils.remove_weight_norm(vae.encoder.conv1)
    plain = conv.weight.clone()
    nn.utils.parametrizations.weight_norm(conv)
    fuse(vae)
    assert (vae.encoder.conv1.weight - plain).abs().max() <= 1e-6
    assert not nn.utils.parametrize.is_parametrized(vae.encoder.conv1)
