"""The one converter between messages and plain values, for any message: names are the same on both sides.

    fields_of   message ─► fields that are set
    fill        fields ─► message
    coerce      fields as people and scripts write them into JSON files ─► fields that `fill` takes

Only what is set is carried over; enums become names (see `acebridge.contract.enums`), and bytes base64, as in JSON. Light to
import: a command that only asks the daemon loads this, and nothing that runs a task.
"""

from __future__ import annotations

import base64
import dataclasses
import types
import typing
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from acebridge.contract.enums import Enum, enum_name, enum_names, enum_number, strip_prefix
from acestep_runtime.errors import InvalidValue, printable
from acestep_runtime.limits import describe_limits, limits_of

if TYPE_CHECKING:
    from google._upb import _message as upb
    from pydantic import JsonValue


#: What a field holds, as plain values: a nested message is a mapping, a repeated field a list, an enum its name, bytes base64.
FieldValue: TypeAlias = "bool | int | float | str | bytes | Sequence[FieldValue] | Mapping[str, FieldValue] | None"
Fields: TypeAlias = Mapping[str, FieldValue]

#: What a field of a type holds, for those that people fill.
_ON_THE_WIRE = {
    FieldDescriptor.TYPE_STRING: "text (UTF-8)",
    FieldDescriptor.TYPE_BYTES: "bytes as base64",
    FieldDescriptor.TYPE_BOOL: "true or false",
    FieldDescriptor.TYPE_DOUBLE: "a number",
    FieldDescriptor.TYPE_INT32: f"a whole number from {-(2**31)} to {2**31 - 1}",
    FieldDescriptor.TYPE_UINT32: f"a whole number from 0 to {2**32 - 1}",
    FieldDescriptor.TYPE_INT64: f"a whole number from {-(2**63)} to {2**63 - 1}",
}
#: Fields of audio that say which it is.
_NAMES_OF_AUDIO = frozenset(("path", "asset_id", "inline"))
_WHOLE_NUMBERS = (FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_UINT32, FieldDescriptor.TYPE_INT64)
_NOT_UTF_8 = "Set the terminal to UTF-8, or give the text in a file."


def merge_fields(defaults: Mapping[str, Any], given: object) -> dict[str, Any]:
    """Return ``defaults`` with the fields of ``given``; objects are merged field by field, audio that is named is replaced.

    Whatever is no mapping gives nothing.
    """
    merged = dict(defaults)
    for name, value in given.items() if isinstance(given, Mapping) else ():
        held = merged.get(name)
        if isinstance(held, Mapping) and isinstance(value, Mapping) and not _NAMES_OF_AUDIO & value.keys():
            merged[name] = merge_fields(held, value)
        else:
            merged[name] = value
    return merged


def fields_of(message: Message) -> dict[str, FieldValue]:
    """Return the fields that are set in ``message``, nested messages as dicts."""
    return {
        field.name: [_from_wire(field, item) for item in value] if field.is_repeated else _from_wire(field, value)
        for field, value in message.ListFields()
    }


def _from_wire(field: FieldDescriptor, value: Message | bool | int | float | str | bytes) -> FieldValue:
    if isinstance(value, Message):
        return fields_of(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if field.enum_type is not None and isinstance(value, int):
        return enum_name(field.enum_type, value)
    return value


def fill(message: Message, fields: Fields, kind: type | None = None, prefix: str = "") -> None:
    """Set ``fields`` (as `fields_of` returns them) in ``message``; ``None`` values are left out.

    Raises ``KeyError`` for a field that the message does not have, and `InvalidValue` for what does not fit into its field;
    what it says to be allowed is taken from ``kind``, the dataclass that the message stands for.
    """
    for name, value in fields.items():
        field = message.DESCRIPTOR.fields_by_name[name]
        if value is None:
            continue
        fill_item = _fill_nested if field.type == FieldDescriptor.TYPE_MESSAGE else _put
        items = value if field.is_repeated and isinstance(value, Sequence) and not isinstance(value, str) else [value]
        for item in items:
            fill_item(message, name, item, kind, prefix)


def _fill_nested(message: Message, name: str, value: FieldValue, kind: type | None, prefix: str) -> None:
    if not isinstance(value, Mapping):
        raise InvalidValue(prefix + name, value, "an object")
    inner = _without_none(typing.get_type_hints(kind).get(name)) if kind is not None else None
    if message.DESCRIPTOR.fields_by_name[name].is_repeated:
        fill(getattr(message, name).add(), value, _element(inner), f"{prefix}{name}.")
    else:
        getattr(message, name).SetInParent()
        fill(getattr(message, name), value, inner, f"{prefix}{name}.")


def _put(message: Message, name: str, value: FieldValue, kind: type | None, prefix: str) -> None:
    field = message.DESCRIPTOR.fields_by_name[name]
    put = getattr(message, name).append if field.is_repeated else partial(setattr, message, name)
    fitting = value if field.enum_type is None else _enum_number(field.enum_type, value, prefix + name)
    try:
        if isinstance(value, bool) and field.type != FieldDescriptor.TYPE_BOOL:  # which a number would take for 0 or 1
            raise TypeError(value)
        if field.type == FieldDescriptor.TYPE_BYTES and isinstance(value, str):
            fitting = base64.b64decode(value.encode("ascii"), validate=True)  # of which both errors are a ValueError
        put(fitting)
    except (ValueError, TypeError, OverflowError) as error:
        remedy = _NOT_UTF_8 if isinstance(error, UnicodeEncodeError) else ""
        raise InvalidValue(prefix + name, value, _describe_allowed(name, field.type, kind), remedy=remedy) from error


def _enum_number(enum: Enum, name: FieldValue, where: str) -> int:
    """Return the number of a value. Raises `InvalidValue` for a name that the enum does not have."""
    try:
        return enum_number(enum, str(name))
    except KeyError:
        raise InvalidValue(where, name, ", ".join(enum_names(enum))) from None


def _without_none(kind: type | None) -> type | None:
    """Return what an optional field holds where it is given; other types as they are."""
    if typing.get_origin(kind) not in (typing.Union, types.UnionType):
        return kind
    kinds = [each for each in typing.get_args(kind) if each is not types.NoneType]
    return kinds[0] if len(kinds) == 1 else None


def _element(kind: type | None) -> type | None:
    """Return what a tuple is of."""
    return next(iter(typing.get_args(kind)), None)


def _describe_allowed(name: str, wire_type: int, kind: type | None) -> str:
    """Say what a field may hold: a number what its dataclass says, anything else what its type on the wire holds."""
    if wire_type not in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES) and dataclasses.is_dataclass(kind):
        for f in dataclasses.fields(kind):
            limits = limits_of(f)
            if f.name == name and limits is not None:
                return describe_limits(limits)
    return _ON_THE_WIRE.get(wire_type, "a value of another type")


def coerce(
    descriptor: Descriptor | upb.Descriptor, fields: JsonValue | Mapping[str, JsonValue], place: str = ""
) -> dict[str, JsonValue]:
    """Return fields from a JSON file in the form that `fill` takes.

    ``None`` and empty texts are not given. Whole numbers may be written as floats, and enums in any case, with their prefix or
    without (``ENCODING_PCM24``, ``pcm24``). ``place`` is the dotted path that errors put before the name of a field. Raises
    `InvalidValue` for fields that the message does not have, for what is no object or list where one is needed, and for names
    that the enum does not have. Types of other values are left to `fill`.
    """
    if not isinstance(fields, Mapping):
        raise InvalidValue(place, fields, "an object")
    fitting: dict[str, JsonValue] = {}
    for given, value in fields.items():
        name = printable(given)  # which no field changes; descriptors cannot be asked about half a character
        field, where = descriptor.fields_by_name.get(name), f"{place}.{name}".lstrip(".")
        if field is None:
            raise InvalidValue(where, value, f"one of the fields {', '.join(descriptor.fields_by_name)}")
        if value in (None, ""):
            continue
        if not field.is_repeated:
            fitting[name] = _coerce_item(field, value, where)
        elif isinstance(value, list):
            fitting[name] = [_coerce_item(field, item, f"{where}[{number}]") for number, item in enumerate(value)]
        else:
            raise InvalidValue(where, value, "a list")
    return fitting


def _coerce_item(field: FieldDescriptor | upb.FieldDescriptor, value: JsonValue, where: str) -> JsonValue:
    if field.message_type is not None:
        return coerce(field.message_type, value, where)
    if field.type in _WHOLE_NUMBERS and isinstance(value, float) and value.is_integer():
        return int(value)
    if field.enum_type is None:
        return value
    names = enum_names(field.enum_type)
    name = strip_prefix(field.enum_type, value) if isinstance(value, str) else value
    if name not in names:
        raise InvalidValue(where, value, ", ".join(names))
    return name
