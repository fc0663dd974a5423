"""What is known of a take, in words that a person reads."""

from __future__ import annotations

from acebridge.cli.perform import fact_lines
from acebridge.cli.take_words import seed_words

STEPS = [{"amount": 0.3, "seed": 9}, {"amount": 1, "seed": 12}]


def test_the_variations_of_a_take() -> None:
    assert seed_words(7, {}) == "seed 7"
    assert seed_words(7, {"variations": STEPS}) == "seed 7 varied by 0.3 towards 9 varied by 1 towards 12"
    assert fact_lines({"variations": STEPS}) == ["  variations: 0.3 towards 9, 1 towards 12"]
