"""Refusing what a request holds beyond this version of the contract: a newer client must not lose an option without a word."""

from __future__ import annotations

from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet

from acebridge.contract.enums import Enum
from acebridge.errors import UnknownField

_WRAPPER = "TaskRequest"


def check_known(message: Message, prefix: str = "") -> None:
    """Raise `UnknownField` for a field or an enum value, at any depth, that the contract does not have.

    ``prefix`` is the path of ``message`` in its request, with a dot at its end; within the request of a task it begins there,
    as in all other errors. Requests hold no maps.
    """
    kind, unknown = message.DESCRIPTOR.name, UnknownFieldSet(message)
    if len(unknown):
        number = unknown[0].field_number
        text = f"{kind} has no field number {number} in this version of the contract."
        raise UnknownField(f"{prefix}{number}", "", text)
    for field, value in message.ListFields():
        items = value if field.is_repeated else [value]
        if field.message_type is not None:
            wraps_task = _WRAPPER in (kind, field.message_type.name)
            for item in items:
                check_known(item, prefix if wraps_task else f"{prefix}{field.name}.")
        elif field.enum_type is not None:
            for number in dict.fromkeys(items):  # each once: a list may be long
                _check_enum(field.enum_type, number, prefix + field.name)


def _check_enum(enum: Enum, number: int, place: str) -> None:
    if number not in enum.values_by_number:
        message = f"{place} is {number}, and {enum.name} has no such value in this version of the contract."
        raise UnknownField(place, str(number), message)
