"""DCW against Haar's wavelet written as matrices, and its modes against their formulas."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch
from numpy.typing import NDArray
from torch import Tensor

from acestep_runtime.samplers.dcw import BANDS, correct, make_correction


def _latents(frames: int, seed: int) -> Tensor:
    return torch.randn(2, frames, 3, generator=torch.Generator().manual_seed(seed))


def _haar(frames: int) -> NDArray[np.float64]:
    """The orthonormal transform of an even number of frames: first all sums of pairs, then all differences."""
    pairs = np.kron(np.eye(frames // 2), [1, 1]), np.kron(np.eye(frames // 2), [1, -1])
    return np.concatenate(pairs) / np.sqrt(2)


def _by_matrices(x: Tensor, clean: Tensor, low: float, high: float) -> NDArray[np.float64]:
    """Transform both, amplify the difference in each band, transform back, cut."""
    frames = x.shape[1]
    padding = ((0, 0), (0, frames % 2), (0, 0))
    ours, theirs = (np.pad(each.double().numpy(), padding, mode="edge") for each in (x, clean))
    if frames % 2:
        theirs[:, -1] = ours[:, -1]  # no difference after the end
    matrix = _haar(ours.shape[1])
    gains = np.repeat([low, high], len(matrix) // 2)[None, :, None]
    bands = matrix @ ours
    bands += gains * (bands - matrix @ theirs)
    return (matrix.T @ bands)[:, :frames]


@pytest.mark.parametrize("frames", [1, 2, 7, 40])
@pytest.mark.parametrize(("low", "high"), [(0.1, 0.0), (0.0, 0.3), (0.2, 0.05), (0.0, 0.0)])
def test_both_bands_equal_the_transform_by_matrices(frames: int, low: float, high: float) -> None:
    x, clean = _latents(frames, 1), _latents(frames, 2)
    assert np.allclose(correct(x, clean, low, high).numpy(), _by_matrices(x, clean, low, high), atol=1e-6)


def test_the_strengths_follow_the_noise_level() -> None:
    expected = {"low": (0.3, 0.0), "high": (0.0, 0.1), "double": (0.3, 0.05), "pix": (0.4, 0.4)}
    for mode, bands in BANDS.items():
        assert bands(0.75, 0.4, 0.2) == pytest.approx(expected[mode])


def test_pix_scales_the_difference_itself() -> None:
    x, clean = _latents(9, 3), _latents(9, 4)
    correction = make_correction("pix", 0.25)
    assert correction is not None
    assert torch.allclose(correction(x, clean, 0.5), x + 0.25 * (x - clean), atol=1e-6)


def test_auto_corrects_turbo_models_alone_with_the_usual_strengths() -> None:
    x, clean = _latents(8, 5), _latents(8, 6)
    for mode in ("", "auto"):
        assert make_correction(mode) is None
        correction = make_correction(mode, is_turbo=True)
        assert correction is not None
        assert torch.equal(correction(x, clean, 0.6), correct(x, clean, 0.6 * 0.05, 0.4 * 0.02))
    assert make_correction("off", is_turbo=True) is None
    assert make_correction("double") is not None


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_the_type_stays_and_clean_latents_do_not_change(dtype: torch.dtype) -> None:
    x = _latents(7, 7).to(dtype)
    assert torch.equal(correct(x, x, 0.3, 0.3), x)
    assert correct(x, x * 0, 0.3, 0.3).dtype is dtype
