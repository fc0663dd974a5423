"""Enum values by name: ``ENCODING_PCM24`` on the wire, ``pcm24`` everywhere else. Only this module knows the difference."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from acebridge.v1 import audio_pb2

if TYPE_CHECKING:
    from google._upb import _message as upb
    from google.protobuf import descriptor

#: An enum of the contract, for example ``audio_pb2.Encoding.DESCRIPTOR``.
Enum: TypeAlias = "descriptor.EnumDescriptor | upb.EnumDescriptor"
_ENCODING: Enum = audio_pb2.Encoding.DESCRIPTOR
#: Names on the wire, without prefix, of values whose name elsewhere is not just their lower case.
_OWN_NAMES = {"TEXT_TO_MUSIC": "text2music"}
_WIRE_NAMES = {own: wire for wire, own in _OWN_NAMES.items()}


def _prefix(enum: Enum) -> str:
    """Return what all names of an enum begin with: its value 0 is ``PREFIX_UNSPECIFIED``."""
    return enum.values[0].name.removesuffix("UNSPECIFIED")


def strip_prefix(enum: Enum, name: str) -> str:
    """Return the name of a value elsewhere: ``pcm24`` for ``ENCODING_PCM24``, and for ``pcm24`` itself."""
    plain = name.upper().removeprefix(_prefix(enum))
    return _OWN_NAMES.get(plain, plain.lower())


def enum_names(enum: Enum) -> list[str]:
    """Return the names of all values but ``unspecified``, in the order of the contract."""
    return [strip_prefix(enum, value.name) for value in enum.values[1:]]


def enum_name(enum: Enum, number: int) -> str:
    """Return the name of a value; ``number 77`` for one that this version of the contract does not have."""
    value = enum.values_by_number.get(number)
    return f"number {number}" if value is None else strip_prefix(enum, value.name)


def enum_number(enum: Enum, name: str) -> int:
    """Return the number of a value. Raises ``KeyError`` for a name that the enum does not have."""
    return enum.values_by_name[_prefix(enum) + _WIRE_NAMES.get(name, name.upper())].number


#: Encodings of samples, by the names that `acestep_runtime.audio.wav.ENCODINGS` has for them.
ENCODINGS = tuple(enum_names(_ENCODING))


def encoding_name(number: int) -> str:
    """Return the name of an encoding: ``float32``, ``pcm24`` or ``pcm16``."""
    return enum_name(_ENCODING, number)
