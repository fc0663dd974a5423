"""Tasks as JSON and back. Only what differs from the default is written, so that stored jobs stay readable."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any

from acestep_runtime.errors import InvalidValue


def to_json(value: Any) -> dict[str, Any]:
    """Return the fields of a dataclass instance that differ from their defaults, nested ones as objects."""
    out: dict[str, Any] = {}
    for f in dataclasses.fields(value):
        held = getattr(value, f.name)
        default = f.default_factory() if f.default_factory is not dataclasses.MISSING else f.default
        if held != default:
            out[f.name] = _plain(held)
    return out


def _plain(held: Any) -> Any:
    if isinstance(held, tuple):
        return [_plain(item) for item in held]
    return to_json(held) if dataclasses.is_dataclass(held) else held


def build(kind: type[Any], fields: Mapping[str, Any], prefix: str = "") -> Any:
    """Construct dataclass ``kind`` from JSON-like ``fields``. Raises `InvalidValue` for unknown names and wrong types."""
    if not isinstance(fields, Mapping):
        raise InvalidValue(prefix.rstrip("."), fields, "an object")
    hints = typing.get_type_hints(kind)
    known = {f.name for f in dataclasses.fields(kind)}
    for name in fields:
        if name not in known:
            raise InvalidValue(prefix + name, fields[name], f"the fields {', '.join(sorted(known))}")
    for f in dataclasses.fields(kind):
        if f.default is f.default_factory is dataclasses.MISSING and f.name not in fields:
            raise InvalidValue(prefix + f.name, "", "a value", message=f"{prefix}{f.name} is missing.")
    values = {name: _value(hints[name], held, prefix + name) for name, held in fields.items()}
    try:
        return kind(**values)
    except InvalidValue as error:  # it knows its own field, but not whose it is
        message = prefix + error.message if error.message.startswith(error.field) else error.message
        placed = InvalidValue(prefix + error.field, "", error.allowed, remedy=error.remedy, message=message)
        placed.value = error.value
        raise placed from None


def _value(hint: Any, held: Any, name: str) -> Any:
    options = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    if held is None and type(None) in options:
        return None
    (wanted,) = (option for option in options if option is not type(None))
    if dataclasses.is_dataclass(wanted):
        return build(typing.cast(type[Any], wanted), held, name + ".")
    if typing.get_origin(wanted) is tuple:
        if not isinstance(held, (list, tuple)):
            raise InvalidValue(name, held, "a list")
        return tuple(_value(typing.get_args(wanted)[0], item, name) for item in held)
    if wanted is float and isinstance(held, int) and not isinstance(held, bool):
        return float(held)
    if not isinstance(held, wanted) or (isinstance(held, bool) and wanted is not bool):
        raise InvalidValue(name, held, f"a value of type {wanted.__name__}")
    return held
