"""The line to a daemon on another machine: what is known of it, and which jobs go there.

The process that watches the line (`acebridge.forwarding.watch`) says what it finds; the scheduler asks here, and never waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from acebridge.addresses import split_address
from acebridge.background import wait_at_most
from acebridge.workers.base import Device, Need
from acebridge.workers.launch import Spawner, command
from acebridge.workers.local import Limits, LocalWorker

#: The engines whose jobs go to the other machine: it is there for its GPU.
ENGINES = frozenset({"neural"})
_PREFIX = "remote:"


def device_name(address: str) -> str:
    """Return the name of the device that stands for the daemon at ``address``."""
    return f"{_PREFIX}{address}"


def address_of(device: str) -> str:
    """Return the address that a device stands for."""
    return device.removeprefix(_PREFIX)


def find_address(devices: Iterable[str]) -> str:
    """Return the address of the daemon that one with these devices is connected to, "" for none."""
    return next((address_of(device) for device in devices if device.startswith(_PREFIX)), "")


@dataclass(frozen=True)
class RemoteState:
    """What the watch has found. All but ``is_up`` and ``why`` is from when the line was up last.

    ``why`` says in a sentence why the line is down; ``missing`` what the neural engine there lacks. ``tasks`` are those that it
    can do, ``None`` as long as nobody has asked; ``models`` and ``adapters`` are names.
    """

    is_up: bool = False
    why: str = ""
    version: str = ""
    missing: str = ""
    tasks: frozenset[str] | None = None
    models: tuple[str, ...] = ()
    adapters: tuple[str, ...] = ()


class Line:
    """The line to the daemon at ``address``."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.state = RemoteState()
        #: The tasks that the neural engine of this machine can do; ``None`` until somebody has looked.
        self.own_tasks: frozenset[str] | None = None
        #: Called when the answers of `suits_remote` and `suits_local` may be others.
        self.on_change: Callable[[], None] = lambda: None
        #: Has the watch look again.
        self.ask_again: Callable[[], None] = lambda: None
        self._is_known = asyncio.Event()

    @property
    def host(self) -> str:
        """The other machine, as people call it."""
        return split_address(self.address)[0]

    def note_own(self, tasks: frozenset[str]) -> None:
        """Note what this machine can do."""
        if tasks != self.own_tasks:
            self.own_tasks = tasks
            self.on_change()

    def note_state(self, state: RemoteState) -> None:
        """Note what the watch has found."""
        self.state = state
        self._is_known.set()
        self.on_change()

    async def wait_until_known(self, limit_s: float = 5.0) -> None:
        """Wait until the watch has found something, at a daemon that has just been started; not longer than ``limit_s``."""
        with suppress(asyncio.TimeoutError):
            await wait_at_most(limit_s, self._is_known.wait())

    async def refresh(self, limit_s: float = 5.0) -> None:
        """Have the watch ask the other machine again what it can do; wait for its answer, not longer than ``limit_s``."""
        self._is_known.clear()
        self.ask_again()
        await self.wait_until_known(limit_s)
        self._is_known.set()

    def can_do(self, task: str) -> bool:
        """Return whether the line is up and the other machine can do a task."""
        return self.state.is_up and self.state.tasks is not None and task in self.state.tasks

    def leads_there(self, engine: str, task: str) -> bool:
        """Return whether a job goes to the other machine now. What this one cannot do waits for it."""
        return engine in ENGINES and (self.can_do(task) or task not in (self.own_tasks or ()))

    def suits_remote(self, need: Need) -> bool:
        """Return whether a waiting job is for the other machine."""
        return self.own_tasks is not None and self._leads_there(need)

    def suits_local(self, need: Need) -> bool:
        """Return whether a waiting job is for a worker of this machine."""
        is_known = self.own_tasks is not None or need.engine not in ENGINES
        return is_known and not self._leads_there(need)

    def _leads_there(self, need: Need) -> bool:
        """Return whether a waiting job goes to the other machine. One without a model here named one that is there alone."""
        return self.leads_there(need.engine, need.task) or (need.engine in ENGINES and not need.model)


class RemoteWorker(LocalWorker):
    """A worker on this machine that has its jobs done at the other end of a line. ``home`` is the data folder.

    Its process waits for the line as long as it takes, so it has no limit of time; the daemon there has its own.
    """

    def __init__(self, line: Line, home: Path, *, record: Callable[[int], None] = lambda _: None) -> None:
        launcher = Spawner(home, command("acebridge.forwarding.main"), {"ACEBRIDGE_HOME": str(home)})
        device = Device(device_name(line.address), is_elsewhere=True)
        super().__init__(device, launcher, limits=Limits(), record=record, suits=line.suits_remote)
        self._line = line

    @property
    def problem(self) -> str:
        """See `Worker.problem`: why the line is down."""
        return "" if self._line.state.is_up else self._line.state.why
