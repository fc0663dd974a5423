"""Checked access to JSON values: readers check each value before use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from acestep_runtime.values import Json

JsonObject: TypeAlias = Mapping[str, Json]


def to_number(value: Json) -> float:
    """Return a number, also one written as text. Raises `TypeError` and `ValueError` for other values.

    A whole number that no float can be near is such a value.
    """
    if not isinstance(value, (int, float, str)):
        raise TypeError(f"{value!r} is no number")
    try:
        return float(value)
    except OverflowError as error:
        raise ValueError("a number with too many digits") from error


def to_object(value: Json) -> JsonObject:
    """Return the value if it is an object. Raises `TypeError` for others."""
    if not isinstance(value, Mapping):
        raise TypeError(f"{value!r} is no object")
    return value


def to_list(value: Json) -> Sequence[Json]:
    """Return the value if it is a list. Raises `TypeError` for others."""
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise TypeError(f"{value!r} is no list")
    return value
