"""Times as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acestep_runtime.errors import InvalidValue
from acestep_runtime.units import seconds_to_clock, text_to_seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90), (" 90.5 ", 90.5), ("-1", -1), ("90s", 90), ("1.5 s", 1.5), ("1m30s", 90), ("2min", 120), ("1h", 3600),
        ("0:04", 4), ("-0:04", -4), ("1:30.5", 90.5), ("00:01:02,500", 62.5), ("1:02:03", 3723), ("90:00", 5400), ("1e2", 100),
    ],
)  # fmt: skip
def test_times_are_seconds_or_clocks(text: str, seconds: float) -> None:
    assert text_to_seconds(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "s",
        "h",
        "-",
        "abc",
        "1:60",
        "1:60:00",
        "1:2:3:4",
        "1:",
        ":5",
        "nan",
        "inf",
        "1e999",
        "1:30:",
        "1,5",
        "5 bars",
    ],
)
def test_anything_else_is_refused_with_the_forms(text: str) -> None:
    with pytest.raises(InvalidValue, match=r"^--start is .*; allowed: seconds such as 90.5 or 90s, .* such as 1:30.5"):
        text_to_seconds(text, "--start")


@given(hours=st.integers(0, 99), minutes=st.integers(0, 59), ms=st.integers(0, 59_999), sign=st.sampled_from(["", "-"]))
def test_a_clock_is_the_sum_of_its_parts(hours: int, minutes: int, ms: int, sign: str) -> None:
    expected = (3600_000 * hours + 60_000 * minutes + ms) / 1000 * (-1 if sign else 1)
    clock = f"{ms // 1000:02d}.{ms % 1000:03d}"
    assert text_to_seconds(f"{sign}{hours}:{minutes:02d}:{clock}") == pytest.approx(expected, abs=1e-9)
    assert text_to_seconds(f"{sign}{60 * hours + minutes}:{clock}") == pytest.approx(expected, abs=1e-9)


def test_a_clock_counts_over_and_never_shows_sixty_seconds() -> None:
    assert seconds_to_clock(3723.4567) == (1, 2, 3, 457)
    assert seconds_to_clock(59.9996) == (0, 1, 0, 0)
    assert seconds_to_clock(59.96, 10) == (0, 1, 0, 0)
    assert seconds_to_clock(-1.0) == (0, 0, 0, 0)
