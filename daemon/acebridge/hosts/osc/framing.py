"""Packets in a stream of bytes: SLIP (OSC 1.1), or the length before each packet (OSC 1.0, as liblo sends). The first byte
tells which: a length begins with 0, SLIP with its end byte or with a packet. Anything else is another protocol, such as a
request of a web page, whose body must not be read as packets."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from pythonosc import slip

from acebridge.hosts.osc.messages import MAX_PACKET_BYTES, BadPacket

_LENGTH_BYTES = 4
#: How a SLIP stream begins: an end byte, a message, a bundle.
_SLIP_BEGINS = slip.END + b"/#"
#: Every byte of a packet can be two in SLIP.
_MAX_FRAME_BYTES = 2 * MAX_PACKET_BYTES


class Framing:
    """Takes bytes as they come and gives whole packets. Keeps no more than one frame."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        #: Whether packets begin with their length; not known before the first byte.
        self.has_lengths: bool | None = None

    @property
    def is_partial(self) -> bool:
        """Whether a packet has begun and not ended."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the packets that are whole now. Raises `BadPacket` for one that is too long or no SLIP: the stream is lost."""
        if self.has_lengths is None and data:
            if data[0] and data[0] not in _SLIP_BEGINS:
                raise BadPacket("The stream begins with neither an OSC packet nor its length.")
            self.has_lengths = data[0] == 0
        self._buffer += data
        yield from self._by_length() if self.has_lengths else self._by_slip()

    def wrap(self, packet: bytes) -> bytes:
        """Return a packet as this stream has it."""
        return struct.pack(">I", len(packet)) + packet if self.has_lengths else slip.encode(packet)

    def _by_length(self) -> Iterator[bytes]:
        while len(self._buffer) >= _LENGTH_BYTES:
            (length,) = struct.unpack_from(">I", self._buffer)
            if length > MAX_PACKET_BYTES:
                raise BadPacket(f"A packet says that it has {length} bytes; allowed: at most {MAX_PACKET_BYTES}.")
            if len(self._buffer) < _LENGTH_BYTES + length:
                return
            packet = bytes(self._buffer[_LENGTH_BYTES : _LENGTH_BYTES + length])
            del self._buffer[: _LENGTH_BYTES + length]
            yield packet

    def _by_slip(self) -> Iterator[bytes]:
        while (end := self._buffer.find(slip.END)) >= 0:
            frame = bytes(self._buffer[:end])
            del self._buffer[: end + 1]
            if frame:  # two frames may have one or two end bytes between them
                try:
                    yield slip.decode(frame)
                except slip.ProtocolError as error:
                    raise BadPacket("A frame is no SLIP.") from error
        if len(self._buffer) > _MAX_FRAME_BYTES:
            raise BadPacket(f"A packet does not end after {MAX_PACKET_BYTES} bytes.")
