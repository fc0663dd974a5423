"""Pauses double up to the longest one."""

from __future__ import annotations

from itertools import islice

import pytest

from acebridge.pauses import double_pauses


@pytest.mark.parametrize(
    ("first_s", "longest_s", "expected"),
    [
        (1.0, 30.0, [1, 2, 4, 8, 16, 30, 30]),
        (0.1, 5.0, [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5]),
        (4.0, 4.0, [4] * 7),
        (9.0, 4.0, [4] * 7),
    ],
)
def test_each_pause_is_twice_the_one_before(first_s: float, longest_s: float, expected: list[float]) -> None:
    assert list(islice(double_pauses(first_s, longest_s), 7)) == pytest.approx(expected)
