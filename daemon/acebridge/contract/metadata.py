"""The metadata of a take as a message and as plain values: the one converter, for every place that writes or reads JSON.

Keys are the fields of TakeMetadata; what has no field there is in its ``extra``, and beside the others in plain values. What is
``None``, an empty list or an empty object is absent. Whole numbers are integers, bytes are text in base64.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.json_format import MessageToDict

from acebridge.v1 import metadata_pb2, tasks_pb2
from acestep_runtime.errors import InvalidValue

if TYPE_CHECKING:
    from pydantic import JsonValue

    from acestep_runtime.values import Json

#: The field for what has no field of its own.
_EXTRA = "extra"
_FIELDS = metadata_pb2.TakeMetadata.DESCRIPTOR.fields
#: Fields that hold bytes.
_BASE64 = frozenset(field.name for field in _FIELDS if field.type == FieldDescriptor.TYPE_BYTES)
_NAMES = frozenset(metadata_pb2.TakeMetadata.DESCRIPTOR.fields_by_name) - {_EXTRA}


def metadata_message(values: Mapping[str, Json]) -> metadata_pb2.TakeMetadata:
    """Return metadata as its message. Raises `InvalidValue` for a value that its field cannot hold."""
    fields: dict[str, Any] = {name: value for name, value in values.items() if name in _NAMES}
    extra = {name: value for name, value in values.items() if name not in _NAMES and value is not None}
    for name in _BASE64.intersection(fields):
        fields[name] = _decode(name, fields[name])
    try:  # by the constructor of a message around it: a hundred times as fast as one field after the other
        return tasks_pb2.TakeFinished(metadata={**fields, _EXTRA: extra} if extra else fields).metadata
    except (TypeError, ValueError) as error:
        message = f"The metadata of a take does not fit the contract: {error}."
        raise InvalidValue("metadata", "", "what metadata.proto says", message=message) from error


def _decode(name: str, value: Json) -> bytes | None:
    """Return the bytes of a field that JSON has in base64."""
    try:
        return None if value is None else base64.b64decode(str(value), validate=True)
    except ValueError as error:
        raise InvalidValue(name, value, "bytes in base64") from error


def metadata_values(message: metadata_pb2.TakeMetadata) -> dict[str, JsonValue]:
    """Return metadata as plain values."""
    known = metadata_pb2.TakeMetadata()
    known.CopyFrom(message)
    known.ClearField(_EXTRA)
    values = MessageToDict(known, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    values = {name: _without_empty(value) for name, value in values.items() if value not in ([], {})}
    if isinstance(measured := values.get("measured"), dict):  # its fields have no presence: 0 and "" are not heard
        values["measured"] = {name: value for name, value in measured.items() if value}
    return {**values, **{name: _with_integers(value) for name, value in MessageToDict(message.extra).items()}}


def _without_empty(value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        return {name: _without_empty(held) for name, held in value.items() if held not in ([], {})}
    if isinstance(value, list):
        return [_without_empty(held) for held in value]
    return _with_integers(value)


def _with_integers(value: JsonValue) -> JsonValue:
    """Return a value with whole numbers, which a Struct keeps as floats, as integers."""
    if isinstance(value, dict):
        return {name: _with_integers(held) for name, held in value.items()}
    if isinstance(value, list):
        return [_with_integers(held) for held in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
