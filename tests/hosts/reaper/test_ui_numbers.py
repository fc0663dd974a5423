"""ui/numbers.lua: a slider's number is what its format shows, within its limits."""

from __future__ import annotations

import functools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.lua_modules import Leaves


@functools.cache
def leaves() -> Leaves:
    return Leaves()


def call(name: str, *arguments: Any) -> Any:
    return getattr(leaves()["ui/numbers"], name)(*arguments)


@given(st.floats(-1000, 1000), st.sampled_from([b"%.1f", b"%.3f s", b"%d", b"%.0f %%", b"%+.2f"]))
@settings(deadline=None, max_examples=100)
def test_a_number_reads_back_from_its_text(value: float, form: bytes) -> None:
    number = call("round", value, -1000, 1000, form)
    text = call("text", number, form).decode().removesuffix(" s").removesuffix(" %")
    assert float(text) == number
    assert abs(number - value) <= 0.5 or form == b"%.3f s"


def test_whole_numbers_are_whole() -> None:
    number = call("round", 23.6, 1, 100, b"%d")
    assert (number, isinstance(number, int)) == (24, True)


@pytest.mark.parametrize(("value", "expected"), [(-5, 1), (250.0, 100), (1, 1), (100, 100)])
def test_limits(value: float, expected: int) -> None:
    assert call("round", value, 1, 100, b"%d") == expected


@pytest.mark.parametrize(
    ("value", "form", "expected"),
    [(None, b"%d", b"default"), (0.5, None, b"0.50"), (7.0, b"%d bars", b"7 bars"), (0.25, b"%.0f %%", b"0 %")],
)
def test_texts(value: Any, form: Any, expected: bytes) -> None:
    assert call("text", value, form) == expected


def test_a_function_says_everything() -> None:
    name = leaves().lua.eval("function(value) return value and 'half' or 'automatic' end")
    assert call("text", 0.5, name) == b"half"
    assert call("text", None, name) == b"automatic"
    assert call("round", 0.123456, 0, 1, name) == 0.123456


@pytest.mark.parametrize(
    ("value", "steps", "form", "expected"),
    [(50, 1, b"%d", 51), (50, -3, b"%d", 47), (100, 1, b"%d", 100), (None, 1, b"%d", 52), (50, 1, b"%.1f", 51)],
)
def test_the_wheel(value: Any, steps: int, form: bytes, expected: float) -> None:
    assert call("turn", value, steps, 1, 100, form) == pytest.approx(expected, abs=1)


def test_a_step_of_the_wheel_is_never_nothing() -> None:
    assert call("turn", 2, 1, 1, 5, b"%d") == 3


@pytest.mark.parametrize(("value", "share"), [(None, None), (0, 0), (5, 0.5), (12, 1), (-3, 0)])
def test_share(value: Any, share: Any) -> None:
    assert call("share", value, 0, 10) == share
    assert call("share", value, 3, 3) == (None if value is None else 0)
