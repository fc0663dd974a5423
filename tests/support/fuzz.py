"""What no client of ours would send: messages with fields at random, bytes that are nearly such messages, damaged audio."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import soundfile
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from acebridge.v1 import assets_pb2, daemon_pb2, jobs_pb2, models_pb2, tasks_pb2
from tests.support.signals import noise

INTEGERS = (0, 1, 2, -1, 255, 2**31 - 1, -(2**31), 2**32, 2**53, 2**63 - 1, -(2**63))
NUMBERS = (0.0, -0.0, 0.5, 1.0, -1.0, 3.0, 1e9, 1e-300, 1e308, math.inf, -math.inf, math.nan)
TEXTS = (
    "",
    "x",
    "draft",
    "4/4",
    "C major",
    "\0",
    "../../etc/passwd",
    "/dev/zero",
    "/",
    "\u202e\x1b[31m",
    "é" * 300,
    "\U0010ffff",
)
#: Name of an audio file → its encoding.
AUDIO = {"a.wav": "PCM_16", "b.wav": "FLOAT", "a.flac": "PCM_24", "a.aiff": "PCM_16", "a.ogg": "VORBIS", "a.mp3": None}
#: Where the header is: damage there does most.
_HEADER_BYTES = 128
_DEPTH, _MOST_ITEMS = 4, 3


class Method(NamedTuple):
    """A method of the contract."""

    path: str
    request: Descriptor
    takes_stream: bool
    answers_stream: bool


def methods() -> list[Method]:
    """All methods but the one that ends the daemon."""
    return [
        Method(
            f"/{service.full_name}/{method.name}", method.input_type, method.client_streaming, method.server_streaming
        )
        for module in (assets_pb2, daemon_pb2, jobs_pb2, models_pb2, tasks_pb2)
        for service in module.DESCRIPTOR.services_by_name.values()
        for method in service.methods
        if method.name != "Shutdown"
    ]


def make_request(kind: Descriptor, chance: random.Random, names: Sequence[str]) -> bytes:
    """Return a request of a kind as bytes, one in three of them damaged. ``names`` are ids that there may be."""
    message = _message(kind, chance, [*TEXTS, *names], _DEPTH)
    data = message.SerializeToString()
    return _damage(data, chance) if chance.random() < 1 / 3 else data


def _message(kind: Descriptor, chance: random.Random, texts: Sequence[str], depth: int) -> Message:
    message = GetMessageClass(kind)()
    density = chance.choice((0.1, 0.5, 0.9))
    for field in kind.fields:
        if chance.random() > density or (field.message_type is not None and depth == 0):
            continue
        if field.is_repeated:
            items = [_value(field, chance, texts, depth) for _ in range(chance.randint(0, _MOST_ITEMS))]
            getattr(message, field.name).extend(items)
        elif field.message_type is not None:
            getattr(message, field.name).CopyFrom(_value(field, chance, texts, depth))
        else:
            setattr(message, field.name, _value(field, chance, texts, depth))
    return message


def _value(field: FieldDescriptor, chance: random.Random, texts: Sequence[str], depth: int) -> Any:
    if field.message_type is not None:
        return _message(field.message_type, chance, texts, depth - 1)
    if field.enum_type is not None:
        return chance.choice((*field.enum_type.values_by_number, 99, -1))
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        text = chance.choice(texts)
        return text.encode() if field.type == FieldDescriptor.TYPE_BYTES else text
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return chance.random() < 0.5
    if field.cpp_type in (FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT):
        return chance.choice(NUMBERS)
    bits = 32 if field.cpp_type in (FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_UINT32) else 64
    unsigned = field.cpp_type in (FieldDescriptor.CPPTYPE_UINT32, FieldDescriptor.CPPTYPE_UINT64)
    low, high = (0, 2**bits - 1) if unsigned else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return min(max(chance.choice(INTEGERS), low), high)


def _damage(data: bytes, chance: random.Random) -> bytes:
    """Cut, extend or change bytes."""
    damaged = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at = chance.randint(0, len(damaged))
        match chance.randrange(3):
            case 0:
                del damaged[at:]
            case 1:
                damaged[at:at] = chance.randbytes(chance.randint(1, 9))
            case _:
                damaged[at : at + 1] = chance.randbytes(1)
    return bytes(damaged)


def make_audio(folder: Path) -> dict[str, bytes]:
    """Return a whole file of each kind in `AUDIO`, by name; ``folder`` is for writing them."""
    for name, subtype in AUDIO.items():
        soundfile.write(folder / name, noise(0.1, channels=2), 48_000, subtype=subtype)
    return {name: (folder / name).read_bytes() for name in AUDIO}


def damage_audio(data: bytes, chance: random.Random) -> bytes:
    """Change bytes of an audio file, most of them of its header, and perhaps cut it off."""
    damaged = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        at = chance.randrange(min(len(damaged), _HEADER_BYTES) if chance.random() < 0.7 else len(damaged))
        damaged[at : at + chance.randint(1, 4)] = chance.randbytes(chance.randint(1, 4))
    if chance.random() < 0.3:
        del damaged[chance.randrange(len(damaged)) :]
    return bytes(damaged)
