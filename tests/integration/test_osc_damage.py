"""Whatever arrives at the OSC bridge, it serves on, and neither it nor the daemon keeps memory for it."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import suppress

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acebridge.hosts.osc.addresses import ADDRESSES
from acebridge.hosts.osc.bridge import MAX_FEEDBACK, MAX_SCHEDULED
from acebridge.hosts.osc.messages import MAX_MESSAGES
from acebridge.hosts.osc.tcp import MAX_CONNECTIONS
from acestep_runtime.values import Json
from tests.support.daemon import PATIENCE_S, Daemon, daemon_at, status, until
from tests.support.osc import OscPeer, bundle, message, now_s, osc_peer, port_of
from tests.support.tiers import Rounds

#: Growth that only a leak exceeds: what allocators keep after thousands of packets of 64 KiB is below.
_GROWTH_BYTES = 32 << 20
_WAITING = ("/acebridge/status", "/acebridge/jobs")  # each asks the daemon: thousands would only wait for it
_VALUES: dict[str, Json] = {"s": "x", "f": 0.5, "i": 1}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon with a bridge that may use no file; of the jobs that damaged packets order, most are refused."""
    folder = tmp_path_factory.mktemp("osc")
    config = f"max_waiting_jobs = 2\nroots = ['{folder / 'none'}']\n[osc]\nport = 0\n"
    with daemon_at(folder / "home", config=config) as daemon:
        yield daemon


@pytest.fixture
def peer(daemon: Daemon) -> Iterator[OscPeer]:
    with osc_peer(port_of(daemon.home)) as peer:
        yield peer


def assert_serves(daemon: Daemon, peer: OscPeer) -> psutil.Process:
    """Assert that bridge and daemon answer; return the process of the bridge, which must be the same for ever."""
    with osc_peer(peer.to[1]) as fresh:
        fresh.send("/acebridge/session/clear")
        assert fresh.session() == {}
        assert fresh.ask("/acebridge/status", until="daemon").kind == "daemon"
    assert daemon.client is not None
    assert status(daemon.client).pid == daemon.pid
    (bridge,) = (child for child in daemon.children() if "osc" in child.cmdline())
    return bridge


#: A good packet for each address that runs nothing. A task is refused, for its folder of results is outside the roots.
SEEDS = [
    *(
        message(row.path.replace("{id}", "0" * 32), row.tags, *(_VALUES[tag] for tag in row.tags))
        for row in ADDRESSES
        if row.path not in _WAITING
    ),
    message("/acebridge/text2music", "s", '{"duration_s": 0.1}'),
    message("/acebridge/session/caption", "b", bytes(100)),
    bundle(message("/acebridge/session/bpm", "f", 96.0), bundle(message("/acebridge/again"))),
    bundle(message("/acebridge/session/bpm", "f", 96.0), at_s=2e9),
]


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    """A good packet with some bytes changed, removed, repeated or put in."""
    packet = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(packet)))
        match draw(st.sampled_from(["change", "cut", "insert", "repeat", "number"])):
            case "change" if at < len(packet):
                packet[at] = draw(st.integers(0, 255))
            case "cut":
                del packet[at : at + draw(st.integers(1, 8))]
            case "insert":
                packet[at:at] = draw(st.binary(max_size=8))
            case "repeat":
                packet[at:at] = packet[at : at + 64] * draw(st.integers(1, 4))
            case "number":
                packet[at : at + 4] = struct.pack(">i", draw(st.sampled_from([0, -1, 1, 2**31 - 1, -(2**31), 65_536])))
    return bytes(packet[:60_000])


def storm(daemon: Daemon, peer: OscPeer, count: int, batch: int = 50) -> None:
    """Send ``count`` mutated packets; after each batch the bridge answers, so none of them is lost in the socket."""
    peer.socket.settimeout(PATIENCE_S)
    bridge = assert_serves(daemon, peer)
    own = psutil.Process(daemon.pid)
    sizes: list[tuple[int, int]] = []

    @settings(max_examples=count // batch, database=None, suppress_health_check=list(HealthCheck), deadline=None)
    @given(st.lists(mutations(), min_size=batch, max_size=batch))
    def send(packets: list[bytes]) -> None:
        with osc_peer(peer.to[1]) as fresh:
            for packet in packets:
                fresh.send_bytes(packet)
            fresh.send("/acebridge/session/count_me", "i", 1)
            while fresh.receive().values[:1] != ("/acebridge/session/count_me",):
                pass
        sizes.append((bridge.memory_info().rss, own.memory_info().rss))

    send()
    assert assert_serves(daemon, peer) == bridge
    for before, after in zip(sizes[len(sizes) // 4], sizes[-1], strict=True):
        assert after - before < _GROWTH_BYTES


@pytest.mark.campaign("osc")
def test_mutated_packets(daemon: Daemon, peer: OscPeer, rounds: Rounds) -> None:
    storm(daemon, peer, len(rounds(300, 20_000)))


def connections(bridge: psutil.Process, peer: OscPeer) -> list[object]:
    own = [c for c in bridge.net_connections("tcp") if c.laddr.port == peer.to[1]]
    return [c for c in own if c.status == psutil.CONN_ESTABLISHED]


def frame(packet: bytes, by_length: bool) -> bytes:
    return struct.pack(">I", len(packet)) + packet if by_length else b"\xc0" + packet + b"\xc0"


def storm_streams(daemon: Daemon, peer: OscPeer, count: int) -> None:
    """Open ``count`` streams that send damaged packets, in damaged frames, and end anywhere."""
    bridge = assert_serves(daemon, peer)
    before = bridge.memory_info().rss

    @settings(max_examples=count, database=None, suppress_health_check=list(HealthCheck), deadline=None)
    @given(st.lists(mutations(), max_size=5), st.booleans(), st.integers(0, 12), st.binary(max_size=8))
    def send(packets: list[bytes], by_length: bool, cut: int, tail: bytes) -> None:
        data = b"".join(frame(packet, by_length) for packet in packets)
        with socket.create_connection(peer.to, timeout=PATIENCE_S) as stream, suppress(ConnectionError):
            stream.sendall(data[: max(0, len(data) - cut)] + tail)

    send()
    assert assert_serves(daemon, peer) == bridge
    until(lambda: not connections(bridge, peer), "closed connections")
    assert bridge.memory_info().rss - before < _GROWTH_BYTES


@pytest.mark.campaign("osc")
def test_damaged_streams(daemon: Daemon, peer: OscPeer, rounds: Rounds) -> None:
    storm_streams(daemon, peer, len(rounds(30, 2000)))


def test_half_open_streams_are_few_and_others_are_served(daemon: Daemon, peer: OscPeer) -> None:
    bridge = assert_serves(daemon, peer)
    before = bridge.memory_info().rss
    beginnings = (b"", b"\xc0/acebridge", b"\0\0\xff\xe0" + bytes(60_000), b"\xc0" + b"x" * 100_000, b"\0")
    streams = [socket.create_connection(peer.to, timeout=PATIENCE_S) for _ in range(2 * MAX_CONNECTIONS)]
    try:
        for number, stream in enumerate(streams):
            with suppress(ConnectionError):  # one too many
                stream.sendall(beginnings[number % len(beginnings)])
        assert assert_serves(daemon, peer) == bridge
        until(lambda: 0 < len(connections(bridge, peer)) <= MAX_CONNECTIONS, "those too many to be closed")
    finally:
        for stream in streams:
            stream.close()
    until(lambda: not connections(bridge, peer), "closed connections")
    with socket.create_connection(peer.to, timeout=PATIENCE_S) as stream:
        packet = message("/acebridge/session")
        stream.sendall(struct.pack(">I", len(packet)) + packet)
        assert stream.recv(4)
    assert bridge.memory_info().rss - before < _GROWTH_BYTES


def test_a_stream_that_is_no_osc_is_closed_with_the_reason(daemon: Daemon, peer: OscPeer) -> None:
    with socket.create_connection(peer.to, timeout=PATIENCE_S) as stream:
        stream.sendall(b"GET / HTTP/1.1\r\n\r\n\xc0")
        assert b"begins with neither an OSC packet nor its length" in stream.recv(4096)
    with socket.create_connection(peer.to, timeout=PATIENCE_S) as stream:
        stream.sendall(struct.pack(">I", 1_000_000))
        received = b""
        while data := stream.recv(4096):
            received += data
        assert b"1000000 bytes" in received
    assert_serves(daemon, peer)


def test_a_web_page_sends_no_messages(peer: OscPeer) -> None:
    own = message("/acebridge/session/caption", "s", "by a web page")
    for body in (frame(own, by_length=False), frame(own, by_length=True), own):
        request = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n" % len(body)
        with socket.create_connection(peer.to, timeout=PATIENCE_S) as stream, suppress(ConnectionError):
            stream.sendall(request + body)
            while stream.recv(4096):
                pass
    assert peer.session() == {}


def test_messages_for_later_are_few(daemon: Daemon, peer: OscPeer) -> None:
    packet = bundle(*[message("/acebridge/again", "i", 0)] * MAX_MESSAGES, at_s=now_s() + 600)
    for _ in range(MAX_SCHEDULED // MAX_MESSAGES):
        peer.send_bytes(packet)
    peer.send_bytes(bundle(message("/acebridge/session/bpm", "i", 90), at_s=now_s() + 600))
    assert "1024 messages wait for their time" in peer.wait_for("error")[-1].values[1]
    assert_serves(daemon, peer)


def test_feedback_addresses_are_few(daemon: Daemon, peer: OscPeer) -> None:
    for port in range(1, MAX_FEEDBACK + 2):
        peer.send("/acebridge/feedback", "si", "127.0.0.1", port)
    assert "16 feedback addresses" in peer.wait_for("error")[-1].values[1]
    for port in range(1, MAX_FEEDBACK + 1):
        peer.send("/acebridge/feedback/stop", "si", "127.0.0.1", port)
    assert_serves(daemon, peer)
