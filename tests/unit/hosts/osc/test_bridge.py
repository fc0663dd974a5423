"""The bridge without sockets: what each peer gets, who is listened to, and how much may wait."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Hashable, Sequence
from concurrent.futures import Future
from pathlib import Path

import pytest

from acebridge.errors import Busy
from acebridge.hosts.osc.access import Access
from acebridge.hosts.osc.address import Address
from acebridge.hosts.osc.addresses import ADDRESSES
from acebridge.hosts.osc.bridge import MAX_CALLS, Bridge
from acebridge.hosts.osc.jobs import Jobs, OpenFile
from acebridge.hosts.osc.messages import Value
from acebridge.hosts.osc.peer import Peer
from acebridge.hosts.osc.request import Order
from acestep_runtime.errors import InvalidValue
from tests.support.daemon import PATIENCE_S
from tests.support.osc import Answer, bundle, message, now_s, parse

TOKEN = "5ec2e7"
#: Below no root.
OUTSIDE = Path("/outside/song.wav").resolve()


class FakePeer:
    """A peer that keeps what it gets."""

    def __init__(self, host: str = "127.0.0.1", *, is_stream: bool = False, key: Hashable = 1) -> None:
        self.host, self.is_stream, self.key = host, is_stream, key
        self.answers: list[Answer] = []

    def send(self, packet: bytes) -> None:
        self.answers.append(parse(packet))


class FakeJobs(Jobs):
    """Keeps orders instead of running them, and calls until they are released."""

    def __init__(self) -> None:
        self.orders: list[tuple[Order, OpenFile]] = []
        self.release = threading.Event()
        self.latest = None

    def start(self, order: Order, open_file: OpenFile, *_: object) -> None:  # type: ignore[override]
        if order.task == "score":
            raise Busy("64 jobs are under way.", remedy="Wait.")
        self.orders.append((order, open_file))

    def call(self, work: Callable[[], Value]) -> Future[Value]:  # type: ignore[override]
        def run() -> None:
            self.release.wait(PATIENCE_S)
            work()

        threading.Thread(target=run, daemon=True).start()
        return Future()


def with_bridge(
    work: Callable[[Bridge, FakeJobs], Awaitable[None]],
    root: Path = Path("/nowhere"),
    rows: Sequence[Address] = ADDRESSES,
    allow: tuple[str, ...] = (),
) -> None:
    async def run() -> None:
        jobs = FakeJobs()
        bridge = Bridge(rows, jobs, Access((root,), lambda: TOKEN, allow), asyncio.get_running_loop())
        bridge.peer_at = lambda host, port: FakePeer(host, key=(host, port))
        try:
            await work(bridge, jobs)
        finally:
            jobs.release.set()
            bridge.close()

    asyncio.run(run())


async def until(found: Callable[[], object]) -> None:
    async def ask() -> None:
        while not found():  # noqa: ASYNC110 - a thread is to do something
            await asyncio.sleep(0.001)

    await asyncio.wait_for(ask(), PATIENCE_S)


def test_an_order_is_answered_at_once_and_repeated() -> None:
    async def work(bridge: Bridge, jobs: FakeJobs) -> None:
        peer = FakePeer()
        bridge.receive(message("/acebridge/again"), peer)
        assert peer.answers.pop().values[1] == "There is nothing to repeat."
        bridge.receive(message("/acebridge/session/seed", "i", 7), peer)
        bridge.receive(message("/acebridge/go/text2music"), peer)
        assert [answer.values for answer in peer.answers] == [(0.0,), ("text2music: sending",)]
        bridge.receive(message("/acebridge/again"), peer)
        first, second = (order for order, _ in jobs.orders)
        assert first.fields["output"] == {"seeds": [7]}
        assert second.fields["output"] == {}

    with_bridge(work)


def test_there_is_nothing_to_vary_before_a_task_and_when_a_finger_leaves() -> None:
    async def work(bridge: Bridge, jobs: FakeJobs) -> None:
        peer = FakePeer()
        bridge.receive(message("/acebridge/vary", "f", 0.0), peer)
        assert not peer.answers
        bridge.receive(message("/acebridge/vary"), peer)
        assert peer.answers.pop().values == ("/acebridge/vary", "There is nothing to vary.", "Run a task first.")
        assert not jobs.orders

    with_bridge(work)


def test_a_surface_runs_a_task_without_a_peer() -> None:
    async def work(bridge: Bridge, jobs: FakeJobs) -> None:
        with pytest.raises(InvalidValue):
            bridge.run("repaint")
        bridge.session.set("source", str(OUTSIDE))
        bridge.run("repaint")
        ((order, open_file),) = jobs.orders
        assert order.audio == {"source": {"path": str(OUTSIDE)}}
        assert open_file(str(OUTSIDE), "source") == OUTSIDE

    with_bridge(work)


def test_too_much_work_is_said() -> None:
    async def work(bridge: Bridge, _: FakeJobs) -> None:
        peer = FakePeer()
        bridge.session.set("source", str(OUTSIDE))
        bridge.receive(message("/acebridge/go/score"), peer)
        assert peer.answers[-1].values[1:] == ("64 jobs are under way.", "Wait.")

    with_bridge(work)


def test_calls_that_wait_are_few() -> None:
    async def work(bridge: Bridge, jobs: FakeJobs) -> None:
        peer, ran = FakePeer(), []
        for _ in range(MAX_CALLS):
            bridge.work(peer, "/acebridge/status", lambda: ran.append(1))
        with pytest.raises(Busy):
            bridge.work(peer, "/acebridge/status", lambda: ran.append(1))
        jobs.release.set()
        await until(lambda: len(ran) == MAX_CALLS and not bridge._calls)
        bridge.work(peer, "/acebridge/status", lambda: ran.append(1))
        await until(lambda: len(ran) == MAX_CALLS + 1)

    with_bridge(work)


def test_a_path_that_may_not_be_used_leaves_the_session_again(tmp_path: Path) -> None:
    async def work(bridge: Bridge, jobs: FakeJobs) -> None:
        peer, trusted = FakePeer(key=1), FakePeer(key=2)
        bridge.receive(message("/acebridge/session/source", "s", str(OUTSIDE)), peer)
        bridge.receive(message("/acebridge/go/understand"), peer)  # before anybody has looked at it
        with pytest.raises(InvalidValue):
            jobs.orders[0][1](str(OUTSIDE), "source")
        jobs.release.set()
        await until(lambda: peer.answers[-1].kind == "error")
        assert bridge.session.values == {}
        bridge.receive(message("/acebridge/token", "s", TOKEN), trusted)
        bridge.receive(message("/acebridge/session/source", "s", str(OUTSIDE)), trusted)
        bridge.receive(message("/acebridge/go/understand"), peer)  # what a peer with token has set, all may use
        assert jobs.orders[1][1](str(OUTSIDE), "source") == OUTSIDE
        with pytest.raises(InvalidValue):
            jobs.orders[1][1]("/outside/other.wav", "source")

    with_bridge(work, tmp_path)


def test_fields_that_change_go_to_all_feedback_addresses_but_the_sender() -> None:
    async def work(bridge: Bridge, _: FakeJobs) -> None:
        peer = FakePeer(key=("127.0.0.1", 1))
        for port in (1, 2):
            bridge.receive(message("/acebridge/feedback", "si", "127.0.0.1", port), peer)
        one, two = (each for each in bridge.feedback.values() if isinstance(each, FakePeer))
        bridge.receive(message("/acebridge/session/bpm", "f", 96.0), peer)
        bridge.receive(message("/acebridge/session/bpm", "i", 96), peer)
        assert (one.answers, two.answers) == ([], [("/acebridge/session/bpm", "f", (96.0,))])
        bridge.session.set("seed", 2**32 - 1)
        bridge.session.set("bpm", None)
        assert one.answers == [
            ("/acebridge/session/seed", "s", ("4294967295",)),
            ("/acebridge/session/bpm", "s", ("",)),
        ]
        bridge.receive(message("/acebridge/foo"), peer)
        assert [one.answers[-1].kind, two.answers[-1].kind] == ["error", "error"]
        assert not peer.answers  # it is the first of them

    with_bridge(work)


def test_answers_of_another_bridge_are_no_messages() -> None:
    async def work(bridge: Bridge, _: FakeJobs) -> None:
        peer = FakePeer()
        for address in (
            "/acebridge/error",
            "/acebridge/latest/text",
            f"/acebridge/job/{'0' * 32}/done",
            "/acebridge/daemon",
        ):
            bridge.receive(message(address, "s", "x"), peer)
        assert not peer.answers

    with_bridge(work)


def test_other_machines() -> None:
    async def work(bridge: Bridge, _: FakeJobs) -> None:
        stranger, tablet = FakePeer("10.0.0.9", key=1), FakePeer("10.0.0.2", key=2)
        stream = FakePeer("10.0.0.9", is_stream=True, key=3)
        for peer in (stranger, tablet, stream):
            bridge.receive(message("/acebridge/session/bpm", "f", 90.0 + peer.key), peer)  # type: ignore[operator]
        assert bridge.session.values == {"bpm": 92.0}
        bridge.receive(b"no OSC", stranger)
        assert not stranger.answers
        assert "need the token" in stream.answers.pop().values[1]
        bridge.receive(message("/acebridge/token", "s", "wrong"), stream)
        assert "not that of the daemon" in stream.answers.pop().values[1]
        bridge.receive(message("/acebridge/token", "s", TOKEN), stream)
        bridge.receive(message("/acebridge/session/bpm", "f", 93.0), stream)
        assert bridge.session.values == {"bpm": 93.0}
        assert not stream.answers

    with_bridge(work, allow=("10.0.0.2",))


def test_what_a_stranger_sends_waits_for_nothing_and_is_shown_to_nobody() -> None:
    async def work(bridge: Bridge, _: FakeJobs) -> None:
        peer, stranger = FakePeer(), FakePeer("10.0.0.9", is_stream=True, key=3)
        bridge.receive(message("/acebridge/feedback", "si", "127.0.0.1", 1), peer)
        (feedback,) = (each for each in bridge.feedback.values() if isinstance(each, FakePeer))
        for packet in (message("/acebridge/x"), b"no OSC", bundle(message("/acebridge/again"), at_s=now_s() + 600)):
            bridge.receive(packet, stranger)
        assert len(stranger.answers) == 3
        assert not bridge._scheduled
        assert not feedback.answers

    with_bridge(work)


@pytest.mark.parametrize(
    ("address", "tags", "value"),
    [
        ("/acebridge/daw/playing", "h", 2**40),
        ("/acebridge/daw/position", "d", 1e300),
        ("/acebridge/daw/text", "s", "x" * 5000),
    ],
)
def test_a_report_that_no_message_holds_is_refused(address: str, tags: str, value: Value) -> None:
    async def work(bridge: Bridge, _: FakeJobs) -> None:
        peer = FakePeer()
        bridge.receive(message(address, tags, value), peer)
        assert "allowed: " in peer.answers[-1].values[1]
        assert not bridge.daw

    with_bridge(work)


@pytest.mark.parametrize("tag", ["I", "T", "N", "", "i"])
def test_a_button_sends_an_impulse_or_a_number_or_nothing(tag: str) -> None:
    async def work(bridge: Bridge, _: FakeJobs) -> None:
        peer = FakePeer()
        bridge.receive(message("/acebridge/again", tag, 1), peer)
        assert peer.answers[-1].values[1] == "There is nothing to repeat."

    with_bridge(work)


def test_a_fault_of_ours_is_answered_too(caplog: pytest.LogCaptureFixture) -> None:
    def fail(_bridge: Bridge, _peer: Peer, _values: Sequence[Value]) -> None:
        raise ZeroDivisionError("by us")

    async def work(bridge: Bridge, _: FakeJobs) -> None:
        peer = FakePeer()
        bridge.receive(message("/acebridge/x"), peer)
        assert "by us" in peer.answers[-1].values[1]

    with_bridge(work, rows=[Address("/acebridge/x", "", (), "fail", fail)])
    assert "a message failed" in caplog.text


ROW = Address("/acebridge/x", "sfi", ("a", "b", "c"), "", lambda *_: None, optional=2, json=True)


@pytest.mark.parametrize(
    ("tags", "values", "says"),
    [
        ("", (), "has 0 arguments; allowed: 1 to 3: ,sfi a b c."),
        ("sfif", ("x", 1.0, 1, 1.0), "has 4 arguments"),
        ("sf", ("x", float("nan")), "b is nan; allowed: a number."),
        ("sff", ("x", 1.0, 1.5), "c is 1.5; allowed: a whole number."),
        ("b", (b"1234",), "a is 'a blob'; allowed: text."),
    ],
)
def test_arguments_that_do_not_fit(tags: str, values: tuple[Value, ...], says: str) -> None:
    async def work(bridge: Bridge, _: FakeJobs) -> None:
        peer = FakePeer()
        bridge.receive(message("/acebridge/x", tags, *values), peer)
        assert says in peer.answers[-1].values[1]

    with_bridge(work, rows=[ROW])


@pytest.mark.parametrize(
    ("tags", "values", "read"),
    [
        ("s", ("x",), ["x", None, None, None]),
        ("sis", ("x", 2, "3"), ["x", 2.0, 3, None]),
        ("sNf", ("x", 4.0), ["x", None, 4, None]),
        ("ss", ("x", '{"a": 1}'), ["x", None, None, '{"a": 1}']),
        ("sffs", ("x", 1.5, 2.0, " {}"), ["x", 1.5, 2, " {}"]),
        ("dT", (0.5,), ["0.5", 1.0, None, None]),
    ],
)
def test_arguments_that_fit(tags: str, values: tuple[Value, ...], read: list[Value]) -> None:
    seen: list[Value] = []

    def keep(_bridge: Bridge, _peer: Peer, values: Sequence[Value]) -> None:
        seen.extend(values)

    async def work(bridge: Bridge, _: FakeJobs) -> None:
        bridge.receive(message("/acebridge/x", tags, *values), FakePeer())

    with_bridge(work, rows=[Address("/acebridge/x", "sfi", ("a", "b", "c"), "", keep, optional=2, json=True)])
    assert seen == read
