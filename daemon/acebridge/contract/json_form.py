"""Messages as JSON, in the one form of all programs: what commands print with ``--json``, and what the JSON edge answers.

Keys are the names of the contract, in snake case. Numbers are numbers, also large ones; enums are lower case without prefix;
bytes are base64, times are RFC 3339 in UTC. What is absent has no key: there is no ``null``, and no empty text. Values that
JSON does not have, NaN and infinity, are absent. Light to import: every command loads this.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from google._upb import _message as upb
    from google.protobuf.descriptor import FieldDescriptor
    from google.protobuf.message import Message
    from google.rpc.status_pb2 import Status

    from acestep_runtime.values import Json


def finite_values(value: object) -> object:
    """Return a value without numbers that JSON does not have."""
    if isinstance(value, Mapping):
        return {name: finite_values(held) for name, held in value.items() if not _is_infinite(held)}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [finite_values(held) for held in value if not _is_infinite(held)]
    return value


def _is_infinite(value: object) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def message_json(message: Message) -> dict[str, Json]:
    """Return a message as a JSON object."""
    fields: dict[str, Json] = {}
    for field in message.DESCRIPTOR.fields:
        if field.has_presence and not message.HasField(field.name):
            continue
        value = getattr(message, field.name)
        plain = [_plain(field, item) for item in value] if field.is_repeated else _plain(field, value)
        if plain != "":
            fields[field.name] = plain
    return fields


def _plain(field: FieldDescriptor | upb.FieldDescriptor, value: Message | bool | int | float | str | bytes) -> Json:
    from google.protobuf.message import Message
    from google.protobuf.timestamp_pb2 import Timestamp
    from google.rpc.status_pb2 import Status

    from acebridge.contract.enums import enum_name
    from acebridge.contract.metadata import metadata_values
    from acebridge.v1.metadata_pb2 import TakeMetadata

    if isinstance(value, Timestamp):
        return value.ToJsonString()
    if isinstance(value, TakeMetadata):
        return metadata_values(value)
    if isinstance(value, Status):
        return _error_json(value)
    if isinstance(value, Message):
        return message_json(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if field.enum_type is not None and isinstance(value, int):
        return enum_name(field.enum_type, value) if value else ""
    return value


def _error_json(status: Status) -> dict[str, Json]:
    """Return a status as reason, message, remedy, and what else it says: field, value, allowed."""
    from acebridge.contract.status import failure_in

    failed = failure_in(status)
    if failed is None:
        return {"message": status.message}
    remedy = {"remedy": failed.remedy} if failed.remedy else {}
    return {"reason": str(failed.kind), "message": failed.message, **remedy, **failed.details}
