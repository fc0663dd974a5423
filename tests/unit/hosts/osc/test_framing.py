"""Packets in a stream, in any pieces, in both framings; and streams that never end a packet."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acebridge.hosts.osc.framing import Framing
from acebridge.hosts.osc.messages import MAX_PACKET_BYTES, BadPacket


def slip(packet: bytes) -> bytes:
    """RFC 1055, with an end byte on both sides as OSC 1.1 asks."""
    return b"\xc0" + b"".join({0xC0: b"\xdb\xdc", 0xDB: b"\xdb\xdd"}.get(b, bytes([b])) for b in packet) + b"\xc0"


def with_length(packet: bytes) -> bytes:
    return struct.pack(">I", len(packet)) + packet


packets = st.lists(st.binary(min_size=1, max_size=60).map(lambda tail: b"/" + tail), min_size=1, max_size=5)


@given(packets, st.sampled_from([slip, with_length]), st.integers(1, 50))
def test_packets_arrive_whole_in_any_pieces(sent: list[bytes], wrap: object, size: int) -> None:
    data = b"".join(map(wrap, sent))  # type: ignore[arg-type]
    framing = Framing()
    received = [p for start in range(0, len(data), size) for p in framing.feed(data[start : start + size])]
    assert received == sent
    assert not framing.is_partial
    assert b"".join(map(framing.wrap, sent)) == data


def test_slip_without_a_first_end_byte_and_with_shared_ones_is_read() -> None:
    assert list(Framing().feed(b"/a\0\0\xc0/b\0\0\xc0\xc0\xc0/c\0\0\xc0")) == [b"/a\0\0", b"/b\0\0", b"/c\0\0"]


@pytest.mark.parametrize("first", [byte for byte in range(1, 256) if byte not in b"\xc0/#"])
def test_other_protocols_are_no_streams(first: int) -> None:
    with pytest.raises(BadPacket, match="begins with neither"):
        list(Framing().feed(bytes([first]) + slip(b"/acebridge/cancel")))


@pytest.mark.parametrize(
    "data", [struct.pack(">I", MAX_PACKET_BYTES + 1), b"\xc0/a\xdb\x01\xc0", b"/" * (2 * MAX_PACKET_BYTES + 1)]
)
def test_what_cannot_be_a_packet_ends_the_stream(data: bytes) -> None:
    with pytest.raises(BadPacket):
        list(Framing().feed(data))


def test_half_a_packet_waits() -> None:
    for half in (b"\0", b"\0\0\0\x08/a\0\0", b"\xc0/acebridge"):
        framing = Framing()
        assert list(framing.feed(half)) == []
        assert framing.is_partial
