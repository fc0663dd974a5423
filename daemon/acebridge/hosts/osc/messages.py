"""OSC packets as values and back. The bytes of a message are python-osc's work, its limits and bundles are checked here:
python-osc trusts the sizes that a packet gives, and skips types that it does not know."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

from pythonosc.osc_message import OscMessage, ParseError
from pythonosc.osc_message_builder import BuildError, OscMessageBuilder
from pythonosc.parsing import ntp, osc_types

from acebridge.errors import AceBridgeError, TooLarge

#: What an argument of a message may be, and what it is once it was converted for its row of the table.
Argument: TypeAlias = "bool | int | float | str | bytes | None"
Value: TypeAlias = "bool | int | float | str | None"

#: The longest packet: what fits into a datagram, and into a frame of a stream.
MAX_PACKET_BYTES = 65_507
MAX_BLOB_BYTES = 8192
#: Messages in a packet, arguments of a message, bundles in bundles.
MAX_MESSAGES, MAX_ARGUMENTS, MAX_DEPTH = 256, 64, 8
#: The types that are read: numbers, text, blobs and the values without bytes.
TAGS = "ihfdsSbTFNI"
#: An impulse, as a button sends, is true; a symbol is text.
_SAME = bytes.maketrans(b"IS", b"Ts")
#: The types of one size.
_ARGUMENT_BYTES = {"i": 4, "f": 4, "h": 8, "d": 8, "T": 0, "F": 0, "N": 0}
_BUNDLE = b"#bundle\x00"
_TIME_BYTES, _SIZE_BYTES = 8, 4
_SEND_AGAIN = "Send OSC 1.0 messages or bundles: an address such as /acebridge/status, type tags, arguments."


class Message(NamedTuple):
    """An address and its arguments. ``at`` is the time, in seconds of the system's clock, when it counts; 0 is at once."""

    address: str
    arguments: tuple[Argument, ...]
    at: float = 0.0


class BadPacket(AceBridgeError):
    """A packet that is no OSC, or more than is read. ``address`` is that of the message, as far as it is known."""

    def __init__(self, message: str, *, remedy: str = _SEND_AGAIN, address: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.address = address


def decode(packet: bytes) -> list[Message]:
    """Return the messages of a packet in their order. Raises `BadPacket` when anything in it is wrong."""
    if len(packet) > MAX_PACKET_BYTES:
        raise BadPacket(f"The packet has {len(packet)} bytes; allowed: at most {MAX_PACKET_BYTES}.")
    messages: list[Message] = []
    for message in _messages(packet, 0.0, MAX_DEPTH):
        if len(messages) == MAX_MESSAGES:
            raise BadPacket(
                f"The bundle holds too many messages; allowed: at most {MAX_MESSAGES}.", remedy="Send several bundles."
            )
        messages.append(message)
    return messages


def _messages(packet: bytes, at: float, depth: int) -> Iterator[Message]:
    if not packet.startswith(_BUNDLE):
        yield _message(packet, at)
        return
    if not depth:
        raise BadPacket(f"Bundles are nested too deep; allowed: {MAX_DEPTH} levels.", remedy="Send flat bundles.")
    start = len(_BUNDLE) + _TIME_BYTES
    if len(packet) < start:
        raise BadPacket("The bundle ends before its time tag.")
    at = max(at, _time(packet[len(_BUNDLE) : start]))
    while start < len(packet):
        if len(packet) < start + _SIZE_BYTES:
            raise BadPacket("The bundle ends in the size of an element.")
        (size,) = struct.unpack_from(">i", packet, start)
        start += _SIZE_BYTES
        if size <= 0 or size % 4 or start + size > len(packet):
            raise BadPacket(f"An element of the bundle says that it has {size} bytes; {len(packet) - start} follow.")
        yield from _messages(packet[start : start + size], at, depth - 1)
        start += size


def _time(tag: bytes) -> float:
    """Return the time of a tag in seconds of the system's clock; 0 for "at once"."""
    return 0.0 if tag == ntp.IMMEDIATELY else max(0.0, ntp.ntp_to_system_time(tag))


def _message(packet: bytes, at: float) -> Message:
    if not packet.startswith(b"/"):
        raise BadPacket("The packet begins with neither / nor #bundle.")
    address = ""
    try:
        address, after = osc_types.get_string(packet, 0)
        if not address.isprintable():
            raise BadPacket("The address holds characters that cannot be printed.")
        tags, start = osc_types.get_string(packet, after) if packet[after:] else (",", after)
        _check_tags(address, tags)
        packet = packet[:after] + packet[after:start].translate(_SAME) + packet[start:]
        tags = tags.replace("I", "T").replace("S", "s")
        _check_sizes(address, packet, start, tags)
        arguments = tuple(OscMessage(packet).params)
    except (ParseError, osc_types.ParseError, ValueError, struct.error, IndexError) as error:
        raise BadPacket("The message is cut off or damaged.", address=address) from error
    return Message(address, arguments, at)


def _check_sizes(address: str, packet: bytes, start: int, tags: str) -> None:
    """Raise `BadPacket` for a blob that is too long, and ``ValueError`` where the arguments do not fit into the packet."""
    for tag in tags[1:]:
        if tag == "s":
            _, start = osc_types.get_string(packet, start)
        elif tag == "b":
            size, start = osc_types.get_int(packet, start)
            if size > MAX_BLOB_BYTES:
                remedy = "Name a file by its path."
                message = f"The blob has {size} bytes; allowed: at most {MAX_BLOB_BYTES}."
                raise BadPacket(message, remedy=remedy, address=address)
            if size < 0:
                raise ValueError("a blob of negative size")
            start += size + -size % 4
        else:
            start += _ARGUMENT_BYTES[tag]
    if start > len(packet):
        raise ValueError("arguments past the end of the packet")


def _check_tags(address: str, tags: str) -> None:
    if not tags.startswith(","):
        raise BadPacket("The type tags do not begin with a comma.", address=address)
    if len(tags) - 1 > MAX_ARGUMENTS:
        raise BadPacket(
            f"The message has {len(tags) - 1} arguments; allowed: at most {MAX_ARGUMENTS}.", address=address
        )
    for tag in tags[1:]:
        if tag not in TAGS:
            raise BadPacket(f"The type tag is {tag!r}; allowed: {', '.join(TAGS)}.", address=address)


def encode(address: str, tags: str = "", *arguments: Argument) -> bytes:
    """Return the bytes of a message. Raises `TooLarge` for one that no packet holds, and ``ValueError`` for what is no OSC."""
    builder = OscMessageBuilder(address)
    for tag, value in zip(tags, arguments, strict=True):
        builder.add_arg(_sendable(value), tag)
    try:
        packet = builder.build().dgram
    except (BuildError, ParseError) as error:
        raise ValueError(f"{address} {tags}: {error}") from error
    if len(packet) > MAX_PACKET_BYTES:
        raise TooLarge(f"A message to {address} has {len(packet)} bytes; allowed: at most {MAX_PACKET_BYTES}.")
    return packet


def _sendable(value: Argument) -> Argument:
    """Return text that ends where OSC would end it, and is UTF-8."""
    return value.replace("\0", "").encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value
