"""Converting tasks, and the dataclasses in them, to and from plain JSON fields.

    to_fields      task ─► fields that differ from their defaults, so that stored jobs stay readable
    from_fields    fields ─► task; types must fit exactly, but for whole numbers where a float is wanted

Limits of values are checked elsewhere, see `acestep_runtime.limits.validate`.
"""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from acestep_runtime.errors import InvalidValue
from acestep_runtime.limits import limits_of
from acestep_runtime.values import Json

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

D = TypeVar("D", bound="DataclassInstance")


@dataclass(frozen=True)
class _Field:
    """The type of a field: values of ``kind``, ``several`` of them, or ``None`` where it is ``optional``.

    ``names`` are the allowed texts where they are a closed set.
    """

    kind: type
    several: bool
    optional: bool = True
    required: bool = False
    names: tuple[str, ...] = ()


@functools.cache
def _fields_of(kind: type[DataclassInstance]) -> dict[str, _Field]:
    hints = typing.get_type_hints(kind)
    return {f.name: _field_of(f, hints[f.name]) for f in dataclasses.fields(kind)}


def _field_of(f: dataclasses.Field[Any], hint: Any) -> _Field:
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    (value_type,) = (option for option in options if option is not types.NoneType)
    several = typing.get_origin(value_type) is tuple
    limits = limits_of(f)
    return _Field(
        kind=typing.get_args(value_type)[0] if several else value_type,
        several=several,
        optional=types.NoneType in options,
        required=f.default is f.default_factory is dataclasses.MISSING,
        names=tuple(choice for choice in (limits.choices if limits else ()) if isinstance(choice, str) and choice),
    )


def to_fields(value: DataclassInstance) -> dict[str, Json]:
    """Return the fields of a dataclass instance that differ from their defaults, nested ones as objects."""
    out: dict[str, Json] = {}
    for f in dataclasses.fields(value):
        field_value = getattr(value, f.name)
        default = f.default_factory() if f.default_factory is not dataclasses.MISSING else f.default
        if field_value != default:
            out[f.name] = _to_json(field_value)
    return out


def _to_json(value: Any) -> Json:
    if isinstance(value, tuple):
        return [_to_json(item) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return to_fields(value)
    plain: Json = value
    return plain


def from_fields(kind: type[D], fields: Json, place: str = "") -> D:
    """Construct dataclass ``kind``; ``place`` is the dotted path that errors put before the name of a field.

    Raises `InvalidValue` for unknown names, values of another type, and missing values.
    """
    if not isinstance(fields, Mapping):
        raise InvalidValue(place, fields, "an object")
    allowed_fields, prefix = _fields_of(kind), f"{place}." if place else ""
    for name, value in fields.items():
        if name not in allowed_fields:
            raise InvalidValue(f"{prefix}{name}", value, f"the fields {', '.join(sorted(allowed_fields))}")
    for name, field in allowed_fields.items():
        if field.required and name not in fields:
            raise InvalidValue(f"{prefix}{name}", "", "a value", message=f"{prefix}{name} is missing.")
    values = {name: _parse_value(allowed_fields[name], value, f"{prefix}{name}") for name, value in fields.items()}
    try:
        return kind(**values)
    except InvalidValue as error:  # it names its own field, without the path to it
        error.field = f"{prefix}{error.field}"
        raise


def _parse_value(field: _Field, value: Json, name: str) -> Any:
    if value is None and field.optional:
        return None
    if not field.several:
        return _parse_item(field.kind, value, name)
    if not isinstance(value, (list, tuple)):
        raise InvalidValue(name, value, "a list")
    return tuple(_parse_item(field.kind, item, name) for item in value)


def _parse_item(kind: type, value: Json, name: str) -> Any:
    if dataclasses.is_dataclass(kind):
        return from_fields(kind, value, name)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise InvalidValue(name, value, f"a value of type {kind.__name__}")
    return value
