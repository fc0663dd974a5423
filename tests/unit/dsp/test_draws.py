"""Random choices: which of them a variation makes, and that small variations are parts of greater ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acestep_runtime.dsp.draws import base_seed, draw, mix_into, seed_of_choice, seeds_in
from acestep_runtime.values import TakeSeed, Variation

SEEDS = st.integers(0, 2**32 - 1)


def _variation(amount: float, seed: int = 1, other: int = 2) -> TakeSeed:
    return TakeSeed(seed, (Variation(amount, other),))


@given(SEEDS, SEEDS, st.lists(st.integers(0, 2**32), min_size=1, max_size=3))
def test_nothing_varies_at_0_and_everything_at_1(seed: int, other: int, choice: list[int]) -> None:
    assert seed_of_choice(_variation(0.0, seed, other), *choice) == seed
    assert seed_of_choice(_variation(1.0, seed, other), *choice) == other
    expected = np.random.default_rng([seed, *choice]).random(3)
    for plain in (seed, TakeSeed(seed), _variation(0.0, seed, other)):
        assert np.array_equal(draw(plain, *choice).random(3), expected)


@given(SEEDS, st.floats(0, 1), st.floats(0, 1), st.integers(0, 2**32))
def test_what_varies_at_an_amount_varies_at_every_greater_one(other: int, one: float, two: float, choice: int) -> None:
    less, more = sorted((one, two))
    if seed_of_choice(_variation(less, 1, other), choice) == other:
        assert seed_of_choice(_variation(more, 1, other), choice) == other


@pytest.mark.parametrize("amount", [0.1, 0.3, 0.7])
def test_the_amount_is_the_share_of_choices(amount: float) -> None:
    share = np.mean([seed_of_choice(_variation(amount), 7, number) == 2 for number in range(4000)])
    assert share == pytest.approx(amount, abs=0.03)


def test_a_later_variation_varies_what_the_earlier_ones_made() -> None:
    seed = TakeSeed(1, (Variation(0.5, 2), Variation(0.2, 3)))
    chosen = [seed_of_choice(seed, number) for number in range(4000)]
    before = [seed_of_choice(_variation(0.5), number) for number in range(4000)]
    assert all(now in (3, then) for now, then in zip(chosen, before, strict=True))
    assert np.mean([now == 3 for now in chosen]) == pytest.approx(0.2, abs=0.03)
    assert seeds_in(seed) == (1, 2, 3)
    assert seeds_in(4) == (4,)


def test_seeds_for_other_choices_of_the_same_names() -> None:
    assert mix_into(5, 3) == 6
    assert mix_into(_variation(0.4, 5, 9), 3) == TakeSeed(6, (Variation(0.4, 10),))
    assert (base_seed(5), base_seed(_variation(0.4, 5))) == (5, 5)
