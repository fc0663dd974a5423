"""The messages of PTSL, made at run time from its descriptor; ``ptsl-notice.txt`` says where that comes from."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from google.protobuf import descriptor_pool, json_format, message_factory
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.message import Message

#: The one method, which takes a ``Request`` and returns a ``Response``.
SERVICE, METHOD = "ptsl.PTSL", "SendGrpcRequest"


@cache
def _file() -> FileDescriptor:
    pool = descriptor_pool.DescriptorPool()  # of its own: nobody else's messages meet these
    pool.AddSerializedFile(files("acebridge.hosts.protools").joinpath("ptsl.binpb").read_bytes())
    return pool.FindFileByName("PTSL.proto")


@cache
def message_type(name: str) -> type[Message] | None:
    """Return the class of a message; ``None`` where PTSL has none of this name."""
    descriptor = _file().message_types_by_name.get(name)
    return None if descriptor is None else message_factory.GetMessageClass(descriptor)


def new_message(name: str) -> Any:
    """Return an empty message."""
    kind = message_type(name)
    assert kind is not None, name
    return kind()


def number_of(enum: str, name: str) -> int:
    """Return the number of a value of an enum."""
    return int(_file().enum_types_by_name[enum].values_by_name[name].number)


def names_of(enum: str, number: int) -> tuple[str, ...]:
    """Return all names that a number of an enum has; none if it does not have it."""
    return tuple(value.name for value in _file().enum_types_by_name[enum].values if value.number == number)


def name_of(enum: str, number: int) -> str:
    """Return the newest name of a number of an enum: Pro Tools wants names in requests, not numbers."""
    return names_of(enum, number)[-1]


def command_number(command: str) -> int:
    """Return the number of a command, such as ``GetTrackList``."""
    return number_of("CommandId", f"CId_{command}")


def parse_body(name: str, content: dict[str, Any], *, strict: bool) -> Any:
    """Return the message of a body in JSON; ``None`` where its command has no such body.

    Without ``strict``, fields and names that the descriptor lacks are ignored, and an empty object counts as an empty list,
    as Pro Tools writes it. Raises ``ParseError`` for anything else that does not fit.
    """
    kind = message_type(name)
    if kind is None:
        return None
    fields: dict[str, Any] = dict(kind.DESCRIPTOR.fields_by_name)
    if not strict:
        content = {
            key: [] if value == {} and key in fields and fields[key].is_repeated else value
            for key, value in content.items()
        }
    return json_format.ParseDict(content, kind(), ignore_unknown_fields=not strict)
