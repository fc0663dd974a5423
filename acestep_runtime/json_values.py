"""Values of JSON files: whatever reads one checks each value before it relies on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from acestep_runtime.values import Json

JsonObject: TypeAlias = Mapping[str, Json]


def to_number(value: Json) -> float:
    """Return a value as a number, also one that is written as text. Raises `TypeError` and `ValueError` for others."""
    if not isinstance(value, (int, float, str)):
        raise TypeError(f"{value!r} is no number")
    return float(value)


def to_object(value: Json) -> JsonObject:
    """Return a value that is an object. Raises `TypeError` for others."""
    if not isinstance(value, Mapping):
        raise TypeError(f"{value!r} is no object")
    return value


def to_list(value: Json) -> Sequence[Json]:
    """Return a value that is a list. Raises `TypeError` for others."""
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise TypeError(f"{value!r} is no list")
    return value
