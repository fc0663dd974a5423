"""Limits of dataclass fields: declared with the field, used by validation, documentation and the contract."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from acestep_runtime.errors import InvalidValue

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T")
_KEY = "limits"


@dataclass(frozen=True)
class Limits:
    """Allowed values of a field; ``None``, a value not given, is always allowed.

    ``low`` and ``high`` are inclusive, ``max_len`` bounds ``len()``. On a tuple, ``low``, ``high`` and ``choices`` bound each
    element. ``sentinels`` are values outside the range that are also allowed, each with its meaning.
    """

    low: float | None = None
    high: float | None = None
    choices: tuple[str | int, ...] = ()
    max_len: int | None = None
    unit: str = ""
    sentinels: Mapping[float, str] = field(default_factory=dict)

    def allow(self, item: str | float) -> bool:
        """Return whether a value, or an element of a tuple, is within the limits, except ``max_len``."""
        if item in self.sentinels:
            return True
        if self.choices and item not in self.choices:
            return False
        if isinstance(item, (bool, str)):
            return True
        is_high = self.high is not None and item > self.high
        is_low = self.low is not None and item < self.low
        return is_finite(item) and not is_low and not is_high


def is_finite(number: float) -> bool:
    """Return whether a number is finite as the engines compute; a whole number may be too large for that."""
    try:
        return math.isfinite(number)
    except OverflowError:
        return False


def bounded(
    default: T,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str | int, ...] = (),
    max_len: int | None = None,
    unit: str = "",
    sentinels: Mapping[float, str] | None = None,
) -> T:
    """Declare a dataclass field with its default and its `Limits`."""
    limits = Limits(low, high, choices, max_len, unit, sentinels or {})
    return field(default=default, metadata={_KEY: limits})


def limits_of(f: dataclasses.Field[Any]) -> Limits | None:
    """Return the limits of a field, if it has any."""
    limits: Limits | None = f.metadata.get(_KEY)
    return limits


def field_limits(kind: type[DataclassInstance], name: str) -> Limits | None:
    """Return the limits of the field ``name`` of a dataclass, if it has any."""
    return next((limits_of(f) for f in dataclasses.fields(kind) if f.name == name), None)


def describe_limits(limits: Limits) -> str:
    """Describe in words the values, or the elements of a tuple, allowed by limits; the length where that is all they limit."""
    # Where a length is limited, the unit says what is counted.
    unit = f" {limits.unit}" if limits.unit and limits.max_len is None else ""
    unit += "".join(f", or {value:g} for {meaning}" for value, meaning in limits.sentinels.items())
    if limits.choices:
        return ", ".join(str(choice) for choice in limits.choices if choice != "")
    # Up to 12 digits: a seed has ten.
    if limits.low is not None and limits.high is not None:
        return f"{limits.low:.12g} to {limits.high:.12g}{unit}"
    if limits.low is not None:
        return f"at least {limits.low:.12g}{unit}"
    if limits.high is not None:
        return f"at most {limits.high:.12g}{unit}"
    return _describe_length(limits)


def _describe_length(limits: Limits) -> str:
    return f"at most {limits.max_len} {limits.unit or 'characters'}"


def validate(value: DataclassInstance, prefix: str = "") -> None:
    """Check every bounded field of a dataclass instance, nested ones included.

    Raises `InvalidValue` for the first field outside its limits, with its dotted path.
    """
    for f in dataclasses.fields(value):
        field_value, name, limits = getattr(value, f.name), prefix + f.name, limits_of(f)
        if (
            field_value is not None
            and limits is not None
            and limits.max_len is not None
            and len(field_value) > limits.max_len
        ):
            message = (
                f"{name} holds {len(field_value)} {limits.unit or 'characters'}; allowed: at most {limits.max_len}."
            )
            raise InvalidValue(name, field_value, _describe_length(limits), message=message)
        for item in field_value if isinstance(field_value, tuple) else (field_value,):
            if dataclasses.is_dataclass(item) and not isinstance(item, type):
                validate(item, f"{name}.")
            elif limits is not None and item is not None and not limits.allow(item):
                raise InvalidValue(name, item, describe_limits(limits))
