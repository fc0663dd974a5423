"""Noise of variations is that of the reference, bit for bit: see tests/golden/README.md."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch

from tests.support.sampling_cases import inputs, take_noise


@pytest.mark.parametrize("length", ["even", "odd"])
def test_both_noises_are_those_of_the_reference(length: str) -> None:
    frames = inputs(f"noise_{length}").shape[1]
    assert torch.equal(take_noise(0.0, frames), inputs(f"noise_{length}"))
    assert torch.equal(take_noise(1.0, frames), inputs(f"variation_noise_{length}"))
