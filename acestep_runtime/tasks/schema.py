"""Tasks as plain fields, as JSON holds them, and back: the one converter, for tasks and the dataclasses that they hold.

    to_fields      task ─► fields that differ from their defaults, so that stored jobs stay readable
    from_fields    fields ─► task; types must fit exactly, but for whole numbers where a float is wanted

Limits of values are not looked at here, see `acestep_runtime.limits.validate`.
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
    """What a field may hold: values of ``kind``, ``several`` of them, or ``None`` where it is ``optional``.

    ``names`` are the texts that it may hold where they are a closed set.
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
    (wanted,) = (option for option in options if option is not types.NoneType)
    several = typing.get_origin(wanted) is tuple
    limits = limits_of(f)
    return _Field(
        kind=typing.get_args(wanted)[0] if several else wanted,
        several=several,
        optional=types.NoneType in options,
        required=f.default is f.default_factory is dataclasses.MISSING,
        names=tuple(choice for choice in (limits.choices if limits else ()) if isinstance(choice, str) and choice),
    )


def to_fields(value: DataclassInstance) -> dict[str, Json]:
    """Return the fields of a dataclass instance that differ from their defaults, nested ones as objects."""
    out: dict[str, Json] = {}
    for f in dataclasses.fields(value):
        held = getattr(value, f.name)
        default = f.default_factory() if f.default_factory is not dataclasses.MISSING else f.default
        if held != default:
            out[f.name] = _plain(held)
    return out


def _plain(held: Any) -> Json:
    if isinstance(held, tuple):
        return [_plain(item) for item in held]
    if dataclasses.is_dataclass(held) and not isinstance(held, type):
        return to_fields(held)
    plain: Json = held
    return plain


def from_fields(kind: type[D], fields: Json, place: str = "") -> D:
    """Construct dataclass ``kind``; ``place`` is the dotted path that errors put before the name of a field.

    Raises `InvalidValue` for names that the dataclass does not have, values of another type, and what is missing.
    """
    if not isinstance(fields, Mapping):
        raise InvalidValue(place, fields, "an object")
    known, prefix = _fields_of(kind), f"{place}." if place else ""
    for name, held in fields.items():
        if name not in known:
            raise InvalidValue(f"{prefix}{name}", held, f"the fields {', '.join(sorted(known))}")
    for name, field in known.items():
        if field.required and name not in fields:
            raise InvalidValue(f"{prefix}{name}", "", "a value", message=f"{prefix}{name} is missing.")
    values = {name: _value(known[name], held, f"{prefix}{name}") for name, held in fields.items()}
    try:
        return kind(**values)
    except InvalidValue as error:  # it knows its own field, but not whose it is
        error.field = f"{prefix}{error.field}"
        raise


def _value(field: _Field, held: Json, name: str) -> Any:
    if held is None and field.optional:
        return None
    if not field.several:
        return _item(field.kind, held, name)
    if not isinstance(held, (list, tuple)):
        raise InvalidValue(name, held, "a list")
    return tuple(_item(field.kind, item, name) for item in held)


def _item(kind: type, held: Json, name: str) -> Any:
    if dataclasses.is_dataclass(kind):
        return from_fields(kind, held, name)
    if kind is float and isinstance(held, int) and not isinstance(held, bool):
        return float(held)
    if not isinstance(held, kind) or (isinstance(held, bool) and kind is not bool):
        raise InvalidValue(name, held, f"a value of type {kind.__name__}")
    return held
