"""Fields of messages to JSON-like values and back, for any message. Names are the same on both sides, so one pair of
routines serves all.

Only what a client set is carried over; enums become the lower-case end of their name (``ENCODING_PCM24`` → ``pcm24``).
Light to import: a command that only asks the daemon loads this, and nothing that runs a task.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping
from functools import partial
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct

from acebridge.v1 import tasks_pb2
from acestep_runtime.errors import InvalidValue
from acestep_runtime.limits import describe_limits, limits_of
from acestep_runtime.tasks import TASKS

#: Method of TaskService → name of its task.
RPCS: dict[str, str] = {task.rpc: name for name, task in TASKS.items()}
_REQUESTS = {task: f"{rpc}Request" for rpc, task in RPCS.items()}
#: What a field of a type holds, for those that people fill.
_ON_THE_WIRE = {
    FieldDescriptor.TYPE_STRING: "text (UTF-8)",
    FieldDescriptor.TYPE_BOOL: "true or false",
    FieldDescriptor.TYPE_DOUBLE: "a number",
    FieldDescriptor.TYPE_INT32: f"a whole number from {-(2**31)} to {2**31 - 1}",
    FieldDescriptor.TYPE_INT64: f"a whole number from {-(2**63)} to {2**63 - 1}",
}
_NOT_UTF_8 = "Set the terminal to UTF-8, or give the text in a file."


def request_type(task: str) -> type[Any]:
    """Return the request message class of a task. Raises ``KeyError`` for a task that is none."""
    kind: type[Any] = getattr(tasks_pb2, _REQUESTS[task])
    return kind


def _enum_prefix(field: Any) -> str:
    return str(field.enum_type.values[0].name).removesuffix("UNSPECIFIED")


def _number(field: Any, name: str) -> int:
    return int(field.enum_type.values_by_name[_enum_prefix(field) + name.upper()].number)


def _from_wire(field: Any, value: Any) -> Any:
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        return fields_of(value)
    if field.type == FieldDescriptor.TYPE_ENUM:
        known = field.enum_type.values_by_number.get(value)
        return known.name.removeprefix(_enum_prefix(field)).lower() if known else f"number {value}"
    return value


def fields_of(message: Message) -> dict[str, Any]:
    """Return the fields that are set in ``message``, nested messages as dicts."""
    return {
        field.name: [_from_wire(field, item) for item in value] if field.is_repeated else _from_wire(field, value)
        for field, value in message.ListFields()
    }


def fill(message: Message, fields: Mapping[str, Any], kind: type[Any] | None = None, prefix: str = "") -> None:
    """Set ``fields`` (as `fields_of` returns them) in ``message``; ``None`` values are left out.

    Raises ``KeyError`` for a field or enum value that the message does not have, and `InvalidValue` for what does not
    fit into its field; what it says to be allowed is taken from ``kind``, the dataclass that the message stands for.
    """
    for name, value in fields.items():
        field = message.DESCRIPTOR.fields_by_name[name]
        if value is None:
            continue
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            inner = typing.get_type_hints(kind).get(name) if kind is not None else None
            if field.is_repeated:
                for item in value:
                    fill(getattr(message, name).add(), item, _element(inner), f"{prefix}{name}.")
            else:
                getattr(message, name).SetInParent()
                fill(getattr(message, name), value, inner, f"{prefix}{name}.")
            continue
        put = getattr(message, name).append if field.is_repeated else partial(setattr, message, name)
        for item in value if field.is_repeated else [value]:
            fitting = item if field.enum_type is None else _number(field, item)
            try:
                put(fitting)
            except (ValueError, TypeError, OverflowError) as error:
                remedy = _NOT_UTF_8 if isinstance(error, UnicodeEncodeError) else ""
                raise InvalidValue(prefix + name, item, _allowed(field, kind), remedy=remedy) from error


def _element(kind: Any) -> Any:
    """Return what a tuple is of."""
    return (typing.get_args(kind) or (None,))[0]


def _allowed(field: Any, kind: type[Any] | None) -> str:
    """Say what a field may hold: a number what its dataclass says, anything else what its type on the wire holds."""
    if field.type != FieldDescriptor.TYPE_STRING and kind is not None:
        for f in dataclasses.fields(kind):
            limits = limits_of(f)
            if f.name == field.name and limits is not None:
                return describe_limits(limits)
    return _ON_THE_WIRE.get(field.type, "a value of another type")


def struct(values: Mapping[str, Any]) -> Struct:
    """Return JSON-like values as a Struct."""
    out = Struct()
    out.update(values)
    return out


def values_of(message: Struct) -> dict[str, Any]:
    """Return a Struct as JSON-like values; whole numbers, which a Struct keeps as floats, come back as integers."""
    values: dict[str, Any] = _whole(MessageToDict(message))
    return values


def _whole(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _whole(held) for name, held in value.items()}
    if isinstance(value, list):
        return [_whole(held) for held in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
