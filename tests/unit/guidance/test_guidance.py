"""Guidance against independent computations: by hand, in numpy, and by the properties of each method."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch
from diffusers.guiders.adaptive_projected_guidance import MomentumBuffer, normalized_guidance
from torch import Tensor

from acestep_runtime.guidance import METHODS, corrector, in_guidance_interval


def _random(seed: int, *shape: int) -> Tensor:
    return torch.randn(*(shape or (2, 50, 8)), generator=torch.Generator().manual_seed(seed))


def test_cfg_extrapolates_from_unconditional_to_conditional() -> None:
    cond, uncond = _random(1), _random(2)
    assert torch.equal(METHODS["cfg"](0.0)(cond, uncond, cond, 1.0), uncond)
    assert torch.allclose(METHODS["cfg"](1.0)(cond, uncond, cond, 1.0), cond, atol=1e-6)
    assert torch.allclose(METHODS["cfg"](3.0)(cond, uncond, cond, 1.0), 3 * cond - 2 * uncond, atol=1e-5)


def test_apg_equals_that_of_diffusers_over_several_steps() -> None:
    guide, momentum = METHODS["apg"](7.0), MomentumBuffer(-0.75)
    for step in range(5):
        cond, uncond = _random(step), _random(100 + step)
        theirs = normalized_guidance(
            cond, uncond, 6.0, momentum, eta=0.0, norm_threshold=2.5, use_original_formulation=True, norm_dim=(1,)
        )
        assert torch.allclose(guide(cond, uncond, cond, 1.0), theirs, atol=1e-5)


def test_apg_equals_numpy_over_several_steps() -> None:
    guide, momentum = METHODS["apg"](7.0), np.zeros((2, 50, 8))
    for step in range(4):
        cond, uncond = _random(step), (1 + 3 * step) * _random(100 + step)
        c, u = cond.double().numpy(), uncond.double().numpy()
        momentum = c - u - 0.75 * momentum
        norm = np.sqrt((momentum**2).sum(1, keepdims=True))
        clipped = np.where(norm > 2.5, 2.5 * momentum / norm, momentum)
        parallel = (clipped * c).sum(1, keepdims=True) / (c * c).sum(1, keepdims=True) * c
        expected = c + 6.0 * (clipped - parallel)
        assert np.allclose(guide(cond, uncond, cond, 1.0).numpy(), expected, atol=2e-5)


def test_equal_velocities_are_returned_unchanged() -> None:
    cond = _random(12)
    for name in ("cfg", "apg"):
        assert torch.equal(METHODS[name](7.0)(cond, cond, cond, 1.0), cond)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_guidance_keeps_the_dtype_and_stays_finite(name: str, dtype: torch.dtype) -> None:
    cond, uncond, x = (_random(seed).to(dtype) for seed in (13, 14, 15))
    velocity = METHODS[name](7.0)(cond, uncond, x, 0.5)
    assert velocity.dtype is dtype
    assert torch.isfinite(velocity).all()


def test_the_apg_update_is_orthogonal_and_bounded() -> None:
    cond, uncond = _random(3), 100 * _random(4)
    difference = METHODS["apg"](2.0)(cond, uncond, cond, 1.0) - cond
    assert (difference * cond).sum(1).abs().max() < 1e-3
    assert difference.norm(dim=1).max() <= 2.5 + 1e-4


def test_each_run_starts_without_momentum() -> None:
    cond, uncond = _random(5), _random(6)
    first = METHODS["apg"](7.0)
    once = first(cond, uncond, cond, 1.0)
    assert not torch.equal(first(cond, uncond, cond, 1.0), once)
    assert torch.equal(METHODS["apg"](7.0)(cond, uncond, cond, 1.0), once)


def test_adg_rotates_every_frame_as_numpy_does() -> None:
    cond, uncond, x = _random(7), _random(8), _random(9)
    strength, t = 5.0, 0.6
    velocity = METHODS["adg"](strength)(cond, uncond, x, t).double().numpy()
    for item in range(2):
        for frame in range(50):
            c, u = (x - t * v for x, v in ((x[item, frame].double().numpy(), v[item, frame].double().numpy())
                                           for v in (cond, uncond)))  # fmt: skip
            angle = np.arccos(c @ u / np.linalg.norm(c) / np.linalg.norm(u))
            rotation = np.clip((strength - 1 + 1e-3) * angle, -3.14 / 6, 3.14 / 6)
            orthogonal = (c - u) - ((c - u) @ u) / (u @ u) * u
            clean = np.cos(rotation) * c + np.sin(rotation) / np.sin(angle) * orthogonal
            assert np.allclose(velocity[item, frame], (x[item, frame].double().numpy() - clean) / t, atol=2e-4)


def test_adg_keeps_equal_velocities() -> None:
    cond, x = _random(10), _random(11)
    assert torch.allclose(METHODS["adg"](7.0)(cond, cond, x, 0.5), cond, atol=1e-2)
    assert torch.isfinite(METHODS["adg"](7.0)(cond, cond, x, 0.5)).all()


def test_the_variants_of_adg_differ_in_the_angle_and_in_the_norm() -> None:
    cond, uncond, x = _random(16), _random(17), _random(18)

    def clean(name: str, strength: float = 5.0, t: float = 0.6) -> Tensor:
        return x - t * METHODS[name](strength)(cond, uncond, x, t)

    with_text = x - 0.6 * cond
    assert torch.allclose(clean("adg_w_norm").norm(dim=1), with_text.norm(dim=1), rtol=1e-4)
    assert not torch.allclose(clean("adg").norm(dim=1), with_text.norm(dim=1), rtol=1e-2)

    def angle(name: str) -> Tensor:
        return torch.acos(torch.cosine_similarity(clean(name), with_text, dim=-1).clamp(-1, 1))

    assert angle("adg").max() <= 3.14 / 6 + 1e-3
    assert angle("adg_wo_clip").max() > 3.14 / 3
    weak = 1.05  # so weak that no angle reaches the limit
    assert torch.allclose(clean("adg", weak), clean("adg_wo_clip", weak), atol=1e-6)


def test_correctors_use_plain_guidance_but_after_adg() -> None:
    cond, uncond, x = _random(19), _random(20), _random(21)
    plain = METHODS["cfg"](7.0)(cond, uncond, x, 0.5)
    for name in METHODS:
        guide = corrector(name, 7.0)
        own = METHODS[name](7.0)(cond, uncond, x, 0.5) if name.startswith("adg") else plain
        assert torch.equal(guide(cond, uncond, x, 0.5), own)
        assert torch.equal(guide(cond, uncond, x, 0.0), plain)


@pytest.mark.parametrize(("t", "works"), [(1.0, False), (0.8, True), (0.5, True), (0.2, True), (0.19, False)])
def test_guidance_works_in_its_interval(t: float, works: bool) -> None:
    assert in_guidance_interval(t, 0.2, 0.8) is works
