"""The Worker protocol: a place that runs jobs. A new kind of place is one class with these members."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Protocol

from acebridge.workers.messages import Message, WorkOrder


@dataclass(frozen=True)
class Device:
    """``name`` as torch and the contract have it (``cpu``, ``cuda:0``); ``label`` is for people (``NVIDIA H100``).

    ``parts`` is the setting of that name, for the worker that has several devices; its name is that of the transformer.
    One that ``is_elsewhere`` belongs to another daemon, which loads and unloads its models itself.
    """

    name: str
    label: str = ""
    parts: str = ""
    is_elsewhere: bool = False

    def __str__(self) -> str:
        notes = ", ".join(filter(None, (self.label, self.parts and f"parts {self.parts}")))
        return f"{self.name} ({notes})" if notes else self.name


@dataclass(frozen=True)
class Need:
    """What a waiting job needs of the worker that runs it.

    ``engine`` and ``task`` are names; ``model`` is the full name of the model that the job loads, "" where the engine has none
    or the daemon cannot tell.
    """

    engine: str
    task: str
    model: str = ""


#: The reason of a `WorkerDied` whose process was killed.
KILLED = "exit code -9"


class WorkerDied(Exception):
    """The worker ended before its order did.

    ``took_order`` is false when it ended before it can have begun: then the order may be sent again.
    """

    def __init__(self, reason: str, *, took_order: bool = True) -> None:
        super().__init__(reason)
        self.took_order = took_order


class NotReady(WorkerDied):
    """It has gone, or has not come yet, and has not begun the order. `Worker.suits` says when it may be given again."""


class OutOfMemory(WorkerDied):
    """It took more memory than it may, and would again. ``message`` and ``remedy`` are for the user."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


class Worker(Protocol):
    """A place that runs one order at a time on one device. The first order starts it."""

    device: Device

    @property
    def pid(self) -> int:
        """Its process id on this machine; 0 when it is not alive, or elsewhere."""
        ...

    @property
    def models(self) -> Sequence[str]:
        """Names of the models that it has loaded."""
        ...

    @property
    def restarts(self) -> int:
        """How many times it was restarted."""
        ...

    @property
    def problem(self) -> str:
        """Why it cannot work now, with what to do about it, as sentences; "" when it can."""
        ...

    def suits(self, need: Need) -> bool:
        """Return whether it may run a job with this need now.

        The scheduler asks in its event loop, and often: the answer must not wait for anything. When the answer may have turned
        from no to yes, call `acebridge.jobs.scheduler.Scheduler.wake`.
        """
        ...

    def run(self, order: WorkOrder) -> AsyncGenerator[Message, None]:
        """Send an order and yield the messages, up to and including ``done`` or ``error``. Raises `WorkerDied`.

        One order at a time: the caller sends the next after the end of the last.
        """
        ...

    async def cancel(self, order_id: str) -> None:
        """Ask it to stop the order that it runs. The end of `run` shows when the caller may go on.

        An order that has already ended is no error.
        """
        ...

    async def kill(self) -> None:
        """End it now, even while it starts; the next order starts it again."""
        ...
