"""A fused autoencoder has the same outputs."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch
from torch import nn

from acestep_runtime.vae.fuse import fuse
from tests.support.small_vae import small


def test_fusing_changes_outputs_by_rounding_alone() -> None:
    vae, lean = small(8), fuse(small(8))
    random = torch.Generator().manual_seed(3)
    signal, latents = torch.randn(1, 2, 12 * 1920, generator=random), torch.randn(1, 4, 12, generator=random)
    before = signal.clone()
    for mine, theirs, given in ((lean.encoder, vae.encoder, signal), (lean.decoder, vae.decoder, latents)):
        expected = theirs(given)
        assert (mine(given) - expected).norm() <= 1e-5 * expected.norm()
    assert torch.equal(signal, before)


def test_a_fused_decoder_rounds_no_more_in_16_bits() -> None:
    """Encoders with few channels are wrong in bfloat16 on some CPUs, so that of the decoder alone is compared."""
    latents = torch.randn(1, 4, 12, generator=torch.Generator().manual_seed(3))
    exact = small(8).decoder(latents)
    usual, lean = (each.to(torch.bfloat16).decoder(latents.bfloat16()).float() for each in (small(8), fuse(small(8))))
    assert (lean - exact).norm() <= 1.5 * (usual - exact).norm()


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
