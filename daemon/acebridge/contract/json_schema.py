"""JSON Schemas of messages, for programs that fill them in. They are made of descriptors, limits and comments, so they say
what the contract says.

Fields have the form that `acebridge.contract.fields` takes: names in snake case, enums as lower-case names without prefix,
bytes as base64. Limits are those of the dataclasses of tasks, which the daemon checks, too.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

from google.protobuf.descriptor import FieldDescriptor

from acebridge.contract.comments import comments
from acebridge.contract.enums import enum_names, strip_prefix
from acebridge.contract.tasks import METHODS, request_type
from acebridge.v1 import audio_pb2, jobs_pb2, tasks_pb2
from acestep_runtime.limits import Limits, limits_of
from acestep_runtime.tasks import TASKS
from acestep_runtime.tasks.base import Output, Source
from acestep_runtime.values import Adapter, Morph, Music, Sampling, Thinking, Variation

if TYPE_CHECKING:
    from google._upb import _message as upb
    from google.protobuf.descriptor import Descriptor

    from acestep_runtime.values import Json

Message: TypeAlias = "Descriptor | upb.Descriptor"
Field: TypeAlias = "FieldDescriptor | upb.FieldDescriptor"
#: A JSON Schema, or a part of one.
Schema = dict[str, Any]
#: Message → the dataclass that holds the limits and defaults of its fields.
_KINDS: Mapping[str, type] = {
    **{method.request.DESCRIPTOR.name: TASKS[method.task] for method in METHODS},
    **{kind.__name__: kind for kind in (Adapter, Morph, Music, Output, Sampling, Thinking, Variation)},
    "Region": Source,
}
_TYPES: Mapping[int, Schema] = {
    FieldDescriptor.TYPE_STRING: {"type": "string"},
    FieldDescriptor.TYPE_BYTES: {"type": "string", "contentEncoding": "base64"},
    FieldDescriptor.TYPE_BOOL: {"type": "boolean"},
    FieldDescriptor.TYPE_DOUBLE: {"type": "number"},
    FieldDescriptor.TYPE_FLOAT: {"type": "number"},
    FieldDescriptor.TYPE_INT32: {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
    FieldDescriptor.TYPE_UINT32: {"type": "integer", "minimum": 0, "maximum": 2**32 - 1},
    FieldDescriptor.TYPE_INT64: {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
}
#: Messages of others, whose JSON form is no object of their fields.
OTHER_FORMS: Mapping[str, Schema] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Struct": {"type": "object"},
    "google.rpc.Status": {"type": "object"},
}
_FIRST_SENTENCE = ". "
_WIRE_NAME = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b")


def task_schema(task: str, *, brief: bool = False) -> Schema:
    """Return the schema of the request of a task. Raises ``KeyError`` for an unknown task. ``brief``: see `message_schema`."""
    request = request_type(task).DESCRIPTOR
    schema = message_schema(request, brief=brief)
    needed = [name for name in schema["properties"] if name in _find_required(request.name)]
    return {**schema, **({"required": needed} if needed else {})}


def message_schema(message: Message, *, brief: bool = False) -> Schema:
    """Return the schema of a message, with those of the messages in it in place. None in a request holds itself.

    A ``brief`` one has the first sentence alone of what is said of fields of inner messages.
    """

    def inner_schema(inner: Message) -> Schema:
        other = OTHER_FORMS.get(inner.full_name)
        return object_schema(inner, inner_schema, brief=brief) if other is None else dict(other)

    return object_schema(message, inner_schema)


def object_schema(message: Message, refer: Callable[[Message], Schema], *, brief: bool = False) -> Schema:
    """Return the schema of a message; ``refer`` returns what stands for those that its fields hold."""
    fields = {field.name: _field(field, message.name, refer, brief=brief) for field in message.fields}
    # What metadata has no field for stands beside its fields.
    return {"type": "object", "properties": fields, "additionalProperties": message.name == "TakeMetadata"}


def describe(name: str) -> str:
    """Return the comment of something, named as in `comments`, with values of enums as JSON has them; empty without one."""
    return _WIRE_NAME.sub(lambda found: _enum_words().get(found[0], found[0]), comments().get(name, ""))


@cache
def _enum_words() -> Mapping[str, str]:
    """Return how JSON writes the values of enums: name in the contract → that."""
    files = (audio_pb2.DESCRIPTOR, tasks_pb2.DESCRIPTOR, jobs_pb2.DESCRIPTOR)
    enums = (enum for file in files for enum in file.enum_types_by_name.values())
    return {value.name: strip_prefix(enum, value.name) for enum in enums for value in enum.values}


def _field(field: Field, message: str, refer: Callable[[Message], Schema], *, brief: bool) -> Schema:
    limits, default = _facts(message).get(field.name, (None, None))
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        value = field.message_type.fields_by_name["value"]
        schema: Schema = {"type": "object", "additionalProperties": _item(value, refer)}
    elif field.is_repeated:
        schema = {"type": "array", "items": _with_limits(_item(field, refer), limits)}
        if limits is not None and limits.max_len is not None:
            schema["maxItems"] = limits.max_len
    else:
        schema = _with_limits(_item(field, refer), limits)
        if limits is not None and limits.max_len is not None:
            schema["maxLength"] = limits.max_len
    comment = describe(f"{message}.{field.name}")
    if brief:
        comment = f"{comment.split(_FIRST_SENTENCE)[0].removesuffix('.')}."
    schema = {"description": comment, **schema}
    return schema if default is None else {**schema, "default": default}


def _item(field: Field, refer: Callable[[Message], Schema]) -> Schema:
    """Return the schema of a value of a field, one of those of a repeated one."""
    if field.message_type is not None:
        return refer(field.message_type)
    if field.enum_type is not None:
        return {"type": "string", "enum": enum_names(field.enum_type)}
    return dict(_TYPES[field.type])


def _with_limits(schema: Schema, limits: Limits | None) -> Schema:
    """Return the schema of a value with its limits. What stands for "not given" in a dataclass is absent in JSON."""
    if limits is None or "enum" in schema:
        return schema
    if limits.choices:
        return {"type": schema["type"], "enum": [choice for choice in limits.choices if choice != ""]}
    bounds = {"minimum": limits.low, "maximum": limits.high}
    return {**schema, **{name: bound for name, bound in bounds.items() if bound is not None}}


@cache
def _facts(message: str) -> Mapping[str, tuple[Limits | None, Json]]:
    """Return the limits and the default of each field of a message that has any; ``None`` is none."""
    kind = _KINDS.get(message)
    if kind is None:
        return {}
    return {f.name: (limits_of(f), _default(f)) for f in dataclasses.fields(kind)}


def _default(field: dataclasses.Field[Any]) -> Json:
    value: object = field.default
    return value if isinstance(value, (bool, int, float, str)) and value != "" else None


@cache
def _find_required(message: str) -> frozenset[str]:
    """Return the fields of a message that have to be given."""
    kind = _KINDS.get(message)
    return frozenset(
        f.name
        for f in (dataclasses.fields(kind) if kind is not None else ())
        if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    )
