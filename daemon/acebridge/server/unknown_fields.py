"""Refusing what a request holds beyond this version of the contract: a newer client must not lose an option without a word."""

from __future__ import annotations

from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet

from acebridge.contract.enums import Enum
from acebridge.errors import UnknownField


def check_known(message: Message) -> None:
    """Raise `UnknownField` for a field or an enum value, at any depth, that the contract does not have.

    Requests hold no maps.
    """
    kind, unknown = message.DESCRIPTOR.name, UnknownFieldSet(message)
    if len(unknown):
        number = unknown[0].field_number
        raise UnknownField(str(number), "", f"{kind} has no field number {number} in this version of the contract.")
    for field, value in message.ListFields():
        for item in value if field.is_repeated else [value]:
            if isinstance(item, Message):
                check_known(item)
            elif field.enum_type is not None:
                _check_enum(field.enum_type, item, kind, field.name)


def _check_enum(enum: Enum, number: int, kind: str, name: str) -> None:
    if number not in enum.values_by_number:
        message = f"{kind}.{name} is {number}, and {enum.name} has no such value in this version of the contract."
        raise UnknownField(name, str(number), message)
