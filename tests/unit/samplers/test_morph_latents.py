"""What a morph does. That its latents are those of the reference: see tests/unit/engines/neural/test_golden_table.py."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch
from torch import Tensor

from acestep_runtime.guidance import METHODS, ProjectedGuidance
from acestep_runtime.samplers.morph import window_steps
from tests.support.sampling_cases import cases, generate_morph, inputs

CASES = cases("sampling", "flow")


def test_the_earlier_a_morph_starts_the_further_it_goes() -> None:
    def distance(start: float) -> float:
        case = {**CASES["base/flow_text_0.6-1.0"], "n_min": start, "infer_steps": 5}
        return float((generate_morph("base", case) - inputs("src_latents_even")).square().mean())

    assert 0 < distance(0.8) < distance(0.4)


@pytest.mark.parametrize(
    ("start", "end", "count", "window"), [(0.6, 1.0, 10, (6, 10)), (0.2, 0.4, 32, (6, 12)), (0.95, 1.0, 1, (0, 1))]
)
def test_windows_are_whole_steps(start: float, end: float, count: int, window: tuple[int, int]) -> None:
    assert window_steps(start, end, count) == window


def test_guiding_leaves_the_momentum_and_advancing_moves_it() -> None:
    def velocities(seed: int) -> Tensor:
        return torch.randn(2, 20, 8, generator=torch.Generator().manual_seed(seed))

    one, other = METHODS["apg"](7.0), METHODS["apg"](7.0)
    assert isinstance(one, ProjectedGuidance)
    pairs = [(velocities(2 * step), velocities(2 * step + 1)) for step in range(3)]
    for cond, uncond in pairs:
        one.guide(velocities(99), uncond)
        guided = one.guide(cond, uncond)
        one.advance(cond - uncond)
        assert torch.equal(guided, other(cond, uncond, cond, 0.5))
