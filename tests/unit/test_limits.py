"""Limits of fields: allowed values, error texts, and the order of checks."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acestep_runtime.errors import InvalidValue
from acestep_runtime.limits import Limits, bounded, describe_limits, limits_of, validate


@dataclass(frozen=True)
class Inner:
    name: str = bounded("", max_len=3)
    level: float = bounded(0.5, low=0, high=1)


@dataclass(frozen=True)
class Outer:
    count: int | None = bounded(None, low=1, high=8, unit="takes")
    end_s: float | None = bounded(None, low=0, high=10, unit="seconds", sentinels={-1.0: "the end"})
    mode: str = bounded("", choices=("", "soft", "loud"))
    seeds: tuple[int, ...] = bounded((), low=0, high=4294967295, max_len=2, unit="seeds")
    inner: Inner = Inner()
    parts: tuple[Inner, ...] = bounded((), max_len=2, unit="parts")
    free: str = ""


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        (Limits(low=0, high=4294967295), "0 to 4294967295"),
        (Limits(low=0.1, unit="seconds"), "at least 0.1 seconds"),
        (Limits(high=4, unit="dB"), "at most 4 dB"),
        (Limits(low=0, high=10, unit="s", sentinels={-1.0: "the end"}), "0 to 10 s, or -1 for the end"),
        (Limits(choices=("", "soft", "loud")), "soft, loud"),
        (Limits(choices=(1, 2)), "1, 2"),
        (Limits(max_len=3), "at most 3 characters"),
        (Limits(max_len=3, unit="codes"), "at most 3 codes"),
        (Limits(low=0, high=9, max_len=3, unit="codes"), "0 to 9"),
    ],
)
def test_limits_are_described_in_words(limits: Limits, says: str) -> None:
    assert describe_limits(limits) == says


@pytest.mark.parametrize(
    ("value", "field", "says"),
    [
        (Outer(count=0), "count", "count is 0; allowed: 1 to 8 takes."),
        (Outer(end_s=-2.0), "end_s", "end_s is -2.0; allowed: 0 to 10 seconds, or -1 for the end."),
        (Outer(end_s=math.nan), "end_s", "end_s is nan; allowed: 0 to 10 seconds, or -1 for the end."),
        (Outer(end_s=math.inf), "end_s", "end_s is inf; allowed: 0 to 10 seconds, or -1 for the end."),
        (Outer(mode="Loud"), "mode", "mode is 'Loud'; allowed: soft, loud."),
        (Outer(seeds=(1, -1)), "seeds", "seeds is -1; allowed: 0 to 4294967295."),
        (Outer(seeds=(-1, 2, 3)), "seeds", "seeds holds 3 seeds; allowed: at most 2."),
        (Outer(inner=Inner("four")), "inner.name", "inner.name holds 4 characters; allowed: at most 3."),
        (Outer(parts=(Inner(), Inner(level=2.0))), "parts.level", "parts.level is 2.0; allowed: 0 to 1."),
        (Outer(parts=(Inner(level=2.0),) * 3), "parts", "parts holds 3 parts; allowed: at most 2."),
        (Outer(count=9, mode="x"), "count", "count is 9; allowed: 1 to 8 takes."),
    ],
)
def test_the_first_field_out_of_its_limits_is_named(value: Outer, field: str, says: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        validate(value)
    assert (caught.value.field, str(caught.value)) == (field, says)


@given(
    count=st.none() | st.integers(1, 8),
    end_s=st.none() | st.just(-1.0) | st.floats(0, 10),
    mode=st.sampled_from(["", "soft", "loud"]),
    seeds=st.lists(st.integers(0, 4294967295), max_size=2).map(tuple),
    level=st.floats(0, 1),
    free=st.text(),
)
def test_values_within_limits_pass(count, end_s, mode, seeds, level, free) -> None:
    validate(Outer(count, end_s, mode, seeds, Inner(level=level), (Inner("abc"),), free))


def test_a_field_has_its_limits_and_its_default() -> None:
    fields = Outer.__dataclass_fields__
    assert limits_of(fields["count"]) == Limits(1, 8, unit="takes")
    assert limits_of(fields["free"]) is None
    assert Outer() == Outer(None, None, "", (), Inner(), (), "")
