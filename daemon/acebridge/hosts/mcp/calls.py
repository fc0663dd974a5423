"""One call of a tool. Its function runs in a thread and waits there; the event loop passes progress on, and cancels it.

    event loop      run_call ──────────────► report, report ──────────► result
                       │ start    ▲ queue                               ▲
    thread             └─ tool(call, arguments): client, follow a job ──┘

A client that cancels gets no answer. Its job is cancelled at the daemon, and the thread ends when its stream does.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol, TypeVar

import anyio
import anyio.to_thread

from acebridge.errors import AceBridgeError, ErrorReason, JobFailed

if TYPE_CHECKING:
    from acebridge.client.client import Client
    from acebridge.hosts.mcp.access import Access
    from acebridge.v1 import tasks_pb2

#: Calls with one token at the same time that last, and as many that do not; more of them wait. Each takes a thread.
MAX_CALLS = 64
#: Progress of a call: its share, 0 to 1, and a sentence.
Report = Callable[[float, str], Awaitable[None]]
Result = TypeVar("Result")


class _Stream(Protocol):
    def cancel(self) -> bool: ...


class Call:
    """What the function of a tool works with. ``origin`` names the program that calls."""

    def __init__(self, access: Access, origin: str, report: Callable[[float, str], None]) -> None:
        self.access, self.origin = access, origin
        self._report = report
        self._lock = threading.Lock()
        self._job_id = ""
        self._stream: _Stream | None = None
        self._cancelled = self._left = False
        self._reported = -1.0

    @property
    def left(self) -> bool:
        """Whether the time to wait is over: the job goes on."""
        return self._left

    def report(self, fraction: float, message: str) -> None:
        """Tell the caller how far the call is. Only progress that grows is sent, as the protocol has it."""
        if fraction > self._reported:
            self._reported = fraction
            self._report(fraction, message)

    def watch(self, client: Client, job_id: str, *, cancels: bool = True) -> Iterator[tasks_pb2.TaskEvent]:
        """Yield the events of a job. Cancelling the call ends that, and ``cancels`` the job.

        Raises `JobFailed` where the call has been cancelled already.
        """
        with self._lock:
            self._job_id = job_id if cancels else ""
            cancelled = self._cancelled
        if cancelled:
            if cancels:
                client.cancel(job_id)
            raise JobFailed(ErrorReason.CANCELLED, "The call was cancelled.")
        return client.watch(job_id, on_call=self._keep)

    def _keep(self, stream: _Stream) -> None:
        with self._lock:
            self._stream = stream
            ended = self._cancelled or self._left
        if ended:
            stream.cancel()

    def leave(self) -> None:
        """Wait no longer; the job goes on."""
        with self._lock:
            self._left = True
            stream = self._stream
        if stream is not None:
            stream.cancel()

    def cancel(self) -> None:
        """Cancel the job that the call follows, and the call. Waits for the daemon: not for the event loop."""
        with self._lock:
            self._cancelled = True
            job_id, stream = self._job_id, self._stream
        try:
            if job_id:
                with suppress(AceBridgeError), self.access.connect() as client:
                    client.cancel(job_id)
        finally:
            if stream is not None:
                stream.cancel()


async def run_call(
    function: Callable[[Call], Result], access: Access, origin: str, report: Report, limiter: anyio.CapacityLimiter
) -> Result:
    """Run the function of a tool in a thread and return what it returns; cancelling this cancels its job."""
    loop = asyncio.get_running_loop()
    reports: asyncio.Queue[tuple[float, str] | None] = asyncio.Queue()

    def tell(item: tuple[float, str] | None) -> None:
        with suppress(RuntimeError):  # the loop has ended: nobody listens
            loop.call_soon_threadsafe(reports.put_nowait, item)

    call = Call(access, origin, lambda fraction, message: tell((fraction, message)))

    def work() -> Result:
        try:
            return function(call)
        finally:
            tell(None)

    async def pass_on() -> None:
        while (item := await reports.get()) is not None:
            await report(*item)

    passing = asyncio.create_task(pass_on())
    try:
        result = await anyio.to_thread.run_sync(work, abandon_on_cancel=True, limiter=limiter)
        await passing
    except anyio.get_cancelled_exc_class():
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(call.cancel)
        raise
    finally:
        passing.cancel()
    return result
