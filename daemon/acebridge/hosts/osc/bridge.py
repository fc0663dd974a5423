"""The bridge: takes packets from the transports, does what the table of addresses says, and sends answers.

Everything here runs in the event loop and never waits; what waits for the daemon runs in threads (`acebridge.hosts.osc.jobs`),
whose messages come back through `Bridge.send_from_thread`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from acebridge.errors import AceBridgeError, Busy
from acebridge.hosts.osc.access import Access
from acebridge.hosts.osc.address import Address, is_release, read_arguments
from acebridge.hosts.osc.feedback import latest_messages
from acebridge.hosts.osc.jobs import Jobs, OpenFile, describe, fields_of_variation
from acebridge.hosts.osc.messages import Argument, BadPacket, Message, Value, decode, encode
from acebridge.hosts.osc.monitor import Monitor
from acebridge.hosts.osc.peer import Peer
from acebridge.hosts.osc.request import Order, order_of
from acebridge.hosts.osc.session import FIELDS, PATHS, Session
from acebridge.hosts.osc.surface_addresses import PLAYING, POSITION
from acebridge.hosts.osc.table import Table
from acestep_runtime.errors import AceStepError, InvalidValue

log = logging.getLogger(__name__)

#: Messages that wait for their time, and how far that may be away.
MAX_SCHEDULED, MAX_AHEAD_S = 1024, 3600.0
#: Calls of threads that are under way or wait.
MAX_CALLS = 256
#: Addresses that get all feedback.
MAX_FEEDBACK = 16
ERROR, TOKEN = "/acebridge/error", "/acebridge/token"


class Bridge:
    """What the messages of all peers act on: one session, one list of jobs, one list of feedback addresses.

    There is one session for all: a tablet repaints what the DAW has selected, and a shell that sends each message from another
    port is one user all the same.
    """

    def __init__(
        self, addresses: Iterable[Address], jobs: Jobs, access: Access, loop: asyncio.AbstractEventLoop
    ) -> None:
        self.session = Session(self._send_field)
        self.jobs, self.access = jobs, access
        self.feedback: dict[tuple[str, int], Peer] = {}
        #: What a DAW that is followed has reported: address → value.
        self.daw: dict[str, Value] = {}
        #: The program that follows a DAW, as far as it has reported.
        self.follower: Peer | None = None
        #: Makes a peer of a host and a port; the UDP transport sets it.
        self.peer_at: Callable[[str, int], Peer] | None = None
        #: Plays takes and files.
        self.monitor = Monitor(lambda: jobs.connection.client(), partial(self.send_from_thread, None), self._daw_now)
        self._table = Table(addresses)
        self._loop = loop
        #: Paths of the session that a peer without token has set: field → path.
        self._untrusted: dict[str, str] = {}
        self._last: tuple[Order, OpenFile] | None = None
        self._calls = 0
        self._scheduled: set[asyncio.TimerHandle] = set()
        self._sender: Peer | None = None

    # ---- in ----

    def receive(self, packet: bytes, peer: Peer) -> None:
        """Act on a packet, or answer what is wrong with it. A machine that is not allowed gets no answer over UDP."""
        if not self.access.admits(peer) and not peer.is_stream:
            log.debug("packet from a machine that is not in allow", extra={"host": peer.host})
            return
        try:
            messages = decode(packet)
        except BadPacket as fault:
            self.refuse_packet(peer, fault.address, fault)
            return
        for message in messages:
            delay_s = message.at - time.time()
            if delay_s <= 0 or not self.access.admits(peer):  # a stranger's are refused at once, but for a token
                self.act(message, peer)
            else:
                self._schedule(message, delay_s, peer)

    def _schedule(self, message: Message, delay_s: float, peer: Peer) -> None:
        if delay_s > MAX_AHEAD_S:
            remedy = "Check the clock of the sender."
            fault = InvalidValue(
                "time tag", f"{delay_s:.0f} s ahead", f"at most {MAX_AHEAD_S:g} s ahead", remedy=remedy
            )
            self.refuse(peer, message.address, fault)
        elif len(self._scheduled) >= MAX_SCHEDULED:
            self.refuse(
                peer, message.address, Busy(f"{MAX_SCHEDULED} messages wait for their time.", remedy="Send later.")
            )
        else:

            def act() -> None:
                self._scheduled.discard(handle)
                self.act(message, peer)

            handle = self._loop.call_later(delay_s, act)
            self._scheduled.add(handle)

    def act(self, message: Message, peer: Peer) -> None:
        """Do what a message says."""
        if self._table.is_answer(message.address):
            return  # two bridges that have each other's address would never end
        try:
            address, captures = self._table.find(message.address)
            if address.path != TOKEN:
                self.access.check(peer)
            if not is_release(address, message.arguments):
                self._sender = peer
                address.handle(self, peer, [*captures, *read_arguments(address, message.arguments)])
        except (AceBridgeError, AceStepError, OSError) as error:
            self.refuse_packet(peer, message.address, error)
        except Exception as error:
            log.exception("a message failed", extra={"address": message.address})
            self.refuse_packet(peer, message.address, error)
        finally:
            self._sender = None

    # ---- what messages do ----

    def run(self, task: str, arguments: Sequence[Value] = (), peer: Peer | None = None, address: str = "") -> None:
        """Run a task on the session, and on the arguments of its address if it was called by them.

        Without ``peer`` only the feedback addresses get answers. Raises what is wrong with the order.
        """
        order = order_of(task, self.session.values, arguments)
        self._start(order, self.file_opener(peer), peer, address or f"/acebridge/go/{task}")

    def file_opener(self, peer: Peer | None) -> OpenFile:
        """Return what checks the paths that a peer names, and those of the session that need no check any more."""
        is_trusted = peer is None or self.access.is_trusted(peer)
        own = {path for field in PATHS if (path := self.session.text(field)) != self._untrusted.get(field)}

        def open_file(path: str, field: str) -> Path:
            return self.access.check_path(path, field, is_trusted=is_trusted or path in own)

        return open_file

    def run_again(self, peer: Peer | None, address: str) -> None:
        """Repeat the last order with new seeds. Raises `InvalidValue` when there was none."""
        if self._last is None:
            raise InvalidValue(
                "order", "none", "one before it", message="There is nothing to repeat.", remedy="Run a task first."
            )
        order, open_file = self._last
        self._start(order.with_new_seeds(), open_file, peer, address)

    def run_variation(self, peer: Peer | None, address: str, amount: float, take: int | None) -> None:
        """Vary a take of the job that began last, by default its first. Raises `InvalidValue` where there is no job."""
        run, last = self.jobs.latest, self._last
        if run is None or last is None or not run.job_id:
            raise InvalidValue(
                "job", "none", "one before it", message="There is nothing to vary.", remedy="Run a task first."
            )
        order, open_file = run.order, last[1]
        takes = self.session.values.get("takes")

        def begin(varied: Order) -> None:
            try:
                self._start(varied, open_file, peer, address)
            except Busy as error:
                self.refuse(peer, address, error)

        def find() -> None:
            fields = fields_of_variation(
                self.jobs.connection.client(), run.job_id, take, amount, takes if isinstance(takes, int) else None
            )
            self._call_soon(partial(begin, order.with_fields(fields)))

        self.work(peer, address, find)

    def _start(self, order: Order, open_file: OpenFile, peer: Peer | None, address: str) -> None:
        def refuse(error: Exception) -> None:
            self._call_soon(partial(self._show, peer, f"{order.task}: {describe(error)[1]}"))
            self.refuse_from_thread(peer, address, error)

        # At once: the daemon's first answer may take a while, for it copies the source before.
        self._show(peer, f"{order.task}: sending")
        self.jobs.start(order, open_file, partial(self.send_from_thread, peer), refuse)
        self._last = order, open_file

    def _show(self, peer: Peer | None, text: str) -> None:
        """Send the first, or the only, thing that a fader and a label get of an order."""
        for message in latest_messages(0.0, text):
            self.send(peer, *message)

    def set_path(self, peer: Peer, field: str, path: str) -> None:
        """Set a field of the session that is a path; a thread clears it again, and answers why, if the peer may not use it.

        What this program itself sets is not checked. What a peer without token has set is, here and when an order uses it.
        """
        is_trusted = self.access.is_trusted(peer)
        self.session.set(field, path)
        self._untrusted[field] = "" if is_trusted else path

        def clear() -> None:
            if self.session.text(field) == path:
                self.session.set(field, None)
                self._untrusted[field] = ""

        def check() -> None:
            try:
                self.access.check_path(path, field, is_trusted=is_trusted)
            except InvalidValue:
                self._call_soon(clear)
                raise

        self.work(peer, f"/acebridge/session/{field}", check)

    def work(self, peer: Peer | None, address: str, work: Callable[[], None]) -> None:
        """Do something that waits, for the daemon or a disk, in a thread; what it raises is answered as an error.

        Raises `Busy` when too much waits already.
        """
        if self._calls >= MAX_CALLS:
            raise Busy(f"{MAX_CALLS} questions wait for an answer.", remedy="Ask less often.")
        self._calls += 1

        def end() -> None:
            self._calls -= 1

        def run() -> None:
            try:
                work()
            except Exception as error:  # whatever it is, somebody waits for an answer
                self.refuse_from_thread(peer, address, error)
            finally:
                self._call_soon(end)

        self.jobs.call(run)

    def add_feedback(self, peer: Peer, host: str, port: int) -> None:
        """Send feedback to a host and port too. Raises `InvalidValue` and `Busy`."""
        host = self.access.check_feedback(peer, host)
        if not 1 <= port <= 65535:
            raise InvalidValue("port", port, "1 to 65535")
        if (host, port) not in self.feedback and len(self.feedback) >= MAX_FEEDBACK:
            remedy = "Send /acebridge/feedback/stop for one of them."
            raise Busy(f"{MAX_FEEDBACK} feedback addresses are registered.", remedy=remedy)
        if self.peer_at is not None:
            self.feedback[host, port] = self.peer_at(host, port)

    # ---- out ----

    def send(self, peer: Peer | None, address: str, tags: str = "", *arguments: Argument) -> None:
        """Send a message to a peer, if there is one, and to all feedback addresses."""
        self._send_packet(peer, encode(address, tags, *arguments))

    def send_from_thread(self, peer: Peer | None, address: str, tags: str = "", *arguments: Argument) -> None:
        """Do what `send` does, from any thread."""
        self._call_soon(partial(self._send_packet, peer, encode(address, tags, *arguments)))

    def _send_packet(self, peer: Peer | None, packet: bytes) -> None:
        for each in {to.key: to for to in (*([] if peer is None else [peer]), *self.feedback.values())}.values():
            each.send(packet)

    def _call_soon(self, work: Callable[[], None]) -> None:
        """Do something in the event loop, from any thread; nothing once that has ended."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(work)

    def refuse(self, peer: Peer | None, address: str, error: Exception) -> None:
        """Answer what is wrong."""
        self._send_packet(peer, _error_packet(address, error))

    def refuse_packet(self, peer: Peer, address: str, error: Exception) -> None:
        """Answer what is wrong with what a peer has sent; a stranger's faults are not shown to others."""
        if self.access.admits(peer):
            self.refuse(peer, address, error)
        else:
            peer.send(_error_packet(address, error))

    def refuse_from_thread(self, peer: Peer | None, address: str, error: Exception) -> None:
        """Answer what is wrong, from any thread."""
        self._call_soon(partial(self.refuse, peer, address, error))

    def send_field(self, peer: Peer, field: str) -> None:
        """Send a field of the session, as `send` does."""
        self._send_packet(peer, _field_packet(field, self.session.values.get(field)))

    def _send_field(self, field: str, value: Value) -> None:
        """Send a field that has changed to the feedback addresses, except to the one that changed it."""
        for each in self.feedback.values():
            if self._sender is None or each.key != self._sender.key:
                each.send(_field_packet(field, value))

    def _daw_now(self) -> tuple[float | None, bool | None]:
        """Return the DAW's position in seconds and whether it rolls, as far as it has reported them."""
        position_s, rolls = self.daw.get(POSITION), self.daw.get(PLAYING)
        return (
            float(position_s) if isinstance(position_s, (int, float)) else None,
            bool(rolls) if rolls is not None else None,
        )

    def close(self) -> None:
        """Forget what is scheduled; end the sound."""
        self.monitor.close()
        for handle in self._scheduled:
            handle.cancel()
        self._scheduled.clear()


def _field_packet(field: str, value: Value) -> bytes:
    """Return the message for a field; one that is not set is empty text."""
    tag = "s" if value is None else FIELDS[field].tag
    if tag == "i" and isinstance(value, int) and value >= 2**31:
        tag, value = "s", str(value)  # a seed: few programs read integers of 64 bits
    return encode(f"/acebridge/session/{field}", tag, "" if value is None else value)


#: Longest texts of an error.
_LONGEST = 2000


def _error_packet(address: str, error: Exception) -> bytes:
    _, message, remedy = describe(error)
    return encode(ERROR, "sss", *(text[:_LONGEST] for text in (address, message, remedy)))
