"""Packets as values and back, against bytes by the specification; and what is refused."""

from __future__ import annotations

import math
import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acebridge.errors import TooLarge
from acebridge.hosts.osc.messages import (
    MAX_BLOB_BYTES,
    MAX_DEPTH,
    MAX_MESSAGES,
    MAX_PACKET_BYTES,
    BadPacket,
    Message,
    decode,
    encode,
)
from tests.support.osc import bundle, message, parse

#: The two messages that the specification of OSC 1.0 prints as bytes.
SPECIFICATION = {
    "2f6f7363696c6c61746f722f342f6672657175656e6379002c66000043dc0000": ("/oscillator/4/frequency", "f", (440.0,)),
    "2f666f6f000000002c696973666600000000" + "03e8ffffffff68656c6c6f0000003f9df3b640b5b22d": (
        "/foo", "iisff", (1000, -1, "hello", struct.unpack(">f", bytes.fromhex("3f9df3b6"))[0],
                          struct.unpack(">f", bytes.fromhex("40b5b22d"))[0]),
    ),
}  # fmt: skip


@pytest.mark.parametrize("packet", SPECIFICATION)
def test_the_messages_of_the_specification(packet: str) -> None:
    address, tags, values = SPECIFICATION[packet]
    assert decode(bytes.fromhex(packet)) == [Message(address, values)]
    assert encode(address, tags, *values).hex() == packet


def test_every_type_is_read() -> None:
    packet = message("/a", "ihfdsbTFN", -1, 2**40, 0.5, 0.1, "ä", b"12345")
    assert decode(packet) == [Message("/a", (-1, 2**40, 0.5, 0.1, "ä", b"12345", True, False, None))]
    assert decode(message("/a")) == [Message("/a", ())]
    assert decode(b"/a\0\0") == [Message("/a", ())]  # old programs send no tags


texts = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=40)
floats = st.floats(width=32, allow_nan=False)
arguments = st.lists(
    st.one_of(
        st.tuples(st.just("s"), texts),
        st.tuples(st.just("i"), st.integers(-(2**31), 2**31 - 1)),
        st.tuples(st.just("f"), floats),
    ),
    max_size=8,
)


@given(arguments)
def test_what_is_encoded_has_the_bytes_of_the_specification(values: list[tuple[str, object]]) -> None:
    tags, items = "".join(tag for tag, _ in values), tuple(value for _, value in values)
    packet = encode("/acebridge/x", tags, *items)
    assert packet == message("/acebridge/x", tags, *items)
    assert decode(packet) == [Message("/acebridge/x", items)]
    assert parse(packet) == ("/acebridge/x", tags, items)


def test_bundles_in_bundles_count_no_earlier_than_the_outer_one() -> None:
    late, early = 2_000_000_000.0, 1_900_000_000.5
    inner = bundle(message("/b", "i", 2), at_s=early)
    packet = bundle(message("/a", "i", 1), inner, message("/c"), at_s=late)
    assert decode(packet) == [Message("/a", (1,), late), Message("/b", (2,), late), Message("/c", (), late)]
    assert decode(bundle(bundle(message("/b"), at_s=late))) == [Message("/b", (), late)]
    assert decode(bundle()) == []


def nest(depth: int) -> bytes:
    packet = message("/a")
    for _ in range(depth):
        packet = bundle(packet)
    return packet


BAD = {
    "empty": (b"", "begins with neither"),
    "text": (b"hello", "begins with neither"),
    "a cut address": (b"/acebridge", "cut off"),
    "no comma": (b"/a\0\0ii\0\0", "do not begin with a comma"),
    "an unknown type": (b"/a\0\0,r\0\0\1\2\3\4", "type tag is 'r'"),
    "an array": (b"/a\0\0,[i]\0\0\0\0\0\0\0\1", "type tag is '['"),
    "a missing argument": (b"/a\0\0,i\0\0", "cut off"),
    "a negative blob": (b"/a\0\0,b\0\0" + struct.pack(">i", -8), "cut off"),
    "a long blob": (message("/a", "b", bytes(MAX_BLOB_BYTES + 1)), "blob has 8193 bytes"),
    "no UTF-8": (b"/a\0\0,s\0\0\xff\xfe\0\0", "cut off"),
    "a control character": (b"/a\nb\0\0\0\0,\0\0\0", "cannot be printed"),
    "too many arguments": (message("/a", "T" * 65), "65 arguments"),
    "a bundle without time": (b"#bundle\0\0\0", "before its time tag"),
    "a bundle with a cut size": (bundle() + b"\0\0", "in the size of an element"),
    "an element of size zero": (bundle() + bytes(4), "has 0 bytes"),
    "an element of negative size": (bundle() + struct.pack(">i", -4), "has -4 bytes"),
    "an element past the end": (bundle() + struct.pack(">i", 8) + b"/a\0\0", "has 8 bytes"),
    "an element that is no OSC": (bundle(b"text"), "begins with neither"),
    "deep bundles": (nest(MAX_DEPTH + 1), "nested too deep"),
    "many messages": (bundle(*[message("/a")] * (MAX_MESSAGES + 1)), "too many messages"),
    "a long packet": (message("/a", "s", "x" * MAX_PACKET_BYTES), "The packet has"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_bad_is_refused_with_a_remedy(what: str) -> None:
    packet, says = BAD[what]
    with pytest.raises(BadPacket, match=r"\.") as caught:
        decode(packet)
    assert says in caught.value.message
    assert caught.value.remedy


def test_the_error_names_the_address_if_it_is_known() -> None:
    with pytest.raises(BadPacket) as caught:
        decode(message("/acebridge/x", "b", bytes(MAX_BLOB_BYTES + 4)))
    assert caught.value.address == "/acebridge/x"


def test_as_much_as_is_allowed_is_read() -> None:
    assert len(decode(bundle(*[message("/a")] * MAX_MESSAGES))) == MAX_MESSAGES
    assert len(decode(nest(MAX_DEPTH))) == 1
    assert decode(message("/a", "b", bytes(MAX_BLOB_BYTES)))[0].arguments == (bytes(MAX_BLOB_BYTES),)


def test_text_that_osc_cannot_hold_is_sent_without_it() -> None:
    assert encode("/a", "s", "one\0two\udc80") == message("/a", "s", "onetwo?")
    with pytest.raises(TooLarge):
        encode("/a", "s", "x" * MAX_PACKET_BYTES)
    with pytest.raises(ValueError, match="/a i"):
        encode("/a", "i", 2**40)


@given(st.binary(max_size=200) | st.binary(max_size=100).map(lambda tail: bundle() + tail))
def test_any_bytes_are_messages_or_refused(packet: bytes) -> None:
    with suppress(BadPacket):
        assert all(math.isfinite(each.at) for each in decode(packet))


def test_an_impulse_is_true_and_a_symbol_is_text() -> None:
    assert decode(b"/a\0\0,ISi\0\0\0\0abc\0\0\0\0\7") == [("/a", (True, "abc", 7), 0.0)]
