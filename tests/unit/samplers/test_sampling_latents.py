"""Samplers, corrections and repaints come out as the reference has them: see tests/golden/README.md."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

from tests.support.golden_cases import difference
from tests.support.sampling_cases import cases, generate, target

CASES = {name: case for name, case in cases("sampling").items() if "n_avg" not in case}


@pytest.mark.parametrize("name", CASES)
def test_the_latents_are_those_of_the_reference(name: str) -> None:
    assert difference(generate(name.partition("/")[0], CASES[name]), target(name)) <= 1e-4
