"""Every variation of the reference comes out as the reference has it: see tests/golden/README.md."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch

from tests.support.golden_cases import difference
from tests.support.sampling_cases import cases, generate, inputs, take_noise, target

CASES = cases("variation")


@pytest.mark.parametrize("length", ["even", "odd"])
def test_both_noises_are_those_of_the_reference(length: str) -> None:
    frames = inputs(f"noise_{length}").shape[1]
    assert torch.equal(take_noise(0.0, frames), inputs(f"noise_{length}"))
    assert torch.equal(take_noise(1.0, frames), inputs(f"variation_noise_{length}"))


@pytest.mark.parametrize("name", CASES)
def test_the_latents_are_those_of_the_reference(name: str) -> None:
    assert difference(generate(name.partition("/")[0], CASES[name]), target(name)) <= 1e-4
