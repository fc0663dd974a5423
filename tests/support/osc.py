"""OSC as tests speak it: bytes by the specification (opensoundcontrol.stanford.edu, OSC 1.0), without the library that the
bridge uses, and a peer that sends and waits."""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.daemon import PATIENCE_S, until

_NUMBERS = {"i": ">i", "f": ">f", "h": ">q", "d": ">d"}


def text_bytes(text: str) -> bytes:
    """A string: its bytes, a zero, and zeros to a multiple of four."""
    data = text.encode() + b"\0"
    return data + b"\0" * (-len(data) % 4)


def message(address: str, tags: str = "", *values: Any) -> bytes:
    """The bytes of a message."""
    values_left = iter(values)
    packet = text_bytes(address) + text_bytes(f",{tags}")
    for tag in tags:
        if tag in _NUMBERS:
            packet += struct.pack(_NUMBERS[tag], next(values_left))
        elif tag == "s":
            packet += text_bytes(next(values_left))
        elif tag == "b":
            blob = next(values_left)
            packet += struct.pack(">i", len(blob)) + blob + b"\0" * (-len(blob) % 4)
    return packet


def bundle(*packets: bytes, at_s: float | None = None) -> bytes:
    """The bytes of a bundle that counts at a time of the system's clock; by default at once."""
    tag = 1 if at_s is None else round((at_s + 2_208_988_800) * 2**32)
    return b"#bundle\0" + struct.pack(">Q", tag) + b"".join(struct.pack(">i", len(p)) + p for p in packets)


class Answer(NamedTuple):
    """A message that came."""

    address: str
    tags: str
    values: tuple[Any, ...]

    @property
    def kind(self) -> str:
        """The last word of its address."""
        return self.address.rpartition("/")[2]


def parse(packet: bytes) -> Answer:
    """Read a message; anything that is left or missing is an error."""

    def read_text(start: int) -> tuple[str, int]:
        end = packet.index(0, start)
        after = end + 4 - (end - start) % 4
        assert packet[end:after] == b"\0" * (after - end)
        return packet[start:end].decode(), after

    address, at = read_text(0)
    tags, at = read_text(at)
    assert tags[0] == ","
    values: list[Any] = []
    for tag in tags[1:]:
        if tag == "s":
            value, at = read_text(at)
        else:
            (value,) = struct.unpack_from(_NUMBERS[tag], packet, at)
            at += struct.calcsize(_NUMBERS[tag])
        values.append(value)
    assert at == len(packet)
    return Answer(address, tags[1:], tuple(values))


class OscPeer:
    """A UDP socket on loopback that speaks to a bridge."""

    def __init__(self, port: int) -> None:
        self.to = ("127.0.0.1", port)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(PATIENCE_S)
        self.port: int = self.socket.getsockname()[1]

    def send(self, address: str, tags: str = "", *values: Any) -> None:
        self.send_bytes(message(address, tags, *values))

    def send_bytes(self, packet: bytes) -> None:
        self.socket.sendto(packet, self.to)

    def receive(self) -> Answer:
        return parse(self.socket.recv(65_536))

    def wait_for(self, *kinds: str) -> list[Answer]:
        """What comes until an answer of one of these kinds, or an error, comes; without what goes to faders."""
        answers: list[Answer] = []
        while not answers or answers[-1].kind not in (*kinds, "error"):
            answer = self.receive()
            if not answer.address.startswith("/acebridge/latest/"):
                answers.append(answer)
        return answers

    def ask(self, address: str, tags: str = "", *values: Any, until: str = "done") -> Answer:
        """Send a message and return the last answer of `wait_for`."""
        self.send(address, tags, *values)
        return self.wait_for(until)[-1]

    def session(self) -> dict[str, Any]:
        """The fields of the session."""
        self.send("/acebridge/session")
        *fields, count = self.wait_for("count")
        held = {field.kind: field.values[0] for field in fields}
        assert count.values == (len(held),)
        return held

    def close(self) -> None:
        self.socket.close()


@contextmanager
def osc_peer(port: int) -> Iterator[OscPeer]:
    """A peer that is closed at the end."""
    peer = OscPeer(port)
    try:
        yield peer
    finally:
        peer.close()


def port_of(home: Path, alive: Callable[[], bool] = lambda: True) -> int:
    """Where the bridge of a data folder listens, as soon as it does."""
    file = home / "osc.json"
    until(lambda: file.exists() or not alive(), "the bridge's address")
    return int(json.loads(file.read_text("utf-8"))["port"])


def now_s() -> float:
    """The time by which time tags count."""
    return time.time()
